using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Gatehouse.Wire;

/// <summary>The checksum of IP, ICMP, TCP and UDP (RFC 1071), whole and by difference (RFC 1624).</summary>
public static class InternetChecksum
{
    /// <summary>The checksum of the bytes, whose own checksum field has to be zero. Over bytes that include a right one it is 0.</summary>
    public static ushort Compute(ReadOnlySpan<byte> bytes) => Finish(Sum(bytes));

    /// <summary>The checksum of a TCP, UDP or ICMPv6 message, with the pseudo-header of its addresses (RFC 9293 §3.1, RFC 8200 §8.1).</summary>
    /// <param name="source">4 or 16 bytes.</param>
    /// <param name="destination">As many.</param>
    /// <param name="protocol">6, 17 or 58.</param>
    /// <param name="message">Header and payload; the checksum field is zero, or a right one to be checked (then the result is 0).</param>
    public static ushort Compute(ReadOnlySpan<byte> source, ReadOnlySpan<byte> destination, byte protocol, ReadOnlySpan<byte> message)
        => Finish(Sum(source) + Sum(destination) + protocol + (uint)(message.Length >> 16) + (ushort)message.Length + Sum(message));

    /// <summary>
    /// The checksum after some bytes of the message, or of its pseudo-header, have changed. Both spans begin at an even
    /// offset of the message and have the same, even length.
    /// </summary>
    /// <exception cref="ArgumentException">The lengths differ or are odd.</exception>
    public static ushort Update(ushort checksum, ReadOnlySpan<byte> before, ReadOnlySpan<byte> after)
    {
        if (before.Length != after.Length || (before.Length & 1) != 0)
        {
            throw new ArgumentException($"{before.Length} bytes cannot be replaced by {after.Length}; give two spans of one even length", nameof(after));
        }

        // RFC 1624 eqn. 3: HC' = ~(~HC + ~m + m'). The other form, without the outer complements, gets zero wrong.
        ulong sum = (ushort)~checksum;
        for (var i = 0; i < before.Length; i += 2)
        {
            sum += (ushort)~BinaryPrimitives.ReadUInt16BigEndian(before[i..]);
            sum += BinaryPrimitives.ReadUInt16BigEndian(after[i..]);
        }

        return Finish(sum);
    }

    /// <summary>UDP's form: zero says "none", so that a sum of zero is sent as its other form (RFC 768).</summary>
    public static ushort ForUdp(ushort checksum) => checksum == 0 ? (ushort)0xFFFF : checksum;

    /// <summary>The unfolded sum of the 16-bit words in network byte order; an odd last byte counts as the high one.</summary>
    private static ulong Sum(ReadOnlySpan<byte> bytes)
    {
        // Sums of 32-bit words fold to the same 16 bits, since 2^16 is 1 modulo 2^16 - 1.
        ulong sum = 0;
        var words = MemoryMarshal.Cast<byte, uint>(bytes[..(bytes.Length & ~3)]);
        foreach (var word in words)
        {
            sum += BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(word) : word;
        }

        var rest = bytes[(bytes.Length & ~3)..];
        if (rest.Length >= 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(rest);
            rest = rest[2..];
        }

        return rest.Length > 0 ? sum + ((uint)rest[0] << 8) : sum;
    }

    private static ushort Finish(ulong sum)
    {
        while (sum >> 16 != 0)
        {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (ushort)~sum;
    }
}
