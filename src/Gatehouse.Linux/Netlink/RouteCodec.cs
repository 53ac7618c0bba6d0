using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Gatehouse.Linux.Native;
using Gatehouse.Wire;

namespace Gatehouse.Linux.Netlink;

/// <summary>Messages about addresses, routes, neighbours, forwarding entries and rules (rtnetlink(7)).</summary>
internal static class RouteCodec
{
    private const byte ScopeUniverse = 0;
    private const byte ScopeLink = 253;
    private const byte ScopeHost = 254;
    private const byte TableCompat = 252; // The number does not fit into the header's byte; the attribute has it.
    private const uint FlagOnLink = 4;
    private const byte NeighbourSelf = 2;
    private const byte NeighbourMaster = 4;
    private const byte RuleToTable = 1;

    public static byte FamilyOf(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork ? (byte)Libc.AfInet : (byte)Libc.AfInet6;

    public static void WriteAddress(
        NetlinkWriter writer, ushort type, NetlinkFlags flags, uint sequence, int index, InterfaceAddress address, AddressFlags addressFlags)
    {
        const int remote = 1;
        const int local = 2;
        const int flagsAttribute = 8;
        var start = writer.Begin(type, flags | NetlinkFlags.Request, sequence);
        writer.Put(new AddressHeader { Family = FamilyOf(address.Address), PrefixLength = (byte)address.PrefixLength, Index = index });
        writer.Address(local, address.Address);
        writer.Address(remote, address.Address);
        writer.U32(flagsAttribute, (uint)addressFlags);
        writer.End(start);
    }

    public static LinkAddress? ReadAddress(ReadOnlySpan<byte> payload)
    {
        if (!MemoryMarshal.TryRead(payload, out AddressHeader header))
        {
            return null;
        }

        IPAddress? local = null, remote = null;
        var flags = (uint)header.Flags;
        var attributes = new AttributeReader(payload[Marshal.SizeOf<AddressHeader>()..]);
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case 1: remote = attributes.Value.Address(); break;
                case 2: local = attributes.Value.Address(); break;
                case 8: flags = attributes.Value.U32(); break;
                default: break;
            }
        }

