using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Store;

namespace Gatehouse.Api.Server.Registry;

/// <summary>Stored bytes to answered bytes: the revision is spliced in behind metadata's brace, nothing is parsed.</summary>
internal static class ObjectBytes
{
    /// <summary>Text stays readable: answers are never put into HTML.</summary>
    public static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>What the server takes in: names that come twice are refused, as one of the two values would be lost.</summary>
    public static readonly JsonDocumentOptions ReaderOptions = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    /// <summary>Appends the object with its resourceVersion.</summary>
    public static void Write(IBufferWriter<byte> output, RegisteredKind kind, ReadOnlySpan<byte> stored, long revision)
    {
        var prefix = kind.ObjectPrefix;
        if (!stored.StartsWith(prefix)) throw new InvalidDataException($"a stored {kind.Info.Kind} does not begin with its type: the store was written by something else");
        output.Write(prefix);
        output.Write("\"resourceVersion\":\""u8);
        WriteNumber(output, revision);
        output.Write("\","u8);
        output.Write(stored[prefix.Length..]);
    }

    /// <summary>The object with its resourceVersion.</summary>
    public static byte[] Join(RegisteredKind kind, ReadOnlySpan<byte> stored, long revision)
    {
        var buffer = new ArrayBufferWriter<byte>(stored.Length + 48);
        Write(buffer, kind, stored, revision);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The object as nodes, with its resourceVersion.</summary>
    public static JsonObject Parse(StoreEntry entry)
    {
        var value = JsonNode.Parse(entry.Value.Span)!.AsObject();
        value["metadata"]!["resourceVersion"] = entry.Revision.ToString(CultureInfo.InvariantCulture);
        return value;
    }

    public static void WriteNumber(IBufferWriter<byte> output, long number)
    {
        var span = output.GetSpan(20);
        System.Buffers.Text.Utf8Formatter.TryFormat(number, span, out var written);
        output.Advance(written);
    }
}
