using Gatehouse.Input;
using Gatehouse.Objects;

namespace Gatehouse.Repo.Tests;

/// <summary>Every sample is read and checked by the code that <c>gatehouse apply</c> uses.</summary>
public sealed class SampleTests
{
    public static TheoryData<string> Samples => [.. Repository.Files.Where(f => f.StartsWith("samples/", StringComparison.Ordinal) && Path.GetExtension(f) is ".yaml" or ".yml" or ".json")];

    [Theory]
    [MemberData(nameof(Samples))]
    public void A_sample_has_no_fault(string file)
    {
        List<string> faults = [];
        var objects = new ObjectFiles(TextReader.Null).Read([Path.Combine(Repository.Root, file)], faults);
        faults.AddRange(objects.SelectMany(o => o.Faults()));
        Assert.True(faults.Count == 0, string.Join('\n', faults));
        Assert.NotEmpty(objects);
        Assert.All(objects, o => Assert.Contains(o.Kind, KindTable.All));
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void A_sample_says_what_it_is_for(string file) => Assert.StartsWith("# ", Repository.Read(file), StringComparison.Ordinal);
}
