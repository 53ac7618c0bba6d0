using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Gatehouse.Api.Server.Registry;
using Gatehouse.Objects;
using Gatehouse.Store;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Api.Server.Http;

/// <summary>Writes answers.</summary>
internal static class Answers
{
    public const string Json = "application/json";

    public static ValueTask StatusAsync(HttpContext context, Status status)
    {
        if (status.Details?.RetryAfterSeconds is { } seconds) context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        if (status.Code == 401) context.Response.Headers.WWWAuthenticate = "Bearer";
        if ((context.GetEndpoint()?.Metadata.GetMetadata<RefusalShape>() ?? context.Features.Get<RefusalShape>()) is { } shape) return new ValueTask(shape.Write(context, status));
        return RecordAsync(context, status.Code, status, ObjectsJson.Default.Status);
    }

    public static ValueTask ObjectAsync(HttpContext context, RegisteredKind kind, StoreEntry entry, int code = 200)
    {
        var buffer = new ArrayBufferWriter<byte>(entry.Value.Length + 64);
        ObjectBytes.Write(buffer, kind, entry.Value.Span, entry.Revision);
        return BytesAsync(context, code, Json, buffer.WrittenMemory);
    }

    /// <summary>A list as it lies in the store: no object is parsed.</summary>
    public static async ValueTask ListAsync(HttpContext context, RegisteredKind kind, ListPage page, CancellationToken cancellation)
    {
        const int FlushAt = 256 * 1024;
        context.Response.StatusCode = 200;
        context.Response.ContentType = Json;
        var output = context.Response.BodyWriter;
        var head = new ListMeta(page.Revision.ToString(CultureInfo.InvariantCulture), page.Continue, page.Remaining);
        output.Write(ListHead(kind, head));
        long pending = 0;
        for (var i = 0; i < page.Entries.Count; i++)
        {
            if (i > 0) output.Write(","u8);
            var entry = page.Entries[i];
            ObjectBytes.Write(output, kind, entry.Value.Span, entry.Revision);
            pending += entry.Value.Length;
            if (pending < FlushAt) continue;
            await output.FlushAsync(cancellation);
            pending = 0;
        }

        output.Write("]}"u8);
        await output.FlushAsync(cancellation);
    }

    /// <summary>A list up to its first item; <c>]}</c> ends it.</summary>
    public static byte[] ListHead(RegisteredKind kind, ListMeta metadata) => Encoding.UTF8.GetBytes(
        $$"""{"kind":"{{kind.Info.Kind}}List","apiVersion":"{{kind.Info.ApiVersion}}","metadata":{{JsonSerializer.Serialize(metadata, ObjectsJson.Default.ListMeta)}},"items":[""");

    public static ValueTask TableAsync(HttpContext context, RegisteredKind kind, IReadOnlyList<StoreEntry> entries, ListMeta? metadata, DateTimeOffset now)
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        using (var writer = new Utf8JsonWriter(buffer, ObjectBytes.WriterOptions)) kind.Table.Write(writer, Elements(kind, entries), metadata, now);
        return BytesAsync(context, 200, Json, buffer.WrittenMemory);
    }

    public static ValueTask RecordAsync<T>(HttpContext context, int code, T value, JsonTypeInfo<T> type) =>
        BytesAsync(context, code, Json, JsonSerializer.SerializeToUtf8Bytes(value, type));

    public static ValueTask TextAsync(HttpContext context, int code, string text, string type = "text/plain; charset=utf-8") =>
        BytesAsync(context, code, type, Encoding.UTF8.GetBytes(text));

    public static async ValueTask BytesAsync(HttpContext context, int code, string type, ReadOnlyMemory<byte> bytes)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = type;
        context.Response.ContentLength = bytes.Length;
        await context.Response.BodyWriter.WriteAsync(bytes, context.RequestAborted);
    }

    private static IEnumerable<JsonElement> Elements(RegisteredKind kind, IReadOnlyList<StoreEntry> entries)
    {
        foreach (var entry in entries)
        {
            using var document = JsonDocument.Parse(ObjectBytes.Join(kind, entry.Value.Span, entry.Revision));
            yield return document.RootElement;
        }
    }
}
