using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Gatehouse.Api.Server.Registry;

/// <summary>Reads bodies: one JSON object, no name twice, at most 64 levels.</summary>
internal static class BodyJson
{
    /// <param name="fault">For the 400, with line and place.</param>
    public static bool TryParse(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out JsonObject? value, [NotNullWhen(false)] out string? fault)
    {
        (value, fault) = (null, null);
        try
        {
            var node = JsonNode.Parse(bytes, documentOptions: ObjectBytes.ReaderOptions);
            value = node as JsonObject;
            if (value is null) fault = "the body of the request must be a JSON object";
            return value is not null;
        }
        catch (JsonException e)
        {
            fault = $"the body of the request is no valid JSON: {e.Message}";
            return false;
        }
    }
}
