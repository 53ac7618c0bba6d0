using System.Net;
using System.Net.Sockets;
using Gatehouse.Wire;

namespace Gatehouse.Linux.Netlink;

/// <summary>An address with its prefix length, host bits kept: <c>10.18.0.1/26</c>.</summary>
public readonly record struct InterfaceAddress(IPAddress Address, int PrefixLength)
{
    public static InterfaceAddress Parse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var address = IPAddress.Parse(slash < 0 ? text : text.AsSpan(0, slash));
        var bits = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var length = slash < 0 ? bits : int.Parse(text.AsSpan(slash + 1));
        return length >= 0 && length <= bits
            ? new InterfaceAddress(address, length)
            : throw new FormatException($"'{text}' has a prefix length outside 0 to {bits}");
    }

    public override string ToString() => $"{Address}/{PrefixLength}";
}

/// <summary>How <see cref="RouteSocket.AddAddress"/> adds.</summary>
[Flags]
public enum AddressFlags
{
    None = 0,

    /// <summary>
    /// IPv6: usable without duplicate address detection. The kernel still puts it in place on a queue of its own: the local
    /// route is there a moment after the call has returned, and after the device is up.
    /// </summary>
    NoDad = 0x02,

    /// <summary>The kernel adds no route to the prefix.</summary>
    NoPrefixRoute = 0x200,
}

/// <summary>A network device as the kernel describes it.</summary>
/// <param name="Index">Its number in its namespace; from 1.</param>
/// <param name="Name">1 to 15 bytes.</param>
/// <param name="Kind"><c>bridge</c>, <c>vxlan</c>, <c>veth</c>, <c>tun</c>, …; empty for hardware and loopback.</param>
/// <param name="Mac">Null if it has none of six bytes.</param>
/// <param name="Mtu">Bytes.</param>
/// <param name="IsUp">Set up by the operator (IFF_UP).</param>
/// <param name="HasCarrier">
/// Able to pass packets (IFF_RUNNING): up, with a carrier. A veth gets there a moment after both ends are up; what is sent
/// before is lost.
/// </param>
/// <param name="Master">The bridge's index, or 0.</param>
/// <param name="Parent">Index of the device below, for a veth its other end (perhaps in another namespace), or 0.</param>
public sealed record Link(
    int Index, string Name, string Kind, MacAddress? Mac, int Mtu, bool IsUp, bool HasCarrier, int Master, int Parent)
{
    /// <summary>What a vxlan device was made with; null for other kinds.</summary>
    public VxlanState? Vxlan { get; init; }
}

/// <summary>A vxlan device's settings that cannot be changed once it is made.</summary>
public sealed record VxlanState(uint Vni, int Port, IPAddress? Local, int Underlay, bool Learning);

/// <summary>An address of a device.</summary>
public sealed record LinkAddress(int Index, InterfaceAddress Address, AddressFlags Flags);

/// <summary>A bridge to make.</summary>
public sealed record BridgeOptions(string Name)
{
    public MacAddress? Mac { get; init; }

    /// <summary>Bytes; null is the kernel's default, 1500.</summary>
    public int? Mtu { get; init; }

    /// <summary>Whether it listens to IGMP and MLD; default false: an overlay forwards no multicast.</summary>
    public bool MulticastSnooping { get; init; }
}

/// <summary>A VXLAN device to make (RFC 7348).</summary>
public sealed record VxlanOptions(string Name, uint Vni)
{
    /// <summary>UDP port; default 4789.</summary>
    public int Port { get; init; } = 4789;

    /// <summary>The outer source address; null lets the route decide.</summary>
    public IPAddress? Local { get; init; }

    /// <summary>Index of the device that carries the outer packets; 0 lets the route decide.</summary>
    public int Underlay { get; init; }

    /// <summary>Whether it learns from what arrives; default false: entries come from <see cref="FdbEntry"/>.</summary>
    public bool Learning { get; init; }

    public MacAddress? Mac { get; init; }

    /// <summary>Bytes; null derives it from the underlay device, where one is given.</summary>
    public int? Mtu { get; init; }

    /// <summary>Hop limit of the outer packets; 0 is the system's default.</summary>
    public byte Ttl { get; init; }
}

/// <summary>A pair of devices to make; what enters one leaves the other.</summary>
public sealed record VethOptions(string Name, string PeerName)
{
    /// <summary>Where the peer begins; null is the same namespace.</summary>
    public NetworkNamespace? PeerNamespace { get; init; }

    public MacAddress? Mac { get; init; }

    public MacAddress? PeerMac { get; init; }

    /// <summary>Bytes, of both ends; null is the kernel's default, 1500.</summary>
    public int? Mtu { get; init; }
}

/// <summary>What to change at a device; null leaves it as it is.</summary>
public sealed record LinkChange
{
    public bool? Up { get; init; }

    public int? Mtu { get; init; }

    public MacAddress? Mac { get; init; }

