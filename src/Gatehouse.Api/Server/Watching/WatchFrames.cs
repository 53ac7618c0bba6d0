using System.Buffers;
using System.Diagnostics;
using System.Text.Json;
using Gatehouse.Api.Client;
using Gatehouse.Api.Server.Registry;
using Gatehouse.Objects;
using Gatehouse.Store;

namespace Gatehouse.Api.Server.Watching;

/// <summary>The lines of a watch's answer: <c>{"type":T,"object":O}</c> (meta/v1 WatchEvent).</summary>
internal static class WatchFrames
{
    /// <summary>Everything before the object.</summary>
    public static void Begin(IBufferWriter<byte> output, ObjectEventType type) => output.Write(type switch
    {
        ObjectEventType.Added => "{\"type\":\"ADDED\",\"object\":"u8,
        ObjectEventType.Modified => "{\"type\":\"MODIFIED\",\"object\":"u8,
        ObjectEventType.Deleted => "{\"type\":\"DELETED\",\"object\":"u8,
        ObjectEventType.Bookmark => "{\"type\":\"BOOKMARK\",\"object\":"u8,
        _ => throw new UnreachableException(),
    });

    /// <summary>An object that was there when a watch without revision began.</summary>
    public static byte[] Initial(RegisteredKind kind, StoreEntry entry)
    {
        var buffer = new ArrayBufferWriter<byte>(entry.Value.Length + 96);
        Begin(buffer, ObjectEventType.Added);
        ObjectBytes.Write(buffer, kind, entry.Value.Span, entry.Revision);
        buffer.Write("}\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>An object of the kind with nothing but its revision.</summary>
    public static byte[] Bookmark(RegisteredKind kind, long revision)
    {
        var buffer = new ArrayBufferWriter<byte>(160);
        Begin(buffer, ObjectEventType.Bookmark);
        buffer.Write(kind.ObjectPrefix);
        buffer.Write("\"resourceVersion\":\""u8);
        ObjectBytes.WriteNumber(buffer, revision);
        buffer.Write("\"}}}\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The end of a watch that can't go on.</summary>
    public static byte[] Error(Status status)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        buffer.Write("{\"type\":\"ERROR\",\"object\":"u8);
        using (var writer = new Utf8JsonWriter(buffer, ObjectBytes.WriterOptions)) JsonSerializer.Serialize(writer, status, ObjectsJson.Default.Status);
        buffer.Write("}\n"u8);
        return buffer.WrittenSpan.ToArray();
    }
}
