using System.Text.Json.Nodes;

namespace Gatehouse.Objects;

/// <summary>JSON merge patch (RFC 7396).</summary>
public static class MergePatch
{
    /// <summary>Applies a patch: members merge, null removes, everything else replaces.</summary>
    /// <param name="target">Changed in place where it is an object.</param>
    /// <param name="patch">Left as it is.</param>
    /// <returns>The result, which is <paramref name="target"/> when both are objects.</returns>
    public static JsonNode? Apply(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject changes) return patch?.DeepClone();
        var result = target as JsonObject ?? [];
        foreach (var (name, change) in changes)
        {
            if (change is null) result.Remove(name);
            else if (result[name] is JsonObject member && change is JsonObject) Apply(member, change);
            else result[name] = Apply(null, change);
        }

        return result;
    }
}