    /// <summary>The bridge to join; 0 leaves the one it is in.</summary>
    public int? Master { get; init; }

    /// <summary>Moves the device; the index then counts in the other namespace. Done before all else of the same change.</summary>
    public NetworkNamespace? Namespace { get; init; }

    /// <summary>A new name; the device has to be down.</summary>
    public string? Name { get; init; }

    /// <summary>Bridge port: may a packet leave where it came in.</summary>
    public bool? Hairpin { get; init; }

    /// <summary>Bridge port: does the bridge learn addresses here.</summary>
    public bool? Learning { get; init; }

    /// <summary>Bridge port: cut off from other isolated ports.</summary>
    public bool? Isolated { get; init; }

    /// <summary>How the device gets its IPv6 link-local address.</summary>
    public AddressGeneration? AddressGeneration { get; init; }
}

/// <summary>IN6_ADDR_GEN_MODE.</summary>
public enum AddressGeneration
{
    /// <summary>From the link-layer address; the kernel's default.</summary>
    Eui64 = 0,

    /// <summary>None.</summary>
    None = 1,
}

/// <summary>What a route does with a packet (RTN_…).</summary>
public enum RouteKind
{
    Unicast = 1,
    Local = 2,
    Broadcast = 3,
    Anycast = 4,
    Multicast = 5,
    Blackhole = 6,
    Unreachable = 7,
    Prohibit = 8,
    Throw = 9,
}

/// <summary>A route.</summary>
/// <param name="Destination"><c>0.0.0.0/0</c> or <c>::/0</c> is the default route.</param>
/// <param name="Device">Index of the device, or 0.</param>
public sealed record Route(IPNetwork Destination, int Device = 0)
{
    /// <summary>The main table.</summary>
    public const uint MainTable = 254;

    /// <summary>Who made the routes of Gatehouse (rtm_protocol); a number that iproute2 gives to nobody.</summary>
    public const byte GatehouseProtocol = 118;

    public IPAddress? Gateway { get; init; }

    /// <summary>The source that the host's own packets get.</summary>
    public IPAddress? Source { get; init; }

    public uint Table { get; init; } = MainTable;

    /// <summary>Less goes first; null is the kernel's default (IPv4 0, IPv6 1024).</summary>
    public uint? Metric { get; init; }

    /// <summary>The gateway counts as reachable on the device whatever the addresses say.</summary>
    public bool OnLink { get; init; }

    public RouteKind Kind { get; init; } = RouteKind.Unicast;

    public byte Protocol { get; init; } = GatehouseProtocol;

    /// <summary>Largest packet along it, in bytes; null is the device's.</summary>
    public int? Mtu { get; init; }

    public override string ToString()
        => $"route {Destination}{(Gateway is null ? "" : " via " + Gateway)}{(Device == 0 ? "" : " device " + Device)}"
            + (Table == MainTable ? "" : " table " + Table);
}

/// <summary>NUD_…: how sure the kernel is of a neighbour.</summary>
[Flags]
public enum NeighbourState
{
    None = 0,
    Incomplete = 0x01,
    Reachable = 0x02,
    Stale = 0x04,
    Delay = 0x08,
    Probe = 0x10,
    Failed = 0x20,
    NoArp = 0x40,
    Permanent = 0x80,
}

/// <summary>An address' link-layer address on a device.</summary>
public sealed record Neighbour(IPAddress Address, int Device, MacAddress? Mac)
{
    public NeighbourState State { get; init; } = NeighbourState.Permanent;

    public override string ToString() => $"neighbour {Address} device {Device}";
}

/// <summary>An entry of a VXLAN device's or a bridge's forwarding table.</summary>
/// <param name="Mac">All zero at a VXLAN device: where unknown addresses go.</param>
/// <param name="Device">Index of the VXLAN device or of the bridge's port.</param>
/// <param name="Remote">VXLAN: the tunnel end behind which it lies; null at a bridge.</param>
public sealed record FdbEntry(MacAddress Mac, int Device, IPAddress? Remote = null)
{
    public NeighbourState State { get; init; } = NeighbourState.Permanent;

    public override string ToString() => $"fdb {Mac} device {Device}{(Remote is null ? "" : " remote " + Remote)}";
}

/// <summary>A policy rule: packets that match look into <see cref="Table"/>.</summary>
public sealed record Rule(AddressFamily Family, uint Table)
{
    /// <summary>Lower goes first; null lets the kernel choose when it is added.</summary>
    public uint? Priority { get; init; }

    public IPNetwork? From { get; init; }

    public IPNetwork? To { get; init; }

    /// <summary>The device that it came in by.</summary>
    public string? InputDevice { get; init; }

    public string? OutputDevice { get; init; }

    public uint? Mark { get; init; }

    /// <summary>Which bits of the mark count; null is all.</summary>
    public uint? Mask { get; init; }

    public override string ToString() => $"rule priority {Priority} table {Table}{(InputDevice is null ? "" : " iif " + InputDevice)}";
}
