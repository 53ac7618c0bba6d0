using System.Net;
using Gatehouse.Node.Peers;
using Gatehouse.Node.Ruleset;
using Gatehouse.Objects.Kinds;
using Gatehouse.Wire;

namespace Gatehouse.Node.Overlay;

/// <summary>The addresses that follow from a worker's subnetwork.</summary>
internal sealed record OverlayAddresses
{
    /// <summary>Service and instance addresses.</summary>
    public static IPNetwork Services4 { get; } = IPNetwork.Parse("10.30.0.0/16");

    public static IPNetwork Services6 { get; } = IPNetwork.Parse("fdff::/16");

    /// <summary>The whole platform; no underlay may lie in it.</summary>
    public static IPNetwork Platform4 { get; } = IPNetwork.Parse("10.16.0.0/12");

    /// <summary>The subnetworks.</summary>
    public static IPNetwork Platform6 { get; } = IPNetwork.Parse("fc00::/64");

    /// <summary>Whether an address is the platform's own: none of them is reachable from outside.</summary>
    public static bool IsInner(IPAddress address) => Platform4.Contains(address) || Platform6.Contains(address) || Services6.Contains(address);

    public required int Index { get; init; }

    public required IPNetwork Subnetwork4 { get; init; }

    public required IPNetwork Subnetwork6 { get; init; }

    public IPAddress Bridge4 => PeerTarget.FirstOf(Subnetwork4);

    public IPAddress Bridge6 => PeerTarget.FirstOf(Subnetwork6);

    public IPAddress Bridge(IpFamily family) => family == IpFamily.V4 ? Bridge4 : Bridge6;

    /// <summary>MAC of the tunnel's end here.</summary>
    public MacAddress TunnelMac => PeerTarget.MacOf(Index);

    /// <summary>MAC of the host's end of each instance's veth pair.</summary>
    public MacAddress HostMac(int host) => new(0x0667_0000_0000UL | ((uint)Index << 8) | (uint)host);

    /// <summary>MAC of the instance's end.</summary>
    public MacAddress InstanceMac(int host) => new(0x0A67_0000_0000UL | ((uint)Index << 8) | (uint)host);

    public IPAddress Host4(int host) => PeerTarget.HostOf(Subnetwork4, host);

    public IPAddress Host6(int host) => PeerTarget.HostOf(Subnetwork6, host);

    public static OverlayAddresses From(SubnetworkRange range) => new()
    {
        Index = range.Index,
        Subnetwork4 = IPNetwork.Parse(range.Ipv4),
        Subnetwork6 = IPNetwork.Parse(range.Ipv6),
    };
}
