using System.Buffers.Binary;
using System.Net;

namespace Gatehouse.Wire;

/// <summary>An IPv4 header (RFC 791 §3.1).</summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// |Version|  IHL  |Type of service|         Total length          |
/// |         Identification        |Flags|    Fragment offset      |
/// | Time to live  |   Protocol    |        Header checksum        |
/// |                         Source address                        |
/// |                      Destination address                      |
/// |                    Options (0 to 40 bytes)                    |
/// </code>
/// </remarks>
public readonly record struct IPv4Header
{
    /// <summary>Bytes without options.</summary>
    public const int Size = 20;

    /// <summary>Bytes of the header with its options: 20 to 60, a multiple of 4.</summary>
    public int HeaderLength { get; init; }

    /// <summary>Bytes of header and payload, up to 65,535.</summary>
    public int TotalLength { get; init; }

    /// <summary>DSCP and ECN.</summary>
    public byte TrafficClass { get; init; }

    /// <summary>Fragments of one packet have the same.</summary>
    public ushort Identification { get; init; }

    public bool DontFragment { get; init; }

    public bool MoreFragments { get; init; }

    /// <summary>Where the payload belongs in the whole packet's, in bytes; a multiple of 8.</summary>
    public int FragmentOffset { get; init; }

    public byte Ttl { get; init; }

    /// <summary>See <see cref="IpProtocol"/>.</summary>
    public byte Protocol { get; init; }

    /// <summary>As it was read; <see cref="Write"/> computes it.</summary>
    public ushort Checksum { get; init; }

    /// <summary>In the host's byte order: 10.0.0.1 is 0x0A000001.</summary>
    public uint Source { get; init; }

    /// <inheritdoc cref="Source"/>
    public uint Destination { get; init; }

    public bool IsFragment => MoreFragments || FragmentOffset != 0;

    public IPAddress SourceAddress => AddressOf(Source);

    public IPAddress DestinationAddress => AddressOf(Destination);

    /// <summary>Reads a header. The total length is not compared with what is there: a quoted packet may be cut.</summary>
    /// <returns>False: fewer bytes than the header says or needs, another version, or lengths that contradict each other.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out IPv4Header header)
    {
        header = default;
        if (bytes.Length < Size || bytes[0] >> 4 != 4)
        {
            return false;
        }

        var headerLength = (bytes[0] & 0x0F) * 4;
        int totalLength = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        if (headerLength < Size || headerLength > bytes.Length || totalLength < headerLength)
        {
            return false;
        }

        var fragment = BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]);
        header = new IPv4Header
        {
            HeaderLength = headerLength,
            TotalLength = totalLength,
            TrafficClass = bytes[1],
            Identification = BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]),
            DontFragment = (fragment & 0x4000) != 0,
            MoreFragments = (fragment & 0x2000) != 0,
            FragmentOffset = (fragment & 0x1FFF) * 8,
            Ttl = bytes[8],
            Protocol = bytes[9],
            Checksum = BinaryPrimitives.ReadUInt16BigEndian(bytes[10..]),
            Source = BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]),
            Destination = BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]),
        };
        return true;
    }

    /// <summary>Writes the header, without options whatever <see cref="HeaderLength"/> says, with its checksum.</summary>
    /// <exception cref="ArgumentException">Less than 20 bytes are there, or a field does not fit.</exception>
    public void Write(Span<byte> bytes)
    {
        if (bytes.Length < Size || TotalLength is < Size or > ushort.MaxValue || FragmentOffset is < 0 or > 0xFFF8 || (FragmentOffset & 7) != 0)
        {
            throw new ArgumentException($"an IPv4 header of {TotalLength} bytes in all at offset {FragmentOffset} does not fit into {bytes.Length} bytes", nameof(bytes));
        }

        bytes[0] = 0x45;
        bytes[1] = TrafficClass;
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], (ushort)TotalLength);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[4..], Identification);
        var flags = (DontFragment ? 0x4000 : 0) | (MoreFragments ? 0x2000 : 0);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[6..], (ushort)(flags | (FragmentOffset / 8)));
        bytes[8] = Ttl;
        bytes[9] = Protocol;
        bytes[10..12].Clear();
        BinaryPrimitives.WriteUInt32BigEndian(bytes[12..], Source);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[16..], Destination);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[10..], InternetChecksum.Compute(bytes[..Size]));
    }

    private static IPAddress AddressOf(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return new IPAddress(bytes);
    }
}
