using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using Gatehouse.Objects;

namespace Gatehouse.Api.Server.Registry;

/// <summary>Reads bodies: one JSON object, no name twice, at most 64 levels.</summary>
internal static class BodyJson
{
    /// <param name="fault">For the 400, with line and place.</param>
    public static bool TryParse(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out JsonObject? value, [NotNullWhen(false)] out string? fault)
    {
        if (ForeignJson.TryReadObject(bytes, ObjectBytes.ReaderOptions, out value, out var why)) fault = null;
        else fault = $"the body of the request {why}";
        return value is not null;
    }
}
