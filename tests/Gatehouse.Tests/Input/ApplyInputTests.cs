using Gatehouse.TestKit;

namespace Gatehouse.Tests.Input;

/// <summary>Files that <c>apply</c> reads: good ones of every shape, and every fault with file, document and field.</summary>
public sealed class ApplyInputTests
{
    private const string Good = """
        apiVersion: gatehouse.dev/v1
        kind: FabricService
        metadata:
          name: web
        spec:
          policies: [roundRobin, closest]
        """;

    public static TheoryData<string, string, string> Readable => new()
    {
        { "one.yaml", Good, "1 objects" },
        { "two.yaml", Good + "\n---\n" + Good.Replace("web", "dns", StringComparison.Ordinal), "2 objects" },
        { "empty-documents.yaml", "---\n" + Good + "\n---\n---\n", "1 objects" },
        { "one.json", """{"apiVersion":"gatehouse.dev/v1","kind":"FabricService","metadata":{"name":"web"}}""", "1 objects" },
        { "comma.json", """{"apiVersion":"gatehouse.dev/v1","kind":"FabricService","metadata":{"name":"web",},}""", "1 objects" },
        { "array.json", """[{"apiVersion":"gatehouse.dev/v1","kind":"FabricService","metadata":{"name":"a"}},{"apiVersion":"gatehouse.dev/v1","kind":"FabricService","metadata":{"name":"b"}}]""", "2 objects" },
        { "list.yaml", """{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"gatehouse.dev/v1","kind":"FabricService","metadata":{"name":"a"}}]}""", "1 objects" },
        { "flow.yaml", "{apiVersion: gatehouse.dev/v1, kind: FabricService, metadata: {name: web}}", "1 objects" },
        { "json-in.yaml", "{\n\t\"apiVersion\": \"gatehouse.dev/v1\",\n\t\"kind\": \"FabricService\", \"metadata\": {\"name\": \"web\",},\n}", "1 objects" },
        { "quoted.yaml", Good.Replace("name: web", "name: \"80\"", StringComparison.Ordinal), "1 objects" },
    };

    [Theory]
    [MemberData(nameof(Readable))]
    public async Task Good_files_are_read(string name, string text, string expected)
    {
        using var folder = new TemporaryDirectory();
        var result = await CheckAsync(folder, name, text);

        Assert.True(result.Code == 0, result.Error);
        Assert.StartsWith(expected, result.Out, StringComparison.Ordinal);
    }

    public static TheoryData<string, string, string[]> Faulty => new()
    {
        { "broken.yaml", "a: [1, 2", ["broken.yaml: line "] },
        { "broken.json", """{"apiVersion": }""", ["broken.json: line 1"] },
        { "empty.yaml", "", ["holds no object"] },
        { "scalar.yaml", "just text", ["document 1: is no object"] },
        { "kind.yaml", Good.Replace("FabricService", "Fabric", StringComparison.Ordinal), ["document 1: apiVersion, kind: 'gatehouse.dev/v1', 'Fabric' is not known", "gatehouse.dev/v1 FabricService"] },
        { "name.yaml", Good.Replace("name: web", "name: Web_1", StringComparison.Ordinal), ["document 1: metadata.name: 'Web_1' is not valid"] },
        { "noname.yaml", Good.Replace("name: web", "labels: {}", StringComparison.Ordinal), ["document 1: metadata.name: is required"] },
        { "number.yaml", Good.Replace("name: web", "name: 80", StringComparison.Ordinal), ["metadata.name"] },
        { "policy.yaml", Good.Replace("closest", "nearest", StringComparison.Ordinal), ["document 1: spec.policies"] },
        { "unknown.yaml", Good.Replace("policies", "polices", StringComparison.Ordinal), ["document 1: spec.polices: is not known; there are: ", "policies"] },
        { "second.yaml", Good + "\n---\n" + Good.Replace("metadata:\n  name: web", "metadata: {name: web, colour: red}", StringComparison.Ordinal), ["document 2: metadata.colour: is not known"] },
        { "several.yaml", """
            apiVersion: gatehouse.dev/v1
            kind: Exposure
            metadata: {name: x}
            spec: {port: 0, servicePort: 70000, serviceAddress: 10.30, publicAddress: nowhere}
            """, ["spec.gateway", "spec.port: '0'", "spec.servicePort: '70000'", "spec.serviceAddress", "spec.publicAddress: 'nowhere'"] },
    };

    [Theory]
    [MemberData(nameof(Faulty))]
    public async Task Every_fault_is_named_with_its_place(string name, string text, string[] faults)
    {
        using var folder = new TemporaryDirectory();
        var result = await CheckAsync(folder, name, text);

        Assert.Equal(64, result.Code);
        Assert.Contains(name, result.Error, StringComparison.Ordinal);
        foreach (var fault in faults) Assert.Contains(fault, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Faults_of_all_files_come_together()
    {
        using var folder = new TemporaryDirectory();
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "a.yaml"), "a: [", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "b.json"), "{", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "c.txt"), "is left out of a folder", TestContext.Current.CancellationToken);
        var result = await new Cli().RunAsync("apply", "--check", "-f", folder.Path, "-f", Path.Combine(folder.Path, "missing.yaml"));

        Assert.Equal(64, result.Code);
        foreach (var name in (string[])["a.yaml", "b.json", "missing.yaml"]) Assert.Contains(name, result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("c.txt", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Standard_input_is_a_file_too()
    {
        var result = await new Cli { Input = Good }.RunAsync("apply", "--check", "-f", "-");

        Assert.True(result.Code == 0, result.Error);
    }

    private static async Task<CliResult> CheckAsync(TemporaryDirectory folder, string name, string text)
    {
        var path = Path.Combine(folder.Path, name);
        await File.WriteAllTextAsync(path, text, TestContext.Current.CancellationToken);
        return await new Cli().RunAsync("apply", "--check", "-f", path);
    }
}
