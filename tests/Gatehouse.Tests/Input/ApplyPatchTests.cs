using System.Text.Json.Nodes;
using Gatehouse.Input;

namespace Gatehouse.Tests.Input;

/// <summary>What apply changes: rows of last applied, stored by server and others, new document, and the patch.</summary>
public sealed class ApplyPatchTests
{
    public static TheoryData<string, string?, string, string, string?> Rows => new()
    {
        { "nothing changes", """{"spec":{"a":1}}""", """{"spec":{"a":1,"server":2}}""", """{"spec":{"a":1}}""", null },
        { "a value", """{"spec":{"a":1}}""", """{"spec":{"a":1}}""", """{"spec":{"a":2}}""", """{"spec":{"a":2}}""" },
        { "a new field", """{"spec":{"a":1}}""", """{"spec":{"a":1}}""", """{"spec":{"a":1,"b":{"c":1}}}""", """{"spec":{"b":{"c":1}}}""" },
        { "a field that was applied and is no more", """{"spec":{"a":1,"b":2}}""", """{"spec":{"a":1,"b":2}}""", """{"spec":{"a":1}}""", """{"spec":{"b":null}}""" },
        { "a field that others wrote stays", """{"spec":{"a":1}}""", """{"spec":{"a":1,"worker":"w1"}}""", """{"spec":{"a":2}}""", """{"spec":{"a":2}}""" },
        { "a list is replaced whole", """{"spec":{"l":[1,2]}}""", """{"spec":{"l":[1,2]}}""", """{"spec":{"l":[2]}}""", """{"spec":{"l":[2]}}""" },
        { "never applied before", null, """{"spec":{"a":1,"b":2}}""", """{"spec":{"a":1}}""", "{}" },
        { "changed back by hand", """{"spec":{"a":1}}""", """{"spec":{"a":9}}""", """{"spec":{"a":1}}""", """{"spec":{"a":1}}""" },
        { "status is not ours", """{"spec":{"a":1}}""", """{"spec":{"a":1},"status":{"p":1}}""", """{"spec":{"a":1},"status":{"p":2}}""", null },
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public void Patch(string why, string? last, string stored, string wanted, string? expected)
    {
        var present = JsonNode.Parse(stored)!.AsObject();
        if (last is not null) present["metadata"] = new JsonObject { ["annotations"] = new JsonObject { [ApplyPatch.Annotation] = last } };
        var patch = ApplyPatch.ForUpdate(present, JsonNode.Parse(wanted)!.AsObject());
        patch?.Remove("metadata");

        Assert.True(expected is null ? patch is null : JsonNode.DeepEquals(JsonNode.Parse(expected), patch), $"{why}: {patch?.ToJsonString() ?? "null"}");
    }

    [Fact]
    public void Patched_object_applied_again_changes_nothing()
    {
        var document = JsonNode.Parse("""{"metadata":{"name":"x","labels":{"a":"b"}},"spec":{"a":1,"l":[{"b":2}]}}""")!.AsObject();
        var stored = ApplyPatch.ForCreate(document);

        Assert.Null(ApplyPatch.ForUpdate(stored, document));
    }

    [Fact]
    public void An_annotation_that_somebody_broke_counts_as_none()
    {
        var stored = JsonNode.Parse("""{"metadata":{"annotations":{"gatehouse.dev/last-applied":"{"}},"spec":{"a":1,"b":1}}""")!.AsObject();
        var patch = ApplyPatch.ForUpdate(stored, JsonNode.Parse("""{"spec":{"a":2}}""")!.AsObject())!;

        Assert.Equal("2", patch["spec"]!["a"]!.ToJsonString());
        Assert.False(patch["spec"]!.AsObject().ContainsKey("b"));
    }
}
