using System.Net;
using System.Runtime.CompilerServices;

namespace Gatehouse.Wire;

/// <summary>Why bytes are no IP packet.</summary>
public enum PacketFault
{
    None = 0,

    /// <summary>There are no bytes.</summary>
    Empty,

    /// <summary>Neither version 4 nor 6.</summary>
    Version,

    /// <summary>Fewer bytes than a header needs, or lengths that contradict each other.</summary>
    Header,

    /// <summary>Fewer bytes than the header says.</summary>
    Truncated,

    /// <summary>An IPv6 extension header is cut, or there are more than eight.</summary>
    Extensions,
}

/// <summary>Which part of a packet this is.</summary>
/// <param name="Identification">The same for all fragments of a packet; 16 bits for IPv4, 32 for IPv6. 0 for a whole packet.</param>
/// <param name="Offset">Where the data belongs, in bytes.</param>
/// <param name="More">Whether others follow behind it.</param>
public readonly record struct FragmentInfo(uint Identification, int Offset, bool More)
{
    /// <summary>A part, not the whole.</summary>
    public bool IsFragment => More || Offset != 0;

    /// <summary>It begins the packet, so that the transport's header is in it.</summary>
    public bool IsFirst => Offset == 0;
}

/// <summary>
/// What the slow path wants to know of a packet, read in place: nothing is copied or allocated, and any bytes at all are
/// taken; what they lack is said by <see cref="Fault"/>, and then only <see cref="Bytes"/> may be used.
/// </summary>
public readonly ref struct IpPacket
{
    private const int ExtensionLimit = 8;

    private IpPacket(PacketFault fault, ReadOnlySpan<byte> bytes)
    {
        Fault = fault;
        Bytes = bytes;
    }

    /// <summary>What is wrong, or none.</summary>
    public PacketFault Fault { get; }

    public bool IsValid => Fault == PacketFault.None;

    /// <summary>The packet without what may follow it; all bytes if there is a fault.</summary>
    public ReadOnlySpan<byte> Bytes { get; private init; }

    /// <summary>4 or 6.</summary>
    public int Version { get; private init; }

    /// <summary>4 or 16 bytes.</summary>
    public ReadOnlySpan<byte> Source { get; private init; }

    /// <summary>4 or 16 bytes.</summary>
    public ReadOnlySpan<byte> Destination { get; private init; }

    public IPAddress SourceAddress => new(Source);

    public IPAddress DestinationAddress => new(Destination);

    /// <summary>TTL or hop limit.</summary>
    public byte HopLimit { get; private init; }

    /// <summary>What <see cref="Payload"/> is, behind all extension headers; see <see cref="IpProtocol"/>.</summary>
    public byte Protocol { get; private init; }

    public FragmentInfo Fragment { get; private init; }

    /// <summary>The transport's header and data; of a later fragment only data.</summary>
    public ReadOnlySpan<byte> Payload { get; private init; }

    /// <summary>Source and destination port, or null if the packet has none or they are not in this fragment.</summary>
    public (ushort Source, ushort Destination)? Ports
        => Protocol is IpProtocol.Tcp or IpProtocol.Udp && Fragment.IsFirst && Payload.Length >= 4
            ? ((ushort)((Payload[0] << 8) | Payload[1]), (ushort)((Payload[2] << 8) | Payload[3]))
            : null;

    /// <summary>Whether the transport's checksum is right; null if it cannot be told from this fragment, or there is none.</summary>
    public bool? HasRightChecksum
    {
        get
        {
            if (!IsValid || Fragment.IsFragment)
            {
                return null;
            }

            return Protocol switch
            {
                IpProtocol.Icmp when Version == 4 => Payload.Length >= IcmpHeader.Size && InternetChecksum.Compute(Payload) == 0,
                IpProtocol.Udp when Version == 4 && UdpHeader.TryRead(Payload, out var udp) && udp.Checksum == 0 => null,
                IpProtocol.Tcp or IpProtocol.Udp or IpProtocol.Icmp6
                    => InternetChecksum.Compute(Source, Destination, Protocol, Payload) == 0,
                _ => null,
            };
        }
    }

    /// <summary>Reads a packet as it comes from a TUN device.</summary>
    public static IpPacket Parse(ReadOnlySpan<byte> bytes) => Parse(bytes, mayBeCut: false);

    /// <summary>Reads a packet that an ICMP error quotes: its end may be missing.</summary>
    public static IpPacket ParseQuoted(ReadOnlySpan<byte> bytes) => Parse(bytes, mayBeCut: true);

    private static IpPacket Parse(ReadOnlySpan<byte> bytes, bool mayBeCut)
    {
        if (bytes.IsEmpty)
        {
            return new IpPacket(PacketFault.Empty, bytes);
        }

        return (bytes[0] >> 4) switch
        {
            4 => Parse4(bytes, mayBeCut),
            6 => Parse6(bytes, mayBeCut),
            _ => new IpPacket(PacketFault.Version, bytes),
        };
    }

    private static IpPacket Parse4(ReadOnlySpan<byte> bytes, bool mayBeCut)
    {
        if (!IPv4Header.TryRead(bytes, out var header))
        {
            return new IpPacket(PacketFault.Header, bytes);
        }

        if (header.TotalLength > bytes.Length && !mayBeCut)
        {
            return new IpPacket(PacketFault.Truncated, bytes);
        }

        var packet = bytes[..Math.Min(header.TotalLength, bytes.Length)];
        return new IpPacket(PacketFault.None, packet)
        {
            Version = 4,
            Source = packet.Slice(12, 4),
            Destination = packet.Slice(16, 4),
            HopLimit = header.Ttl,
            Protocol = header.Protocol,
            Fragment = header.IsFragment ? new FragmentInfo(header.Identification, header.FragmentOffset, header.MoreFragments) : default,
            Payload = packet[header.HeaderLength..],
        };
    }

    private static IpPacket Parse6(ReadOnlySpan<byte> bytes, bool mayBeCut)
    {
        if (!IPv6Header.TryRead(bytes, out var header))
        {
            return new IpPacket(PacketFault.Header, bytes);
        }

        var length = IPv6Header.Size + header.PayloadLength;
        if (length > bytes.Length && !mayBeCut)
        {
            return new IpPacket(PacketFault.Truncated, bytes);
        }

        var packet = bytes[..Math.Min(length, bytes.Length)];
        var protocol = header.NextHeader;
        var rest = packet[IPv6Header.Size..];
        if (!SkipExtensions(ref rest, ref protocol, out var fragment))
        {
            return new IpPacket(PacketFault.Extensions, bytes);
        }

        return new IpPacket(PacketFault.None, packet)
        {
            Version = 6,
            Source = packet.Slice(8, 16),
            Destination = packet.Slice(24, 16),
            HopLimit = header.HopLimit,
            Protocol = protocol,
            Fragment = fragment,
            Payload = rest,
        };
    }

    /// <summary>RFC 8200 §4; behind the header of a later fragment there is data, whatever the next-header field says.</summary>
    private static bool SkipExtensions(ref ReadOnlySpan<byte> rest, ref byte protocol, out FragmentInfo fragment)
    {
        fragment = default;
        for (var count = 0; IsExtension(protocol); count++)
        {
            if (rest.Length < 8 || count == ExtensionLimit)
            {
                return false;
            }

            var length = protocol switch
            {
                IpProtocol.Fragment => 8,
                IpProtocol.Authentication => (rest[1] + 2) * 4, // RFC 4302 §2.2: in words of 4 bytes
                _ => (rest[1] + 1) * 8,
            };
            if (length > rest.Length)
            {
                return false;
            }

            var isFragment = protocol == IpProtocol.Fragment;
            if (isFragment)
            {
                fragment = ReadFragment(rest);
            }

            protocol = rest[0];
            rest = rest[length..];
            if (isFragment && !fragment.IsFirst)
            {
                break;
            }
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsExtension(byte protocol) => protocol is IpProtocol.HopByHop or IpProtocol.Routing or IpProtocol.Fragment
        or IpProtocol.Authentication or IpProtocol.DestinationOptions or IpProtocol.Mobility;

    private static FragmentInfo ReadFragment(ReadOnlySpan<byte> header)
    {
        var field = (header[2] << 8) | header[3];
        var identification = ((uint)header[4] << 24) | ((uint)header[5] << 16) | ((uint)header[6] << 8) | header[7];
        return new FragmentInfo(identification, field & 0xFFF8, (field & 1) != 0);
    }
}
