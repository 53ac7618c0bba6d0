using System.Buffers;

namespace Gatehouse.Wire.Http1;

/// <summary>Which bytes may stand where in an HTTP/1 message; one place, so that heads, chunks and trailers agree.</summary>
public static class HttpBytes
{
    private const string Alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /// <summary>tchar: methods and field names (RFC 9110 §5.6.2).</summary>
    public static SearchValues<byte> TokenBytes { get; } = Of("!#$%&'*+-.^_`|~" + Alphanumeric);

    /// <summary>What a field value may hold: HTAB, SP, VCHAR and obs-text (RFC 9110 §5.5). Not CR, LF, NUL, nor any other control.</summary>
    public static SearchValues<byte> FieldValueBytes { get; } = Where(static b => b is (byte)'\t' or >= 0x20 and not 0x7F);

    /// <summary>
    /// What a request target may hold (RFC 9112 §3.2): the characters of RFC 3986 without the fragment's <c>#</c>, and
    /// <c>^ ` { | }</c>, which browsers send bare in queries (WHATWG URL, query percent-encode set).
    /// </summary>
    public static SearchValues<byte> TargetBytes { get; } = Of("-._~:/?[]@!$&'()*+,;=%^`{|}" + Alphanumeric);

    /// <summary>
    /// What a Host may hold (RFC 9110 §7.2), port included. RFC 3986 §3.2.2 would also take <c>%</c> and sub-delims: no name of the DNS
    /// has them, a comma would hide two hosts in one, and so they are left out.
    /// </summary>
    public static SearchValues<byte> HostBytes { get; } = Of("-._~:[]" + Alphanumeric);

    /// <summary>Whether the byte is a tchar.</summary>
    public static bool IsToken(byte value) => TokenBytes.Contains(value);

    /// <summary>Whether the byte may stand in a field value.</summary>
    public static bool IsFieldValue(byte value) => value >= 0x20 ? value != 0x7F : value == '\t';

    /// <summary>Whether these bytes are a token: one tchar or more (RFC 9110 §5.6.2).</summary>
    public static bool IsToken(ReadOnlySpan<byte> bytes) => !bytes.IsEmpty && !bytes.ContainsAnyExcept(TokenBytes);

    /// <summary>Whether every one of these bytes may stand in a field value; none is a value too.</summary>
    public static bool IsFieldValue(ReadOnlySpan<byte> bytes) => !bytes.ContainsAnyExcept(FieldValueBytes);

    /// <summary>The number that a hexadecimal digit stands for, or -1.</summary>
    public static int HexValue(byte value) => value switch
    {
        >= (byte)'0' and <= (byte)'9' => value - '0',
        >= (byte)'a' and <= (byte)'f' => value - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => value - 'A' + 10,
        _ => -1,
    };

    private static SearchValues<byte> Of(string characters) => Where(b => characters.Contains((char)b, StringComparison.Ordinal));

    private static SearchValues<byte> Where(Func<byte, bool> belongs)
    {
        Span<byte> bytes = stackalloc byte[256];
        var count = 0;
        for (var value = 0; value < 256; value++)
        {
            if (belongs((byte)value))
            {
                bytes[count++] = (byte)value;
            }
        }

        return SearchValues.Create(bytes[..count]);
    }
}
