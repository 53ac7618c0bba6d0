using System.Buffers;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Routing;

/// <summary>
/// The form of a path in which routes are compared: escapes of unreserved characters are taken back, those that stay have capital digits, and <c>.</c> and <c>..</c> are resolved
/// (RFC 3986 §6.2.2). <c>%2F</c> stays an escape and so never ends a segment; two slashes stay two. What is sent on is the path as it came.
/// </summary>
internal static class RoutePath
{
    private static readonly SearchValues<byte> Unusual = SearchValues.Create("%."u8);

    /// <summary>Normalises a path.</summary>
    /// <param name="path">As it came; begins with a slash.</param>
    /// <param name="scratch">Room for as many bytes.</param>
    /// <param name="normal">The path itself when nothing had to be changed, else a part of the scratch.</param>
    /// <returns>False: an escape is broken, or stands for NUL.</returns>
    public static bool TryNormalize(ReadOnlySpan<byte> path, Span<byte> scratch, out ReadOnlySpan<byte> normal)
    {
        normal = path;
        if (path.IndexOfAny(Unusual) < 0) return true;
        if (!TryUnescape(path, scratch, out var length)) return false;
        var plain = scratch[..length];
        normal = plain.IndexOf("/."u8) < 0 ? plain : plain[..RemoveDots(plain)];
        return true;
    }

    private static bool TryUnescape(ReadOnlySpan<byte> path, Span<byte> into, out int length)
    {
        length = 0;
        for (var i = 0; i < path.Length; i++)
        {
            if (path[i] != '%')
            {
                into[length++] = path[i];
                continue;
            }

            if (i + 2 >= path.Length || HttpBytes.HexValue(path[i + 1]) is < 0 || HttpBytes.HexValue(path[i + 2]) < 0) return false;
            var value = (byte)((HttpBytes.HexValue(path[i + 1]) << 4) | HttpBytes.HexValue(path[i + 2]));
            if (value == 0) return false;
            if (IsUnreserved(value))
            {
                into[length++] = value;
            }
            else
            {
                into[length++] = (byte)'%';
                into[length++] = Upper(path[i + 1]);
                into[length++] = Upper(path[i + 2]);
            }

            i += 2;
        }

        return true;
    }

    /// <summary>RFC 3986 §5.2.4, in place.</summary>
    private static int RemoveDots(Span<byte> path)
    {
        var length = 0;
        for (var at = 0; at < path.Length;)
        {
            var end = path[(at + 1)..].IndexOf((byte)'/');
            end = end < 0 ? path.Length : at + 1 + end;
            var segment = path[(at + 1)..end];
            var last = end == path.Length;
            if (segment is [(byte)'.'] or [(byte)'.', (byte)'.'])
            {
                if (segment.Length == 2) length = Math.Max(0, path[..length].LastIndexOf((byte)'/'));
                if (last) path[length++] = (byte)'/';
            }
            else
            {
                path[at..end].CopyTo(path[length..]);
                length += end - at;
            }

            at = end;
        }

        return length;
    }

    private static bool IsUnreserved(byte value) => char.IsAsciiLetterOrDigit((char)value) || value is (byte)'-' or (byte)'.' or (byte)'_' or (byte)'~';

    private static byte Upper(byte digit) => digit >= 'a' ? (byte)(digit - 0x20) : digit;
}
