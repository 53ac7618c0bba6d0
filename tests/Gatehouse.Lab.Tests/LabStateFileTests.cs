using Gatehouse.TestKit;

namespace Gatehouse.Lab.Tests;

public sealed class LabStateFileTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    private static LabState State => new()
    {
        Name = "lab",
        WorkersPerCluster = 2,
        Clusters = 1,
        Underlay = UnderlayFamily.Ipv6,
        Rootless = true,
        Inits = new Dictionary<string, int>(StringComparer.Ordinal) { ["root"] = 4 },
        Processes = [new LabProcess { Host = "root", Role = "root", Pid = 7, Stopped = true, Command = ["gatehouse", "serve"], Log = "/x" }],
    };

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_was_written_is_read()
    {
        var file = new LabStateFile(_folder.Path);
        file.Write(State);
        var read = file.Read()!;

        Assert.Equivalent(State, read, strict: true);
    }

    [Fact]
    public void No_file_is_no_lab() => Assert.Null(new LabStateFile(_folder["nowhere"]).Read());

    [Fact]
    public void Of_two_that_create_one_wins()
    {
        Assert.True(new LabStateFile(_folder.Path).TryCreate(State));
        Assert.False(new LabStateFile(_folder.Path).TryCreate(State with { Name = "other" }));
        Assert.Equal("lab", new LabStateFile(_folder.Path).Read()!.Name);
    }

    [Fact]
    public void A_file_cut_anywhere_is_told_never_believed()
    {
        var file = new LabStateFile(_folder.Path);
        file.Write(State);
        var path = _folder["lab.json"];
        var whole = File.ReadAllBytes(path);
        for (var length = 0; length < whole.Length - 1; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.Contains(path, Assert.Throws<LabException>(file.Read).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{"format":2,"name":"x","workersPerCluster":1,"clusters":1}""")]
    [InlineData("""{"format":1}""")]
    public void Another_content_is_told(string text)
    {
        File.WriteAllText(_folder["lab.json"], text);

        Assert.Contains("gatehouse lab down", Assert.Throws<LabException>(new LabStateFile(_folder.Path).Read).Message, StringComparison.Ordinal);
    }
}
