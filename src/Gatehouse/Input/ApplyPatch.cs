using System.Text.Json.Nodes;

namespace Gatehouse.Input;

/// <summary>
/// What <c>apply</c> changes: fields of the document are set, fields that the last applied document had and this one has not are removed, all else, which servers and
/// others wrote, stays.
/// </summary>
internal static class ApplyPatch
{
    /// <summary>Holds the document as it was applied last.</summary>
    public const string Annotation = "gatehouse.dev/last-applied";

    /// <summary>The document as it is created: with itself remembered.</summary>
    public static JsonObject ForCreate(JsonObject document)
    {
        var applied = Meaning(document);
        var text = applied.ToJsonString();
        Annotations(applied)[Annotation] = text;
        return applied;
    }

    /// <summary>A merge patch (RFC 7396) from the stored object to the document; null when nothing changes.</summary>
    public static JsonObject? ForUpdate(JsonObject stored, JsonObject document)
    {
        var wanted = Meaning(document);
        var text = wanted.ToJsonString();
        var last = stored["metadata"]?["annotations"]?[Annotation] is JsonValue remembered ? Parse(remembered.ToString()) : null;
        var patch = Difference(stored, wanted, last) as JsonObject ?? [];
        patch.Remove("apiVersion");
        patch.Remove("kind");
        if (patch.Count == 0 && last is not null && JsonNode.DeepEquals(last, wanted)) return null;
        Annotations(patch)[Annotation] = text;
        return patch;
    }

    /// <summary>What counts of a document: neither status nor what the server fills in.</summary>
    private static JsonObject Meaning(JsonObject document)
    {
        var copy = document.DeepClone().AsObject();
        copy.Remove("status");
        if (copy["metadata"] is not JsonObject meta) return copy;
        foreach (var field in (string[])["uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp"]) meta.Remove(field);
        if (meta["annotations"] is JsonObject notes) notes.Remove(Annotation);
        return copy;
    }

    /// <summary>Null when equal; lists are replaced whole.</summary>
    private static JsonNode? Difference(JsonNode? stored, JsonNode? wanted, JsonNode? last)
    {
        if (wanted is not JsonObject target || stored is not JsonObject present) return JsonNode.DeepEquals(stored, wanted) ? null : wanted?.DeepClone();
        var patch = new JsonObject();
        foreach (var (name, value) in target)
        {
            if (value is null) continue;
            if (Difference(present[name], value, (last as JsonObject)?[name]) is { } change) patch[name] = change;
        }

        foreach (var (name, _) in last as JsonObject ?? [])
        {
            if (!target.ContainsKey(name) && present.ContainsKey(name)) patch[name] = null;
        }

        return patch.Count == 0 ? null : patch;
    }

    private static JsonObject Annotations(JsonObject value)
    {
        var meta = Child(value, "metadata");
        return Child(meta, "annotations");
    }

    private static JsonObject Child(JsonObject parent, string name)
    {
        if (parent[name] is JsonObject there) return there;
        var made = new JsonObject();
        parent[name] = made;
        return made;
    }

    private static JsonNode? Parse(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (System.Text.Json.JsonException)
        {
            // Somebody edited it: treat the object as never applied.
            return null;
        }
    }
}
