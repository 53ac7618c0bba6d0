using Gatehouse.Input;
using Gatehouse.Objects;
using Gatehouse.Proxy.Configuration.Yaml;
using Gatehouse.Root.Gateways;
using Gatehouse.TestKit.Tls;

namespace Gatehouse.Repo.Tests;

/// <summary>Every sample is read and checked by the code that <c>gatehouse apply</c> uses, or for routes of a proxy <c>gatehouse proxy</c>.</summary>
public sealed class SampleTests
{
    /// <summary>Ending of Oakestra's deployment descriptors, which are no objects.</summary>
    private const string Descriptor = "-descriptor.json";

    /// <summary>Folder of a proxy's routes, which are no objects either.</summary>
    private const string Proxy = "samples/proxy/";

    private static readonly IReadOnlyList<string> Files = [.. Repository.Files.Where(f => f.StartsWith("samples/", StringComparison.Ordinal))];

    public static TheoryData<string> Samples => [.. Files.Where(f => !f.EndsWith(Descriptor, StringComparison.Ordinal) && !f.EndsWith(".md", StringComparison.Ordinal) && !f.StartsWith(Proxy, StringComparison.Ordinal))];

    public static TheoryData<string> Routes => [.. Files.Where(f => f.StartsWith(Proxy, StringComparison.Ordinal) && !f.EndsWith(".md", StringComparison.Ordinal))];

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
    [MemberData(nameof(Routes))]
    public void Routes_of_a_proxy_have_neither_fault_nor_warning(string file)
    {
        using var folder = CertificateFiles.Folder(CertificateFiles.OfExamples);
        var outcome = RoutesFile.Read(File.ReadAllBytes(Path.Combine(Repository.Root, file)), file, folder.Path, TimeProvider.System);
        Assert.Empty(outcome.Faults);
        Assert.Empty(outcome.Warnings);
        Assert.NotEmpty(outcome.Config!.Listeners);
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
