using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Gatehouse.Linux.Native;
using Gatehouse.Wire;

namespace Gatehouse.Linux.Netlink;

/// <summary>Messages about devices (rtnetlink(7), linux/if_link.h).</summary>
internal static class LinkCodec
{
    private const uint FlagUp = 1;
    private const uint FlagRunning = 0x40;

    private const int Address = 1;
    private const int Name = 3;
    private const int Mtu = 4;
    private const int Parent = 5;
    private const int Master = 10;
    private const int PortInfo = 12;
    private const int Info = 18;
    private const int FamilySpec = 26;
    private const int NamespaceFd = 28;
    private const int InfoKind = 1;
    private const int InfoData = 2;

    private const int BridgeMulticastSnooping = 23;
    private const int VethPeer = 1;
    private const int VxlanId = 1;
    private const int VxlanUnderlay = 3;
    private const int VxlanLocal = 4;
    private const int VxlanTtl = 5;
    private const int VxlanLearning = 7;
    private const int VxlanPort = 15;
    private const int VxlanLocal6 = 17;
    private const int PortHairpin = 4;
    private const int PortLearning = 8;
    private const int PortIsolated = 33;
    private const int Inet6AddressGeneration = 8;

    public static void WriteBridge(NetlinkWriter writer, uint sequence, BridgeOptions options)
        => WriteNew(writer, sequence, options.Name, "bridge", options.Mac, options.Mtu, () =>
            writer.U8(BridgeMulticastSnooping, options.MulticastSnooping ? (byte)1 : (byte)0));

    public static void WriteVxlan(NetlinkWriter writer, uint sequence, VxlanOptions options)
        => WriteNew(writer, sequence, options.Name, "vxlan", options.Mac, options.Mtu, () =>
        {
            writer.U32(VxlanId, options.Vni);
            writer.U16Big(VxlanPort, checked((ushort)options.Port));
            writer.U8(VxlanLearning, options.Learning ? (byte)1 : (byte)0);
            if (options.Local is { } local)
            {
                writer.Address(local.AddressFamily == AddressFamily.InterNetwork ? VxlanLocal : VxlanLocal6, local);
            }

            if (options.Underlay != 0)
            {
                writer.U32(VxlanUnderlay, (uint)options.Underlay);
            }

            if (options.Ttl != 0)
            {
                writer.U8(VxlanTtl, options.Ttl);
            }
        });

    public static void WriteVeth(NetlinkWriter writer, uint sequence, VethOptions options)
        => WriteNew(writer, sequence, options.Name, "veth", options.Mac, options.Mtu, () =>
        {
            var peer = writer.Nest(VethPeer);
            writer.Put(default(LinkHeader));
            WriteCommon(writer, options.PeerName, options.PeerMac, options.Mtu);
            if (options.PeerNamespace is { } ns)
            {
                writer.U32(NamespaceFd, (uint)ns.Handle.DangerousGetHandle());
            }

            writer.EndNest(peer);
        });

    /// <summary>Everything of a change that one message can say; bridge-port flags are another message.</summary>
    public static void WriteChange(NetlinkWriter writer, uint sequence, int index, LinkChange change)
    {
        var start = writer.Begin(RouteMessage.NewLink, NetlinkFlags.Request | NetlinkFlags.Ack, sequence);
        writer.Put(new LinkHeader
        {
            Index = index,
            Flags = change.Up == true ? FlagUp : 0,
            Change = change.Up is null ? 0 : FlagUp,
        });
        WriteCommon(writer, change.Name, change.Mac, change.Mtu);
        if (change.Master is { } master)
        {
            writer.U32(Master, (uint)master);
        }

        if (change.Namespace is { } ns)
        {
            writer.U32(NamespaceFd, (uint)ns.Handle.DangerousGetHandle());
        }

        if (change.AddressGeneration is { } generation)
        {
            var families = writer.Nest(FamilySpec);
            var inet6 = writer.Nest(Libc.AfInet6);
            writer.U8(Inet6AddressGeneration, (byte)generation);
            writer.EndNest(inet6);
            writer.EndNest(families);
        }

        writer.End(start);
    }

    public static void WritePortChange(NetlinkWriter writer, uint sequence, int index, LinkChange change)
    {
        var start = writer.Begin(RouteMessage.SetLink, NetlinkFlags.Request | NetlinkFlags.Ack, sequence);
        writer.Put(new LinkHeader { Family = Libc.AfBridge, Index = index });
        var port = writer.Nest(PortInfo);
        WriteFlag(writer, PortHairpin, change.Hairpin);
        WriteFlag(writer, PortLearning, change.Learning);
        WriteFlag(writer, PortIsolated, change.Isolated);
        writer.EndNest(port);
        writer.End(start);
    }

