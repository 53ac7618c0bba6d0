using System.Buffers;
using System.Text;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Gatehouse.Proxy.Configuration.Form;
using Gatehouse.Proxy.Configuration.Snapshot;
using Gatehouse.Proxy.Configuration.Yaml;
using Gatehouse.TestKit.Tls;

namespace Gatehouse.Proxy.Tests.Configuration;

/// <summary>The schema and the reference are what the reader reads.</summary>
public sealed class SchemaTests
{
    private static readonly JsonObject Ours = RoutesSchema.Make().Schema;

    [Fact]
    public void The_schema_in_the_documents_is_the_one_in_the_code() => Documents.Check(RoutesSchema.Text(), "docs/formats/proxy-routes.schema.json");

    [Fact]
    public void The_keys_in_the_reference_are_the_ones_in_the_code()
    {
        const string Begin = "<!-- keys -->\n", End = "<!-- end of keys -->";
        var text = Documents.Read("docs/formats/proxy-routes.md");
        var (from, to) = (text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length, text.IndexOf(End, StringComparison.Ordinal));

        Documents.Check(text[..from] + Tables() + text[to..], "docs/formats/proxy-routes.md");
    }

    [Theory]
    [MemberData(nameof(Documents.Examples), MemberType = typeof(Documents))]
    public void An_example_is_right_to_the_reader_and_to_the_schema(string place)
    {
        using var folder = CertificateFiles.Folder(CertificateFiles.OfExamples);
        var text = Documents.Example(place);

        Read.Right(text, folder.Path);
        Assert.Empty(Schema.Broken(Ours, Schema.Json(Table(text).Root)));
    }

    [Fact]
    public void What_a_snapshot_holds_is_right_to_the_schema() => Prop.ForAll(RandomConfigs.Right, config =>
    {
        var output = new ArrayBufferWriter<byte>();
        ConfigJson.Write(output, config, 0);
        var json = JsonNode.Parse(output.WrittenSpan)!.AsObject();
        json.Remove("revision");
        Assert.Empty(Schema.Broken(Ours, json));
        return true;
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("listener: []")]
    [InlineData("listeners: [{ name: a }]")]
    [InlineData("listeners: [{ name: a b, address: 127.0.0.1:80 }]")]
    [InlineData("listeners: [{ name: a, address: example.com }]")]
    [InlineData("listeners: [{ name: a, address: 127.0.0.1:80, protocol: HTTP }]")]
    [InlineData("listeners: [{ name: a, address: 127.0.0.1:80, to: x, defaultUpstream: y }]")]
    [InlineData("listeners: [{ name: a, address: 127.0.0.1:80, limits: { fields: 0 } }]")]
    [InlineData("listeners: [{ name: a, address: 127.0.0.1:80, timeouts: { idle: 10 } }]")]
    [InlineData("virtualHosts: [{ name: a }]")]
    [InlineData("virtualHosts: [{ hosts: a, host: b }]")]
    [InlineData("virtualHosts: [{ hosts: a, to: u, routes: [] }]")]
    [InlineData("virtualHosts: [{ hosts: a, routes: [{ path: /a, exact: /b, to: u }] }]")]
    [InlineData("virtualHosts: [{ hosts: a, routes: [{ path: a, to: u }] }]")]
    [InlineData("virtualHosts: [{ hosts: a, routes: [{ upgrade: yes, to: u }] }]")]
    [InlineData("certificates: [{ name: a, chain: x, chainFile: y, key: z }]")]
    [InlineData("certificates: [{ name: a, chain: x }]")]
    [InlineData("upstreams: [{ name: a, endpoints: [{ address: 127.0.0.1:80, weight: 257 }] }]")]
    public void What_the_schema_refuses_the_reader_refuses(string text)
    {
        Assert.NotEmpty(Schema.Broken(Ours, Schema.Json(Table(text).Root)));
        Assert.NotEmpty(Read.Yaml(text).Faults);
    }

    private static YamlTable Table(string text) => YamlTableReader.Read(Encoding.UTF8.GetBytes(text)).Table!;

    private static string Tables()
    {
        var text = new StringBuilder();
        foreach (var (name, description, rows) in RoutesSchema.Make().Parts.Tables.OrderBy(t => t.Name == ConfigForm.Shape.Name ? 0 : 1))
        {
            text.Append($"\n### {name}\n\n{description}\n\n| key | value | default | meaning |\n|---|---|---|---|\n");
            foreach (var row in rows)
            {
                var keys = string.Join(", ", row.Key.Split(", ").Select(k => $"`{k}`"));
                text.Append($"| {keys} | {row.Words.Replace("|", "\\|")} | {(row.Required ? "required" : row.Standard is null ? "" : $"`{row.Standard}`")} | {row.Meaning.Replace("|", "\\|")} |\n");
            }
        }

        return text.Append('\n').ToString();
    }
}
