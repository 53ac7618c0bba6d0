using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Gatehouse.Proxy.Configuration.Form;

namespace Gatehouse.Proxy.Configuration.Snapshot;

/// <summary>A configuration as JSON: compact, in one order, without what is as it is without being written. YAML's reader reads it too.</summary>
internal static class ConfigJson
{
    /// <summary>What stands in texts is nobody's HTML.</summary>
    internal static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private static readonly JsonEncodedText Revision = JsonEncodedText.Encode("revision");

    /// <summary>One line, without its end.</summary>
    public static void Write(IBufferWriter<byte> output, ProxyConfig config, long revision)
    {
        using var json = new Utf8JsonWriter(output, Compact);
        json.WriteStartObject();
        json.WriteNumber(Revision, revision);
        ConfigForm.Shape.WriteFields(json, config);
        json.WriteEndObject();
    }

    /// <summary>What <see cref="Write"/> wrote.</summary>
    public static (ProxyConfig? Config, long Revision, string? Problem) Read(ReadOnlySpan<byte> text)
    {
        try
        {
            var json = new Utf8JsonReader(text);
            json.Read();
            json.Read();
            long revision = 0;
            if (json.TokenType == JsonTokenType.PropertyName && json.ValueTextEquals(Revision.EncodedUtf8Bytes))
            {
                json.Read();
                revision = json.GetInt64();
                json.Read();
            }

            var config = ConfigForm.Shape.ReadFields(ref json, new JsonState());
            return json.Read() ? (null, 0, "something stands behind it") : (config, revision, null);
        }
        catch (Exception e) when (IsForeign(e))
        {
            return (null, 0, e.Message);
        }
    }

    /// <summary>What the shapes and the JSON reader throw for a text that somebody else wrote.</summary>
    internal static bool IsForeign(Exception e) => e is JsonException or FormatException or InvalidOperationException or OverflowException;
}
