using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Api.Server.Registry;
using Gatehouse.Objects;

namespace Gatehouse.Api.Server.Http;

/// <summary>
/// A list that is posted to a collection: each item is created for itself, all on their way to the disk at the same time. An extension of Kubernetes' API, which takes one
/// object for each POST (docs/decisions/0005).
/// </summary>
internal static class BulkCreate
{
    /// <summary>The most items of one list.</summary>
    public const int MaxItems = 1_000;

    /// <summary>The items when a body is a list of the kind; null when it is something else.</summary>
    public static JsonArray? ItemsOf(RegisteredKind kind, JsonObject body) =>
        WriteRules.Text(body["kind"]) == $"{kind.Info.Kind}List" && body["items"] is JsonArray items ? items : null;

    /// <summary>Creates them.</summary>
    /// <returns>A list that holds, in each one's place, the object as stored or the Status of its refusal.</returns>
    public static async Task<ReadOnlyMemory<byte>> RunAsync(ObjectRequest request, ObjectWriter writer, JsonArray items)
    {
        ObjectOutcome[] outcomes = items.Count > MaxItems
            ? [.. items.Select(_ => (ObjectOutcome)Refusals.BadRequest($"a list has at most {MaxItems} items, not {items.Count}"))]
            : await Task.WhenAll(items.Select(item => CreateAsync(request, writer, item)));
        var buffer = new ArrayBufferWriter<byte>(512 * Math.Max(1, outcomes.Length));
        buffer.Write(Answers.ListHead(request.Kind, new ListMeta(null)));
        for (var i = 0; i < outcomes.Length; i++)
        {
            if (i > 0) buffer.Write(","u8);
            if (outcomes[i].Refusal is { } refusal) buffer.Write(JsonSerializer.SerializeToUtf8Bytes(refusal, ObjectsJson.Default.Status));
            else ObjectBytes.Write(buffer, request.Kind, outcomes[i].Entry!.Value.Span, outcomes[i].Entry!.Revision);
        }

        buffer.Write("]}"u8);
        return buffer.WrittenMemory;
    }

    private static Task<ObjectOutcome> CreateAsync(ObjectRequest request, ObjectWriter writer, JsonNode? item) => item is JsonObject value
        ? writer.CreateAsync(request.Kind, request.User, request.Path.Namespace, value, request.Aborted).AsTask()
        : Task.FromResult<ObjectOutcome>(Refusals.BadRequest("an item of a list must be an object"));
}
