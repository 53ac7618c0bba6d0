using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;

namespace Gatehouse.Objects;

/// <summary>
/// The one place where bytes from outside become JSON. .NET's readers look at a text when somebody asks for it and throw then; here a document whose texts can't all
/// be read is none, and the fault says where. Pure.
/// </summary>
/// <remarks>
/// RFC 8259 §8.1 wants UTF-8, and §8.2 leaves open what an escaped half of a surrogate pair means: it has no UTF-8 form, so that what was stored could not be
/// given back. Both are refused. A document without <c>\u</c> costs one vectorised look at its bytes.
/// </remarks>
public static class ForeignJson
{
    /// <summary>Reads a document as nodes.</summary>
    /// <param name="fault">What is wrong and where, as what follows the name of the document.</param>
    /// <returns>False for anything but JSON; a lone <c>null</c> is refused too.</returns>
    public static bool TryReadNode(ReadOnlySpan<byte> bytes, JsonDocumentOptions options, [NotNullWhen(true)] out JsonNode? value, [NotNullWhen(false)] out string? fault)
    {
        value = null;
        if ((fault = WhyNotText(bytes)) is not null) return false;
        try
        {
            value = JsonNode.Parse(bytes, documentOptions: options);
            fault = value is null ? "must be a JSON object, not null" : null;
        }
        catch (JsonException e)
        {
            fault = $"is no valid JSON: {Describe(e)}";
        }

        if (fault is null) return value is not null;
        value = null;
        return false;
    }

    /// <summary>Reads a document as nodes; it must be an object.</summary>
    /// <param name="fault">What is wrong and where, as what follows the name of the document.</param>
    public static bool TryReadObject(ReadOnlySpan<byte> bytes, JsonDocumentOptions options, [NotNullWhen(true)] out JsonObject? value, [NotNullWhen(false)] out string? fault)
    {
        value = null;
        if (!TryReadNode(bytes, options, out var node, out fault)) return false;
        value = node as JsonObject;
        fault = value is null ? $"must be a JSON object, not {Word(node.GetValueKind())}" : null;
        return fault is null;
    }

    /// <summary>Reads a document that the caller disposes.</summary>
    /// <param name="fault">What is wrong and where, as what follows the name of the document.</param>
    public static bool TryReadDocument(ReadOnlyMemory<byte> bytes, JsonDocumentOptions options, [NotNullWhen(true)] out JsonDocument? value, [NotNullWhen(false)] out string? fault)
    {
        value = null;
        if ((fault = WhyNotText(bytes.Span)) is not null) return false;
        try
        {
            value = JsonDocument.Parse(bytes, options);
        }
        catch (JsonException e)
        {
            fault = $"is no valid JSON: {Describe(e)}";
        }

        if (fault is null) return value is not null;
        value?.Dispose();
        value = null;
        return false;
    }

    /// <summary>Reads a document as a record.</summary>
    /// <param name="fault">What is wrong and where, as what follows the name of the document.</param>
    public static bool TryReadRecord<T>(ReadOnlySpan<byte> bytes, JsonTypeInfo<T> type, [NotNullWhen(true)] out T? value, [NotNullWhen(false)] out string? fault)
        where T : class
    {
        value = null;
        if ((fault = WhyNotText(bytes)) is not null) return false;
        try
        {
            value = JsonSerializer.Deserialize(bytes, type);
            fault = value is null ? "must be a JSON object, not null" : null;
        }
        catch (JsonException e)
        {
            // .NET speaks of its own types here.
            fault = e.Message.StartsWith("The JSON value could not be converted", StringComparison.Ordinal)
                ? $"has not the expected form: {(e.Path is { Length: > 2 } path ? path[2..] : "it")} (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}) is of another type, or none of the values that are possible"
                : $"is no valid JSON: {Describe(e)}";
        }

        if (fault is null) return value is not null;
        value = null;
        return false;
    }

    /// <summary>.NET's sentence without its advice to programmers, with line and column as editors count them.</summary>
    public static string Describe(JsonException e)
    {
        var end = e.Message.IndexOf(" Path: ", StringComparison.Ordinal);
        if (end < 0) end = e.Message.IndexOf(" LineNumber: ", StringComparison.Ordinal);
        var text = (end < 0 ? e.Message : e.Message[..end]).Replace(" Change the reader options.", "", StringComparison.Ordinal).TrimEnd('.');
        var where = e.LineNumber is { } line ? string.Create(CultureInfo.InvariantCulture, $"line {line + 1}, byte {(e.BytePositionInLine ?? 0) + 1}: ") : "";
        return $"{where}{(e.Path is { Length: > 2 } path ? path[2..] + ": " : "")}{text}";
    }

    /// <summary>What a value is, for a sentence.</summary>
    public static string Word(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.Object => "an object",
        JsonValueKind.Null => "null",
        _ => "true or false",
    };

    /// <summary>Whether every text can be read. Before the parser, which reads names itself.</summary>
    private static string? WhyNotText(ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes)) return WhyNotEscapes(bytes);
        var at = 0;
        while (Rune.DecodeFromUtf8(bytes[at..], out _, out var length) == System.Buffers.OperationStatus.Done) at += length;
        return $"is no valid JSON: {Where(bytes, at)}: 0x{bytes[at]:x2} is not valid UTF-8";
    }

    /// <summary>Whether each half of an escaped surrogate pair has its other half. In JSON without comments a backslash stands in a text and nowhere else.</summary>
    private static string? WhyNotEscapes(ReadOnlySpan<byte> json)
    {
        if (json.IndexOf("\\u"u8) < 0) return null;
        var high = -1;
        for (var i = 0; i < json.Length; i++)
        {
            var code = CodeAt(json, i);
            if (high >= 0 && (code & 0xfc00) != 0xdc00) return LoneSurrogate(json, high);
            if ((code & 0xfc00) == 0xdc00 && high < 0) return LoneSurrogate(json, i);
            high = (code & 0xfc00) == 0xd800 ? i : -1;
            if (json[i] == '\\') i += code >= 0 ? 5 : 1;
        }

        return null;
    }

    /// <summary>The code unit that is escaped here, or -1; what is no JSON is the parser's to tell.</summary>
    private static int CodeAt(ReadOnlySpan<byte> json, int at) =>
        at + 6 <= json.Length && json[at] == '\\' && json[at + 1] == 'u' && int.TryParse(json.Slice(at + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code) ? code : -1;

    private static string LoneSurrogate(ReadOnlySpan<byte> json, int at) =>
        $"is no valid JSON: {Where(json, at)}: {Encoding.ASCII.GetString(json.Slice(at, 6))} is half of a surrogate pair without its other half, which is no character";

    private static string Where(ReadOnlySpan<byte> bytes, int at)
    {
        var before = bytes[..at];
        return string.Create(CultureInfo.InvariantCulture, $"line {before.Count((byte)'\n') + 1}, byte {at - before.LastIndexOf((byte)'\n')}");
    }
}
