using System.Buffers.Binary;
using System.Buffers.Text;

namespace Gatehouse.Wire;

/// <summary>Addresses as text, without an allocation.</summary>
public static class IpText
{
    private const int Groups = 8;

    /// <summary>Dotted decimal. The length; 0 when there is no room.</summary>
    public static int FormatV4(ReadOnlySpan<byte> address, Span<byte> text)
    {
        var length = 0;
        for (var i = 0; i < address.Length; i++)
        {
            if (i > 0)
            {
                if (length >= text.Length) return 0;
                text[length++] = (byte)'.';
            }

            if (!Utf8Formatter.TryFormat(address[i], text[length..], out var written)) return 0;
            length += written;
        }

        return length;
    }

    /// <summary>RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups (the first of equals) as <c>::</c>; an IPv4 address in IPv6 in dotted decimal.</summary>
    public static int FormatV6(ReadOnlySpan<byte> address, Span<byte> text)
    {
        if (address[..10].IndexOfAnyExcept((byte)0) < 0 && address[10] == 0xFF && address[11] == 0xFF)
        {
            if (!"::ffff:"u8.TryCopyTo(text)) return 0;
            var rest = FormatV4(address[12..], text[7..]);
            return rest == 0 ? 0 : 7 + rest;
        }

        var (zeros, count) = LongestZeros(address);
        var length = 0;
        for (var i = 0; i < Groups; i++)
        {
            if (i == zeros)
            {
                if (!"::"u8.TryCopyTo(text[length..])) return 0;
                length += 2;
                i += count - 1;
                continue;
            }

            if (i > 0 && i != zeros + count && length < text.Length) text[length++] = (byte)':';
            if (!Utf8Formatter.TryFormat(BinaryPrimitives.ReadUInt16BigEndian(address[(i * 2)..]), text[length..], out var written, new('x'))) return 0;
            length += written;
        }

        return length;
    }

    private static (int Start, int Count) LongestZeros(ReadOnlySpan<byte> address)
    {
        var (best, most) = (-1, 1);
        for (var i = 0; i < Groups; i++)
        {
            var run = 0;
            while (i + run < Groups && address[(i + run) * 2] == 0 && address[((i + run) * 2) + 1] == 0) run++;
            if (run > most) (best, most) = (i, run);
            i += run;
        }

        return best < 0 ? (-1, 0) : (best, most);
    }
}
