using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Objects.Tests;

public sealed class KindTests
{
    public static TheoryData<string> Kinds => [.. KindTable.All.Select(k => k.Kind)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_kind_is_found_by_every_word_for_it_and_by_its_path(string name)
    {
        var kind = KindTable.All.Single(k => k.Kind == name);
        Assert.Same(kind, KindTable.Find(kind.Group, kind.Version, kind.Plural));
        foreach (var word in (string[])[kind.Plural, kind.Singular, kind.Kind, $"{kind.Plural}.{kind.Group}", .. kind.ShortNames]) Assert.Same(kind, KindTable.FindByWord(word));
        // Columns and selectable fields are paths that can be read.
        foreach (var path in kind.Columns.Select(c => c.Path).Concat(kind.SelectableFields)) FieldPath.Parse(path);
        Assert.NotEmpty(new TableView(kind).Headings);
    }

    /// <summary>A property that is <c>init</c> loses its default when the JSON lacks it; this notices the next one.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_the_json_lacks_reads_as_the_default(string name)
    {
        var kind = KindTable.All.Single(k => k.Kind == name);
        var seen = new HashSet<Type>();
        Visit((JsonTypeInfo)((dynamic)kind).Json);
        Assert.Contains(typeof(ObjectMeta), seen);

        void Visit(JsonTypeInfo type)
        {
            if (!seen.Add(type.Type)) return;
            if (type.ElementType is { } element) Visit(type.Options.GetTypeInfo(element));
            if (type.Kind != JsonTypeInfoKind.Object) return;
            foreach (var property in type.Properties) Visit(type.Options.GetTypeInfo(property.PropertyType));
            // Records whose values all stand in the constructor say their defaults there, and those are kept.
            if (type.Type.GetConstructor([]) is null) return;
            var read = JsonSerializer.SerializeToNode(JsonSerializer.Deserialize("{}", type), type);
            Assert.Equal(JsonSerializer.SerializeToNode(Activator.CreateInstance(type.Type), type)!.ToJsonString(), read!.ToJsonString());
        }
    }

    [Fact]
    public void Names_are_unique_among_kinds()
    {
        Assert.Equal(KindTable.All.Count, KindTable.All.Select(k => k.Plural).Distinct().Count());
        var shorts = KindTable.All.SelectMany(k => k.ShortNames).ToList();
        Assert.Equal(shorts.Count, shorts.Distinct().Count());
    }

    [Fact]
    public void Every_value_of_a_wrong_type_is_reported_with_what_would_be_right()
    {
        var faults = Validate(FabricInstance.Info, """
            {"spec":{"service":5,"number":"one","weight":1.5,"undeploy":"yes","process":{"command":["a",7,null]}},
             "status":{"phase":"Sleeping","instance":[],"load":99999999999}}
            """);
        Assert.Equal(
            [
                "spec.service: '5' is not valid: must be a string",
                "spec.number: '\"one\"' is not valid: must be a whole number between -2147483648 and 2147483647",
                "spec.weight: '1.5' is not valid: must be a whole number between -2147483648 and 2147483647",
                "spec.undeploy: '\"yes\"' is not valid: must be true or false",
                "spec.process.command[1]: '7' is not valid: must be a string",
                "spec.process.command[2]: 'null' is not valid: must be a string",
                "status.phase: '\"Sleeping\"' is not valid: must be one of Pending, Running, Draining, Dead",
                "status.instance: '[]' is not valid: must be an object",
                "status.load: '99999999999' is not valid: must be a whole number between -2147483648 and 2147483647",
            ],
            faults);
    }

    [Fact]
    public void Rules_of_the_kind_are_reported_beside_wrong_types_but_not_twice()
    {
        var faults = Validate(Exposure.Info, """{"spec":{"port":"x","servicePort":70000,"protocol":7}}""");
        Assert.Equal(["spec.gateway", "spec.port", "spec.protocol", "spec.serviceAddress", "spec.servicePort"], faults.Select(f => f.Split(':')[0]).Order());
        Assert.Contains("spec.protocol: '7' is not valid: must be one of TCP, UDP", faults);
    }

    [Fact]
    public void Times_are_rfc_3339()
    {
        Assert.Empty(Validate(Lease.Info, """{"spec":{"renewTime":"2026-01-31T12:00:00.123456Z"}}"""));
        Assert.Single(Validate(Lease.Info, """{"spec":{"renewTime":"yesterday"}}"""));
        Assert.Single(Validate(Lease.Info, """{"spec":{"renewTime":12}}"""));
    }

    [Fact]
    public void Complete_drops_nulls_fills_defaults_and_leaves_free_json_alone()
    {
        var json = JsonNode.Parse("""{"metadata":{"name":"s","labels":null},"spec":{"jobName":null,"descriptor":{"a":null},"unknown":1},"status":{"message":null}}""")!.AsObject();
        Assert.True(FabricService.Info.Complete(json));
        Assert.Equal("""{"metadata":{"name":"s"},"spec":{"descriptor":{"a":null},"unknown":1,"policies":["roundRobin"],"chosen":[]},"status":{}}""", json.ToJsonString());
        // A second time changes nothing.
        var before = json.ToJsonString();
        Assert.True(FabricService.Info.Complete(json));
        Assert.Equal(before, json.ToJsonString());
    }

    [Fact]
    public void Complete_says_when_an_object_cant_be_read_and_leaves_the_fault_for_validate()
    {
        var json = JsonNode.Parse("""{"metadata":{"name":"w"},"spec":{"underlay":7}}""")!.AsObject();
        Assert.False(Worker.Info.Complete(json));
        Assert.Equal(7, (int)json["spec"]!["underlay"]!);
    }

    [Fact]
    public void Values_made_in_code_count_as_what_they_are_on_the_wire()
    {
        var json = new JsonObject { ["metadata"] = new JsonObject { ["name"] = "w", ["generation"] = 3 }, ["spec"] = new JsonObject { ["underlay"] = "192.0.2.1", ["tunnelPort"] = 4790L } };
        Assert.True(Worker.Info.Complete(json));
    }

    private static List<string> Validate(KindInfo kind, string json)
    {
        using var document = JsonDocument.Parse(json);
        return [.. kind.Validate(document.RootElement).Select(f => f.ToString())];
    }
}