        return (local ?? remote) is { } address
            ? new LinkAddress(header.Index, new InterfaceAddress(address, header.PrefixLength),
                (AddressFlags)flags & (AddressFlags.NoDad | AddressFlags.NoPrefixRoute))
            : null;
    }

    public static void WriteRoute(NetlinkWriter writer, ushort type, NetlinkFlags flags, uint sequence, Route route)
    {
        var family = FamilyOf(route.Destination.BaseAddress);
        var start = writer.Begin(type, flags | NetlinkFlags.Request, sequence);
        writer.Put(new RouteHeader
        {
            Family = family,
            DestinationLength = (byte)route.Destination.PrefixLength,
            Table = route.Table > byte.MaxValue ? TableCompat : (byte)route.Table,
            Protocol = route.Protocol,
            Scope = ScopeOf(route, deleting: type == RouteMessage.DeleteRoute),
            Type = (byte)route.Kind,
            Flags = route.OnLink ? FlagOnLink : 0,
        });
        writer.Address(RouteAttribute.Destination, route.Destination.BaseAddress);
        writer.U32(RouteAttribute.Table, route.Table);
        if (route.Device != 0)
        {
            writer.U32(RouteAttribute.OutputDevice, (uint)route.Device);
        }

        WriteNextHop(writer, route, family);
        if (route.Source is { } source)
        {
            writer.Address(RouteAttribute.PreferredSource, source);
        }

        if (route.Metric is { } metric)
        {
            writer.U32(RouteAttribute.Priority, metric);
        }

        if (route.Mtu is { } mtu)
        {
            var metrics = writer.Nest(RouteAttribute.Metrics);
            writer.U32(RouteAttribute.MetricMtu, (uint)mtu);
            writer.EndNest(metrics);
        }

        writer.End(start);
    }

    public static Route? ReadRoute(ReadOnlySpan<byte> payload)
    {
        if (!MemoryMarshal.TryRead(payload, out RouteHeader header) || header.Family is not (Libc.AfInet or Libc.AfInet6))
        {
            return null;
        }

        var any = header.Family == Libc.AfInet ? IPAddress.Any : IPAddress.IPv6Any;
        var destination = any;
        var route = new Route(new IPNetwork(any, 0))
        {
            Table = header.Table,
            Kind = (RouteKind)header.Type,
            Protocol = header.Protocol,
            OnLink = (header.Flags & FlagOnLink) != 0,
        };
        var attributes = new AttributeReader(payload[Marshal.SizeOf<RouteHeader>()..]);
        while (attributes.Next())
        {
            var value = attributes.Value;
            if (attributes.Type == RouteAttribute.Destination)
            {
                destination = value.Address() ?? any;
                continue;
            }

            route = attributes.Type switch
            {
                RouteAttribute.OutputDevice => route with { Device = value.I32() },
                RouteAttribute.Gateway => route with { Gateway = value.Address() },
                RouteAttribute.Via when value.Length > 2 => route with { Gateway = value[2..].Address() },
                RouteAttribute.PreferredSource => route with { Source = value.Address() },
                RouteAttribute.Priority => route with { Metric = value.U32() },
                RouteAttribute.Table => route with { Table = value.U32() },
                RouteAttribute.Metrics => route with { Mtu = ReadMtu(value) },
                _ => route,
            };
        }

        return route with { Destination = NetworkOf(destination, header.DestinationLength) };
    }

    public static void WriteNeighbour(NetlinkWriter writer, ushort type, NetlinkFlags flags, uint sequence, Neighbour neighbour)
    {
        var start = writer.Begin(type, flags | NetlinkFlags.Request, sequence);
        writer.Put(new NeighbourHeader { Family = FamilyOf(neighbour.Address), Index = neighbour.Device, State = (ushort)neighbour.State });
        writer.Address(NeighbourAttribute.Destination, neighbour.Address);
        neighbour.Mac?.CopyTo(writer.Attribute(NeighbourAttribute.LinkAddress, MacAddress.Size));
        writer.End(start);
    }

    public static void WriteFdb(NetlinkWriter writer, ushort type, NetlinkFlags flags, uint sequence, FdbEntry entry)
    {
        var start = writer.Begin(type, flags | NetlinkFlags.Request, sequence);
        writer.Put(new NeighbourHeader
        {
            Family = Libc.AfBridge,
            Index = entry.Device,
            State = (ushort)entry.State,
            Flags = entry.Remote is null ? NeighbourMaster : NeighbourSelf,
        });
        entry.Mac.CopyTo(writer.Attribute(NeighbourAttribute.LinkAddress, MacAddress.Size));
        if (entry.Remote is { } remote)
        {
            writer.Address(NeighbourAttribute.Destination, remote);
        }

        writer.End(start);
    }

    /// <summary>Reads a neighbour, or a forwarding entry where the family is the bridge's.</summary>
    public static (Neighbour? Neighbour, FdbEntry? Fdb) ReadNeighbour(ReadOnlySpan<byte> payload)
    {
        if (!MemoryMarshal.TryRead(payload, out NeighbourHeader header))
        {
            return default;
        }

        IPAddress? address = null;
        MacAddress? mac = null;
        var attributes = new AttributeReader(payload[Marshal.SizeOf<NeighbourHeader>()..]);
        while (attributes.Next())
        {
            if (attributes.Type == NeighbourAttribute.Destination)
            {
                address = attributes.Value.Address();
            }
            else if (attributes.Type == NeighbourAttribute.LinkAddress && attributes.Value.Length == MacAddress.Size)
            {
                mac = new MacAddress(attributes.Value);
            }
        }

        var state = (NeighbourState)header.State;
        return header.Family switch
        {
            Libc.AfBridge when mac is { } known => (null, new FdbEntry(known, header.Index, address) { State = state }),
            Libc.AfInet or Libc.AfInet6 when address is not null => (new Neighbour(address, header.Index, mac) { State = state }, null),
            _ => default,
        };
    }

    public static void WriteRule(NetlinkWriter writer, ushort type, NetlinkFlags flags, uint sequence, Rule rule)
    {
        var start = writer.Begin(type, flags | NetlinkFlags.Request, sequence);
        writer.Put(new RuleHeader
        {
            Family = rule.Family == AddressFamily.InterNetwork ? (byte)Libc.AfInet : (byte)Libc.AfInet6,
            DestinationLength = (byte)(rule.To?.PrefixLength ?? 0),
            SourceLength = (byte)(rule.From?.PrefixLength ?? 0),
            Table = rule.Table > byte.MaxValue ? TableCompat : (byte)rule.Table,
            Action = RuleToTable,
        });
        writer.U32(RuleAttribute.Table, rule.Table);
        WriteOptional(writer, RuleAttribute.Priority, rule.Priority);
        WriteOptional(writer, RuleAttribute.Mark, rule.Mark);
        WriteOptional(writer, RuleAttribute.Mask, rule.Mask);
        WriteOptional(writer, RuleAttribute.InputDevice, rule.InputDevice);
        WriteOptional(writer, RuleAttribute.OutputDevice, rule.OutputDevice);
        if (rule.From is { } from)
        {
            writer.Address(RuleAttribute.Source, from.BaseAddress);
        }

        if (rule.To is { } to)
        {
            writer.Address(RuleAttribute.Destination, to.BaseAddress);
        }

        writer.End(start);
    }

    public static Rule? ReadRule(ReadOnlySpan<byte> payload)
    {
        if (!MemoryMarshal.TryRead(payload, out RuleHeader header) || header.Family is not (Libc.AfInet or Libc.AfInet6))
        {
            return null;
        }

        var rule = new Rule(header.Family == Libc.AfInet ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, header.Table) { Priority = 0 };
        var attributes = new AttributeReader(payload[Marshal.SizeOf<RuleHeader>()..]);
        while (attributes.Next())
        {
            var value = attributes.Value;
            rule = attributes.Type switch
            {
                RuleAttribute.Table => rule with { Table = value.U32() },
                RuleAttribute.Priority => rule with { Priority = value.U32() },
                RuleAttribute.Mark => rule with { Mark = value.U32() },
                RuleAttribute.Mask => rule with { Mask = value.U32() },
                RuleAttribute.InputDevice => rule with { InputDevice = value.Text() },
                RuleAttribute.OutputDevice => rule with { OutputDevice = value.Text() },
                RuleAttribute.Source when value.Address() is { } from => rule with { From = NetworkOf(from, header.SourceLength) },
                RuleAttribute.Destination when value.Address() is { } to => rule with { To = NetworkOf(to, header.DestinationLength) },
                _ => rule,
            };
        }

        return rule;
    }

    /// <summary>Rules of others may have bits set behind the prefix, which <see cref="IPNetwork"/> does not take.</summary>
    private static IPNetwork NetworkOf(IPAddress address, int prefixLength)
    {
        var bytes = address.GetAddressBytes();
        var length = Math.Min(prefixLength, bytes.Length * 8);
        for (var bit = length; bit < bytes.Length * 8; bit++)
        {
            bytes[bit >> 3] &= (byte)~(0x80 >> (bit & 7));
        }

        return new IPNetwork(new IPAddress(bytes), length);
    }

    /// <summary>IPv4 wants the scope; for a delete "nowhere" matches any.</summary>
    private static byte ScopeOf(Route route, bool deleting)
    {
        const byte nowhere = 255;
        return route switch
        {
            _ when route.Destination.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6 => ScopeUniverse,
            _ when deleting => nowhere,
            { Kind: RouteKind.Local } => ScopeHost,
            { Kind: RouteKind.Unicast, Gateway: null } => ScopeLink,
            _ => ScopeUniverse,
        };
    }

    private static void WriteNextHop(NetlinkWriter writer, Route route, byte family)
    {
        if (route.Gateway is not { } gateway)
        {
            return;
        }

        if (FamilyOf(gateway) == family)
        {
            writer.Address(RouteAttribute.Gateway, gateway);
            return;
        }

        // rtvia: the gateway is of the other family (RFC 5549 style).
        var bytes = gateway.GetAddressBytes();
        var via = writer.Attribute(RouteAttribute.Via, bytes.Length + 2);
        MemoryMarshal.Write(via, (ushort)FamilyOf(gateway));
        bytes.CopyTo(via[2..]);
    }

    private static int? ReadMtu(ReadOnlySpan<byte> metrics)
    {
        var attributes = new AttributeReader(metrics);
        while (attributes.Next())
        {
            if (attributes.Type == RouteAttribute.MetricMtu)
            {
                return attributes.Value.I32();
            }
        }

        return null;
    }

    private static void WriteOptional(NetlinkWriter writer, int type, uint? value)
    {
        if (value is { } number)
        {
            writer.U32(type, number);
        }
    }

    private static void WriteOptional(NetlinkWriter writer, int type, string? value)
    {
        if (value is not null)
        {
            writer.Text(type, value);
        }
    }
}

/// <summary>RTA_…</summary>
internal static class RouteAttribute
{
    public const int Destination = 1;
    public const int OutputDevice = 4;
    public const int Gateway = 5;
    public const int Priority = 6;
    public const int PreferredSource = 7;
    public const int Metrics = 8;
    public const int Table = 15;
    public const int Via = 18;
    public const int MetricMtu = 2;
}

/// <summary>NDA_…</summary>
internal static class NeighbourAttribute
{
    public const int Destination = 1;
    public const int LinkAddress = 2;
}

/// <summary>FRA_…</summary>
internal static class RuleAttribute
{
    public const int Destination = 1;
    public const int Source = 2;
    public const int InputDevice = 3;
    public const int Priority = 6;
    public const int Mark = 10;
    public const int Table = 15;
    public const int Mask = 16;
    public const int OutputDevice = 17;
}
