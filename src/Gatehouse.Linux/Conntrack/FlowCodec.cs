using System.Net;
using System.Net.Sockets;
using Gatehouse.Linux.Native;
using Gatehouse.Linux.Netlink;
using Gatehouse.Linux.Nftables;

namespace Gatehouse.Linux.Conntrack;

/// <summary>Messages about flows (linux/netfilter/nfnetlink_conntrack.h).</summary>
internal static class FlowCodec
{
    public const ushort New = (Subsystem << 8) | 0;
    public const ushort Get = (Subsystem << 8) | 1;
    public const ushort Delete = (Subsystem << 8) | 2;
    public const ushort Stats = (Subsystem << 8) | 5;

    public const int Mark = 8;
    public const int MarkMask = 21;

    private const int Subsystem = 1;
    private const int Original = 1;
    private const int Reply = 2;
    private const int Status = 3;
    private const int ProtocolInfo = 4;
    private const int Timeout = 7;
    private const int CountersOriginal = 9;
    private const int CountersReply = 10;
    private const int Zone = 18;

    private const int TupleAddresses = 1;
    private const int TupleProtocol = 2;
    private const int Source4 = 1;
    private const int Destination4 = 2;
    private const int Source6 = 3;
    private const int Destination6 = 4;
    private const int ProtocolNumber = 1;
    private const int SourcePort = 2;
    private const int DestinationPort = 3;
    private const int IcmpId = 4;
    private const int IcmpType = 5;
    private const int IcmpCode = 6;
    private const int IcmpToIcmp6 = 3;

    /// <summary>Begins a message; family 0 is all families.</summary>
    public static int Begin(NetlinkWriter writer, ushort type, NetlinkFlags flags, uint sequence, byte family)
    {
        var start = writer.Begin(type, flags | NetlinkFlags.Request, sequence);
        writer.Put(new NetfilterHeader { Family = family });
        return start;
    }

    public static byte FamilyOf(in FlowTuple tuple)
        => tuple.Source.AddressFamily == AddressFamily.InterNetwork ? (byte)Libc.AfInet : (byte)Libc.AfInet6;

    /// <summary>Names a flow by its first packet, or by its answers.</summary>
    public static void WriteTuple(NetlinkWriter writer, in FlowTuple tuple, bool reply)
    {
        var v4 = tuple.Source.AddressFamily == AddressFamily.InterNetwork;
        var outer = writer.Nest(reply ? Reply : Original);
        var addresses = writer.Nest(TupleAddresses);
        writer.Address(v4 ? Source4 : Source6, tuple.Source);
        writer.Address(v4 ? Destination4 : Destination6, tuple.Destination);
        writer.EndNest(addresses);
        var protocol = writer.Nest(TupleProtocol);
        writer.U8(ProtocolNumber, tuple.Protocol);
        if (tuple.IsIcmp)
        {
            var shift = v4 ? 0 : IcmpToIcmp6;
            writer.U16Big(IcmpId + shift, tuple.SourcePort);
            writer.U8(IcmpType + shift, (byte)(tuple.DestinationPort >> 8));
            writer.U8(IcmpCode + shift, (byte)tuple.DestinationPort);
        }
        else
        {
            writer.U16Big(SourcePort, tuple.SourcePort);
            writer.U16Big(DestinationPort, tuple.DestinationPort);
        }

        writer.EndNest(protocol);
        writer.EndNest(outer);
    }

    /// <summary>The mark alone, for counting.</summary>
    public static uint ReadMark(ReadOnlySpan<byte> payload)
    {
        var attributes = AttributesOf(payload);
        while (attributes.Next())
        {
            if (attributes.Type == Mark)
            {
                return attributes.Value.U32Big();
            }
        }

        return 0;
    }

