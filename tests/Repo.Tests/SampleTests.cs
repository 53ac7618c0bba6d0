using Gatehouse.Input;
using Gatehouse.Objects;
using Gatehouse.Root.Gateways;

namespace Gatehouse.Repo.Tests;

/// <summary>Every sample is read and checked by the code that <c>gatehouse apply</c> uses.</summary>
public sealed class SampleTests
{
    /// <summary>Ending of Oakestra's deployment descriptors, which are no objects.</summary>
    private const string Descriptor = "-descriptor.json";

    private static readonly IReadOnlyList<string> Files = [.. Repository.Files.Where(f => f.StartsWith("samples/", StringComparison.Ordinal))];

    public static TheoryData<string> Samples => [.. Files.Where(f => !f.EndsWith(Descriptor, StringComparison.Ordinal) && !f.EndsWith(".md", StringComparison.Ordinal))];

    public static TheoryData<string> Commented => [.. Files.Where(f => Path.GetExtension(f) is ".yaml" or ".yml" or ".md")];

    public static TheoryData<string> Descriptors => [.. Files.Where(f => f.EndsWith(Descriptor, StringComparison.Ordinal))];

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
    [MemberData(nameof(Descriptors))]
    public void A_descriptor_has_neither_fault_nor_warning(string file)
    {
        var reading = DescriptorReader.Read(File.ReadAllBytes(Path.Combine(Repository.Root, file)));
        Assert.Empty(reading.Faults);
        Assert.Empty(reading.Warnings);
    }

    [Theory]
    [MemberData(nameof(Commented))]
    public void A_sample_says_what_it_is_for(string file) => Assert.StartsWith("# ", Repository.Read(file), StringComparison.Ordinal);
}