    public static void WriteDelete(NetlinkWriter writer, uint sequence, int index)
    {
        var start = writer.Begin(RouteMessage.DeleteLink, NetlinkFlags.Request | NetlinkFlags.Ack, sequence);
        writer.Put(new LinkHeader { Index = index });
        writer.End(start);
    }

    public static void WriteGet(NetlinkWriter writer, uint sequence, string? name)
    {
        var flags = NetlinkFlags.Request | (name is null ? NetlinkFlags.Dump : NetlinkFlags.Ack);
        var start = writer.Begin(RouteMessage.GetLink, flags, sequence);
        writer.Put(default(LinkHeader));
        if (name is not null)
        {
            writer.Text(Name, name);
        }

        writer.End(start);
    }

    public static Link? Read(ReadOnlySpan<byte> payload)
    {
        if (!MemoryMarshal.TryRead(payload, out LinkHeader header))
        {
            return null;
        }

        var link = new Link(header.Index, "", "", null, 0, (header.Flags & FlagUp) != 0, (header.Flags & FlagRunning) != 0, 0, 0);
        var attributes = new AttributeReader(payload[Marshal.SizeOf<LinkHeader>()..]);
        while (attributes.Next())
        {
            var value = attributes.Value;
            link = attributes.Type switch
            {
                Name => link with { Name = value.Text() },
                Address when value.Length == MacAddress.Size => link with { Mac = new MacAddress(value) },
                Mtu => link with { Mtu = value.I32() },
                Master => link with { Master = value.I32() },
                Parent => link with { Parent = value.I32() },
                Info => ReadInfo(link, value),
                _ => link,
            };
        }

        return link;
    }

    private static Link ReadInfo(Link link, ReadOnlySpan<byte> info)
    {
        ReadOnlySpan<byte> data = default;
        var attributes = new AttributeReader(info);
        while (attributes.Next())
        {
            if (attributes.Type == InfoKind)
            {
                link = link with { Kind = attributes.Value.Text() };
            }
            else if (attributes.Type == InfoData)
            {
                data = attributes.Value;
            }
        }

        return string.Equals(link.Kind, "vxlan", StringComparison.Ordinal) ? link with { Vxlan = ReadVxlan(data) } : link;
    }

    private static VxlanState ReadVxlan(ReadOnlySpan<byte> data)
    {
        var state = new VxlanState(0, 0, null, 0, false);
        var attributes = new AttributeReader(data);
        while (attributes.Next())
        {
            var value = attributes.Value;
            state = attributes.Type switch
            {
                VxlanId => state with { Vni = value.U32() },
                VxlanPort => state with { Port = value.U16Big() },
                VxlanLocal or VxlanLocal6 when value.Address() is { } local && !local.Equals(IPAddress.Any) => state with { Local = local },
                VxlanUnderlay => state with { Underlay = value.I32() },
                VxlanLearning => state with { Learning = value.U8() != 0 },
                _ => state,
            };
        }

        return state;
    }

    private static void WriteNew(NetlinkWriter writer, uint sequence, string name, string kind, MacAddress? mac, int? mtu, Action data)
    {
        var start = writer.Begin(
            RouteMessage.NewLink, NetlinkFlags.Request | NetlinkFlags.Ack | NetlinkFlags.Create | NetlinkFlags.Exclusive, sequence);
        writer.Put(default(LinkHeader));
        WriteCommon(writer, name, mac, mtu);
        var info = writer.Nest(Info);
        writer.Text(InfoKind, kind);
        var nest = writer.Nest(InfoData);
        data();
        writer.EndNest(nest);
        writer.EndNest(info);
        writer.End(start);
    }

    private static void WriteCommon(NetlinkWriter writer, string? name, MacAddress? mac, int? mtu)
    {
        if (name is not null)
        {
            writer.Text(Name, name);
        }

        if (mac is { } address)
        {
            address.CopyTo(writer.Attribute(Address, MacAddress.Size));
        }

        if (mtu is { } bytes)
        {
            writer.U32(Mtu, checked((uint)bytes));
        }
    }

    private static void WriteFlag(NetlinkWriter writer, int type, bool? flag)
    {
        if (flag is { } value)
        {
            writer.U8(type, value ? (byte)1 : (byte)0);
        }
    }
}
