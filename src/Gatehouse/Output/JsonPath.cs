using System.Text.Json.Nodes;

namespace Gatehouse.Output;

/// <summary>Reads dotted paths as columns have them: <c>status.phase</c>, <c>status.addresses[*].ipv4</c>.</summary>
internal static class JsonPath
{
    /// <summary>The values at a path, in order; lists at the end of it are taken apart.</summary>
    public static IEnumerable<JsonNode> Select(JsonNode? node, string path)
    {
        IEnumerable<JsonNode> found = node is null ? [] : [node];
        foreach (var step in path.Split('.'))
        {
            var each = step.EndsWith("[*]", StringComparison.Ordinal);
            var name = each ? step[..^3] : step;
            found = found.Select(n => n is JsonObject o ? o[name] : null).OfType<JsonNode>();
            if (each) found = found.SelectMany(n => n is JsonArray a ? a.OfType<JsonNode>() : []);
        }

        return found.SelectMany(n => n is JsonArray a ? a.OfType<JsonNode>() : [n]);
    }

    /// <summary>The values at a path as one cell: joined by commas; empty when there is none.</summary>
    public static string Text(JsonNode? node, string path) => string.Join(',', Select(node, path).Select(Scalar));

    /// <summary>A value without quotes; what is no scalar as JSON.</summary>
    public static string Scalar(JsonNode node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : node.ToJsonString();
}
