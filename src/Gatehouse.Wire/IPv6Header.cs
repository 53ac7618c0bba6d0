using System.Buffers.Binary;
using System.Net;

namespace Gatehouse.Wire;

/// <summary>An IPv6 header without its extensions (RFC 8200 §3).</summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// |Version| Traffic class |              Flow label               |
/// |         Payload length        |  Next header  |   Hop limit   |
/// |                   Source address (16 bytes)                   |
/// |                 Destination address (16 bytes)                |
/// </code>
/// </remarks>
public readonly record struct IPv6Header
{
    /// <summary>Bytes; always the same.</summary>
    public const int Size = 40;

    /// <summary>DSCP and ECN.</summary>
    public byte TrafficClass { get; init; }

    /// <summary>20 bits.</summary>
    public uint FlowLabel { get; init; }

    /// <summary>Bytes behind this header, extensions included, up to 65,535. Jumbograms (RFC 2675) read as 0.</summary>
    public int PayloadLength { get; init; }

    /// <summary>Of the first extension or of the transport; see <see cref="IpProtocol"/>.</summary>
    public byte NextHeader { get; init; }

    public byte HopLimit { get; init; }

    /// <summary>The address as a number, its first byte being the highest.</summary>
    public UInt128 Source { get; init; }

    /// <inheritdoc cref="Source"/>
    public UInt128 Destination { get; init; }

    public IPAddress SourceAddress => AddressOf(Source);

    public IPAddress DestinationAddress => AddressOf(Destination);

    /// <summary>Reads a header. The payload length is not compared with what is there: a quoted packet may be cut.</summary>
    /// <returns>False: fewer than 40 bytes, or another version.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out IPv6Header header)
    {
        header = default;
        if (bytes.Length < Size || bytes[0] >> 4 != 6)
        {
            return false;
        }

        var first = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        header = new IPv6Header
        {
            TrafficClass = (byte)(first >> 20),
            FlowLabel = first & 0xF_FFFF,
            PayloadLength = BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]),
            NextHeader = bytes[6],
            HopLimit = bytes[7],
            Source = BinaryPrimitives.ReadUInt128BigEndian(bytes[8..]),
            Destination = BinaryPrimitives.ReadUInt128BigEndian(bytes[24..]),
        };
        return true;
    }

    /// <exception cref="ArgumentException">Less than 40 bytes are there, or a field does not fit.</exception>
    public void Write(Span<byte> bytes)
    {
        if (bytes.Length < Size || PayloadLength is < 0 or > ushort.MaxValue || FlowLabel > 0xF_FFFF)
        {
            throw new ArgumentException($"an IPv6 header of payload {PayloadLength} and flow {FlowLabel:x} does not fit into {bytes.Length} bytes", nameof(bytes));
        }

        BinaryPrimitives.WriteUInt32BigEndian(bytes, (6u << 28) | ((uint)TrafficClass << 20) | FlowLabel);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[4..], (ushort)PayloadLength);
        bytes[6] = NextHeader;
        bytes[7] = HopLimit;
        BinaryPrimitives.WriteUInt128BigEndian(bytes[8..], Source);
        BinaryPrimitives.WriteUInt128BigEndian(bytes[24..], Destination);
    }

    private static IPAddress AddressOf(UInt128 value)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        return new IPAddress(bytes);
    }
}