    public static Flow Read(ReadOnlySpan<byte> payload)
    {
        var flow = new Flow(default, default, FlowStatus.None, 0, TimeSpan.Zero);
        var attributes = AttributesOf(payload);
        while (attributes.Next())
        {
            var value = attributes.Value;
            flow = attributes.Type switch
            {
                Original => flow with { Original = ReadTuple(value) },
                Reply => flow with { Reply = ReadTuple(value) },
                Status => flow with { Status = (FlowStatus)value.U32Big() },
                Mark => flow with { Mark = value.U32Big() },
                Timeout => flow with { Timeout = TimeSpan.FromSeconds(value.U32Big()) },
                Zone => flow with { Zone = value.U16Big() },
                ProtocolInfo => flow with { Tcp = ReadTcpState(value) },
                CountersOriginal => flow with { OriginalBytes = ReadBytes(value) },
                CountersReply => flow with { ReplyBytes = ReadBytes(value) },
                _ => flow,
            };
        }

        return flow;
    }

    public static ConntrackUsage ReadUsage(ReadOnlySpan<byte> payload)
    {
        int entries = 0, limit = 0;
        var attributes = AttributesOf(payload);
        while (attributes.Next())
        {
            if (attributes.Type == 1)
            {
                entries = (int)attributes.Value.U32Big();
            }
            else if (attributes.Type == 2)
            {
                limit = (int)attributes.Value.U32Big();
            }
        }

        return new ConntrackUsage(entries, limit);
    }

    private static AttributeReader AttributesOf(ReadOnlySpan<byte> payload) => new(payload.Length < 4 ? default : payload[4..]);

    private static FlowTuple ReadTuple(ReadOnlySpan<byte> bytes)
    {
        var tuple = new FlowTuple(IPAddress.None, IPAddress.None, 0, 0, 0);
        var attributes = new AttributeReader(bytes);
        while (attributes.Next())
        {
            tuple = attributes.Type switch
            {
                TupleAddresses => ReadAddresses(tuple, attributes.Value),
                TupleProtocol => ReadProtocol(tuple, attributes.Value),
                _ => tuple,
            };
        }

        return tuple;
    }

    private static FlowTuple ReadAddresses(FlowTuple tuple, ReadOnlySpan<byte> bytes)
    {
        var attributes = new AttributeReader(bytes);
        while (attributes.Next())
        {
            if (attributes.Value.Address() is { } address)
            {
                tuple = attributes.Type is Source4 or Source6 ? tuple with { Source = address } : tuple with { Destination = address };
            }
        }

        return tuple;
    }

    private static FlowTuple ReadProtocol(FlowTuple tuple, ReadOnlySpan<byte> bytes)
    {
        var attributes = new AttributeReader(bytes);
        while (attributes.Next())
        {
            var value = attributes.Value;
            tuple = attributes.Type switch
            {
                ProtocolNumber => tuple with { Protocol = value.U8() },
                SourcePort or IcmpId or IcmpId + IcmpToIcmp6 => tuple with { SourcePort = value.U16Big() },
                DestinationPort => tuple with { DestinationPort = value.U16Big() },
                IcmpType or IcmpType + IcmpToIcmp6 => tuple with { DestinationPort = (ushort)(tuple.DestinationPort | (value.U8() << 8)) },
                IcmpCode or IcmpCode + IcmpToIcmp6 => tuple with { DestinationPort = (ushort)(tuple.DestinationPort | value.U8()) },
                _ => tuple,
            };
        }

        return tuple;
    }

    private static TcpFlowState? ReadTcpState(ReadOnlySpan<byte> info)
    {
        const int tcp = 1;
        const int state = 1;
        var outer = new AttributeReader(info);
        while (outer.Next())
        {
            var inner = new AttributeReader(outer.Type == tcp ? outer.Value : default);
            while (inner.Next())
            {
                if (inner.Type == state)
                {
                    return (TcpFlowState)inner.Value.U8();
                }
            }
        }

        return null;
    }

    private static ulong ReadBytes(ReadOnlySpan<byte> counters)
    {
        const int bytes = 2;
        var attributes = new AttributeReader(counters);
        while (attributes.Next())
        {
            if (attributes.Type == bytes)
            {
                return attributes.Value.U64Big();
            }
        }

        return 0;
    }
}
