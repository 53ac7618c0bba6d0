using System.Buffers.Text;
using System.Net;

namespace Gatehouse.Wire.Http1;

/// <summary>Reads <c>host[:port]</c> (RFC 9110 §7.2, RFC 3986 §3.2.2): a name of letters, digits, <c>-</c>, <c>_</c> and dots, an IPv4 address, or an IPv6 address in brackets.</summary>
public static class HostText
{
    private const int LongestName = 255;

    /// <summary>Whether it is one.</summary>
    /// <param name="text">Host and port.</param>
    /// <param name="length">Bytes of the host, with brackets and without a dot at its end.</param>
    /// <param name="port">0 to 65535, or -1 when none is named.</param>
    public static bool TryRead(ReadOnlySpan<byte> text, out int length, out int port)
    {
        port = -1;
        length = 0;
        if (text.IsEmpty || text.IndexOfAnyExcept(HttpBytes.HostBytes) >= 0) return false;
        int end;
        if (text[0] == '[')
        {
            end = text.IndexOf((byte)']') + 1;
            if (end < 3 || !IsV6(text[1..(end - 1)])) return false;
            length = end;
        }
        else
        {
            end = text.IndexOf((byte)':');
            if (end < 0) end = text.Length;
            length = end > 1 && text[end - 1] == '.' ? end - 1 : end;
            if (!IsName(text[..length])) return false;
        }

        return end == text.Length || TryPort(text[end..], out port);
    }

    private static bool TryPort(ReadOnlySpan<byte> text, out int port)
    {
        port = -1;
        if (text[0] != ':' || text.Length is < 2 or > 6 || text[1..].IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0) return false;
        return Utf8Parser.TryParse(text[1..], out port, out _) && port <= ushort.MaxValue;
    }

    private static bool IsName(ReadOnlySpan<byte> name)
    {
        if (name.Length is 0 or > LongestName || name[0] == '.' || name[^1] == '.') return false;
        return name.IndexOfAny((byte)'~', (byte)'[', (byte)']') < 0 && name.IndexOf(".."u8) < 0;
    }

    private static bool IsV6(ReadOnlySpan<byte> text) => text.Length <= 45 && text.Contains((byte)':') && IPAddress.IsValidUtf8(text);
}
