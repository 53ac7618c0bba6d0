using System.Text.Json.Nodes;
using Gatehouse.Input;
using Gatehouse.Objects.Kinds;
using Gatehouse.Output;

namespace Gatehouse.Tests.Output;

public sealed class OutputTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);

    private static readonly JsonObject Worker = JsonNode.Parse("""
        {"apiVersion":"gatehouse.dev/v1","kind":"Worker","metadata":{"name":"w1","creationTimestamp":"2026-11-20T11:55:00Z"},
         "spec":{"underlay":"192.0.2.1","publicAddresses":["203.0.113.1","2001:db8::1"]},"status":{"phase":"Ready","subnetwork":{"ipv4":"10.18.0.0/26","ipv6":"fc00::/120"}}}
        """)!.AsObject();

    [Theory]
    [InlineData("Table", "NAME   PHASE   SUBNETWORK     UNDERLAY    PUBLIC                    AGE\nw1     Ready   10.18.0.0/26   192.0.2.1   203.0.113.1,2001:db8::1   5m\n")]
    [InlineData("Name", "worker/w1\n")]
    public void A_list_for_people_and_for_scripts(string form, string expected) => Assert.Equal(expected, Print(Enum.Parse<OutputForm>(form), p => p.Many(Gatehouse.Objects.Kinds.Worker.Info, [Worker], "7")));

    [Fact]
    public void Wide_has_more_columns() =>
        Assert.Contains("fc00::/120", Print(OutputForm.Wide, p => p.Many(Gatehouse.Objects.Kinds.Worker.Info, [Worker], "7")), StringComparison.Ordinal);

    [Fact]
    public void Json_of_a_list_is_a_list_object()
    {
        var list = JsonNode.Parse(Print(OutputForm.Json, p => p.Many(Gatehouse.Objects.Kinds.Worker.Info, [Worker], "7")))!;

        Assert.Equal("WorkerList", list["kind"]!.ToString());
        Assert.Equal("7", list["metadata"]!["resourceVersion"]!.ToString());
        Assert.Equal("w1", list["items"]![0]!["metadata"]!["name"]!.ToString());
    }

    [Fact]
    public void Yaml_can_be_applied_again()
    {
        var text = Print(OutputForm.Yaml, p => p.Many(Gatehouse.Objects.Kinds.Worker.Info, [Worker], "7"));
        using var folder = new TestKit.TemporaryDirectory();
        var path = Path.Combine(folder.Path, "w.yaml");
        File.WriteAllText(path, text);
        List<string> faults = [];
        var read = new ObjectFiles(TextReader.Null).Read([path], faults);

        Assert.Empty(faults);
        Assert.True(JsonNode.DeepEquals(Worker, Assert.Single(read).Object), read[0].Object.ToJsonString());
    }

    public static TheoryData<string> Strings => ["", "null", "true", "no", "10", "1.5", "-1", "0x10", "2026-11-20", "a: b", "- a", "#c", "two\nlines", " lead", "trail ", "it's", "\"q\"", "*a", "&a", "!t", "%p", "@x", "`b`", "{a", "[a", "~", "=", "é", "a\tb"];

    [Theory]
    [MemberData(nameof(Strings))]
    public void Strings_survive_yaml(string text)
    {
        using var folder = new TestKit.TemporaryDirectory();
        var path = Path.Combine(folder.Path, "s.yaml");
        File.WriteAllText(path, YamlText.Write(new JsonObject { ["kind"] = text, [text.Length == 0 ? "empty" : text] = new JsonArray(text, 1, true, null) }));
        List<string> faults = [];
        var read = Assert.Single(new ObjectFiles(TextReader.Null).Read([path], faults)).Object;

        Assert.Empty(faults);
        Assert.Equal(text, read["kind"]!.GetValue<string>());
        Assert.Equal(text, read[text.Length == 0 ? "empty" : text]![0]!.GetValue<string>());
    }

    [Fact]
    public void Nothing_found_is_said_on_standard_error()
    {
        using var error = new StringWriter();
        using var output = new StringWriter();
        new ObjectPrinter(Host(output, error), OutputForm.Table).Many(Exposure.Info, [], "1");

        Assert.Equal("no exposures found\n", error.ToString());
        Assert.Empty(output.ToString());
    }

    private static string Print(OutputForm form, Action<ObjectPrinter> print)
    {
        using var output = new StringWriter();
        print(new ObjectPrinter(Host(output, TextWriter.Null), form));
        return output.ToString();
    }

    private static HostContext Host(TextWriter output, TextWriter error) =>
        new() { Time = new TestKit.ManualTimeProvider(Now), Out = output, Error = error, In = TextReader.Null, Interactive = false, Variable = _ => null };
}
