using System.Buffers.Binary;

namespace Gatehouse.Wire;

/// <summary>TCP's control bits (RFC 9293 §3.1).</summary>
[Flags]
public enum TcpFlags
{
    None = 0,
    Fin = 0x01,
    Syn = 0x02,
    Rst = 0x04,
    Psh = 0x08,
    Ack = 0x10,
    Urg = 0x20,
    Ece = 0x40,
    Cwr = 0x80,
}

/// <summary>A TCP header (RFC 9293 §3.1).</summary>
/// <remarks>
/// <code>
/// |          Source port          |       Destination port        |
/// |                        Sequence number                        |
/// |                     Acknowledgment number                     |
/// |Offset | Rsrvd |     Flags     |            Window             |
/// |           Checksum            |        Urgent pointer         |
/// |                    Options (0 to 40 bytes)                    |
/// </code>
/// </remarks>
public readonly record struct TcpHeader
{
    /// <summary>Bytes without options.</summary>
    public const int Size = 20;

    /// <summary>Where the checksum lies.</summary>
    public const int ChecksumOffset = 16;

    public ushort SourcePort { get; init; }

    public ushort DestinationPort { get; init; }

    public uint Sequence { get; init; }

    public uint Acknowledgment { get; init; }

    /// <summary>Bytes of the header with its options: 20 to 60, a multiple of 4.</summary>
    public int HeaderLength { get; init; }

    public TcpFlags Flags { get; init; }

    public ushort Window { get; init; }

    /// <summary>As it was read, and as it is written: it covers the payload and the addresses.</summary>
    public ushort Checksum { get; init; }

    public ushort UrgentPointer { get; init; }

    /// <summary>False: fewer bytes than the header says or needs.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out TcpHeader header)
    {
        header = default;
        if (bytes.Length < Size)
        {
            return false;
        }

        var length = (bytes[12] >> 4) * 4;
        if (length < Size || length > bytes.Length)
        {
            return false;
        }

        header = new TcpHeader
        {
            SourcePort = BinaryPrimitives.ReadUInt16BigEndian(bytes),
            DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]),
            Sequence = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]),
            Acknowledgment = BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]),
            HeaderLength = length,
            Flags = (TcpFlags)bytes[13],
            Window = BinaryPrimitives.ReadUInt16BigEndian(bytes[14..]),
            Checksum = BinaryPrimitives.ReadUInt16BigEndian(bytes[ChecksumOffset..]),
            UrgentPointer = BinaryPrimitives.ReadUInt16BigEndian(bytes[18..]),
        };
        return true;
    }

    /// <summary>Writes the header without options, whatever <see cref="HeaderLength"/> says.</summary>
    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt16BigEndian(bytes, SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], DestinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], Sequence);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[8..], Acknowledgment);
        bytes[12] = 5 << 4;
        bytes[13] = (byte)Flags;
        BinaryPrimitives.WriteUInt16BigEndian(bytes[14..], Window);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[ChecksumOffset..], Checksum);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[18..], UrgentPointer);
    }
}

/// <summary>A UDP header (RFC 768).</summary>
/// <param name="Length">Bytes of header and payload. 0 in an IPv6 jumbogram.</param>
/// <param name="Checksum">0: the sender computed none (allowed over IPv4 only).</param>
public readonly record struct UdpHeader(ushort SourcePort, ushort DestinationPort, ushort Length, ushort Checksum)
{
    /// <summary>Bytes; always the same.</summary>
    public const int Size = 8;

    /// <summary>Where the checksum lies.</summary>
    public const int ChecksumOffset = 6;

    /// <summary>False: fewer than 8 bytes, or a length below 8. The length may be more than what is there: the first fragment.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out UdpHeader header)
    {
        header = default;
        if (bytes.Length < Size || BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]) is var length && length < Size)
        {
            return false;
        }

        header = new UdpHeader(
            BinaryPrimitives.ReadUInt16BigEndian(bytes),
            BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]),
            length,
            BinaryPrimitives.ReadUInt16BigEndian(bytes[ChecksumOffset..]));
        return true;
    }

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt16BigEndian(bytes, SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], DestinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[4..], Length);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[ChecksumOffset..], Checksum);
    }
}

/// <summary>The first eight bytes of an ICMP (RFC 792) or ICMPv6 (RFC 4443) message.</summary>
/// <param name="Type">Of the protocol's own list; see <see cref="IcmpType"/>.</param>
/// <param name="Code">Says more about the type.</param>
/// <param name="Checksum">ICMPv6's covers the addresses too.</param>
/// <param name="Rest">Bytes 4 to 7: an echo's identifier and sequence number, "too big"'s MTU.</param>
public readonly record struct IcmpHeader(byte Type, byte Code, ushort Checksum, uint Rest)
{
    /// <summary>Bytes that every message has.</summary>
    public const int Size = 8;

    /// <summary>Where the checksum lies.</summary>
    public const int ChecksumOffset = 2;

    /// <summary>An echo's identifier.</summary>
    public ushort Identifier => (ushort)(Rest >> 16);

    /// <summary>An echo's sequence number.</summary>
    public ushort Sequence => (ushort)Rest;

    /// <summary>False: fewer than 8 bytes.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out IcmpHeader header)
    {
        if (bytes.Length < Size)
        {
            header = default;
            return false;
        }

        header = new IcmpHeader(
            bytes[0], bytes[1], BinaryPrimitives.ReadUInt16BigEndian(bytes[ChecksumOffset..]), BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]));
        return true;
    }

    public void Write(Span<byte> bytes)
    {
        bytes[0] = Type;
        bytes[1] = Code;
        BinaryPrimitives.WriteUInt16BigEndian(bytes[ChecksumOffset..], Checksum);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], Rest);
    }
}

/// <summary>Types of ICMP and ICMPv6 messages (IANA ICMP parameters).</summary>
public static class IcmpType
{
    public const byte EchoReply = 0;
    public const byte Unreachable = 3;
    public const byte Redirect = 5;
    public const byte Echo = 8;
    public const byte TimeExceeded = 11;
    public const byte ParameterProblem = 12;

    public const byte Unreachable6 = 1;
    public const byte TooBig6 = 2;
    public const byte TimeExceeded6 = 3;
    public const byte ParameterProblem6 = 4;
    public const byte Echo6 = 128;
    public const byte EchoReply6 = 129;

    /// <summary>Whether the message is about another packet, which it quotes behind its header.</summary>
    public static bool IsError(byte protocol, byte type)
        => protocol == IpProtocol.Icmp6
            ? type < 128
            : type is Unreachable or 4 or Redirect or TimeExceeded or ParameterProblem;
}
