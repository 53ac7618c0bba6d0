using Gatehouse.Lab;

namespace Gatehouse.Lab.Tests;

public sealed class LabOptionsTests
{
    public static TheoryData<string, int, int, string, string[]> Rows => new()
    {
        { "lab", 3, 1, "/var/lib/x", [] },
        { "a", 1, 1, "/x", [] },
        { "a1234567890123456789", 100, 16, "/x", [] },
        { "", 3, 1, "/x", ["--name: ''"] },
        { "Lab", 3, 1, "/x", ["--name: 'Lab'"] },
        { "1lab", 3, 1, "/x", ["--name: '1lab'"] },
        { "a_b", 3, 1, "/x", ["--name: 'a_b'"] },
        { "../up", 3, 1, "/x", ["--name: '../up'"] },
        { "a12345678901234567890", 3, 1, "/x", ["--name: 'a12345678901234567890'"] },
        { "lab", 0, 17, "x", ["--workers: '0'", "--clusters: '17'", "--directory: 'x'"] },
        { "lab", 101, 0, "/x", ["--workers: '101'", "--clusters: '0'"] },
        { "lab", 1, 1, "/" + new string('d', 64), ["at most 64 characters"] },
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public void All_faults_come_together(string name, int workers, int clusters, string directory, string[] faults)
    {
        var found = new LabOptions { Name = name, Workers = workers, Clusters = clusters, Directory = directory, Program = ["x"] }.Faults();

        Assert.Equal(faults.Length, found.Count);
        foreach (var (expected, actual) in faults.Zip(found)) Assert.Contains(expected, actual, StringComparison.Ordinal);
    }
}
