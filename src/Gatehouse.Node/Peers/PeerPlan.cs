using System.Net;
using System.Net.Sockets;
using Gatehouse.Linux.Netlink;
using Gatehouse.Node.Ruleset;

namespace Gatehouse.Node.Peers;

/// <summary>What the kernel should hold for the peers, beside the tables: forwarding entries, neighbours, routes and rules. Pure.</summary>
/// <param name="Device">Index of the VXLAN device.</param>
/// <param name="Bridge4">Source of the host's own packets, ICMP errors among them: the underlay address would be dropped at the other end.</param>
/// <param name="Ipv6">Whether the device has IPv6; without it the entries are of IPv4 alone.</param>
internal sealed record PeerPlan(int Device, IPAddress Bridge4, IPAddress Bridge6, bool Ipv6 = true)
{
    /// <summary>Routing tables of gateways have these numbers: this and the index of the gateway's subnetwork.</summary>
    public const uint GatewayTables = 0x6768_0000;

    /// <summary>Priority of our policy rules; before the main table's.</summary>
    public const uint RulePriority = 20_000;

    public FdbEntry Fdb(PeerTarget peer) => new(peer.Mac, Device, peer.Underlay);

    public IEnumerable<Neighbour> Neighbours(PeerTarget peer) =>
        Ipv6 ? [new(peer.Bridge4, Device, peer.Mac), new(peer.Bridge6, Device, peer.Mac)] : [new(peer.Bridge4, Device, peer.Mac)];

    /// <summary>Routes to the subnetwork and to each instance address that is bound there: the receiver of a first packet needs the way back already.</summary>
    public IEnumerable<Route> Routes(PeerTarget peer) =>
        Ipv6 ? RoutesOfBoth(peer) : RoutesOfBoth(peer).Where(r => r.Destination.BaseAddress.AddressFamily == AddressFamily.InterNetwork);

    /// <summary>For a gateway: replies to clients that kept their address go back through it.</summary>
    public static IEnumerable<Rule> Rules(PeerTarget peer) => !peer.IsGateway ? [] :
    [
        new(AddressFamily.InterNetwork, GatewayTables + (uint)peer.Index) { Priority = RulePriority, Mark = ConntrackMarks.OfGateway(peer.Index) },
        new(AddressFamily.InterNetworkV6, GatewayTables + (uint)peer.Index) { Priority = RulePriority, Mark = ConntrackMarks.OfGateway(peer.Index) },
    ];

    private IEnumerable<Route> RoutesOfBoth(PeerTarget peer)
    {
        yield return Via(peer, peer.Subnetwork4);
        yield return Via(peer, peer.Subnetwork6);
        foreach (var binding in peer.Bindings)
        {
            if (binding.Instance4 is { } four) yield return Via(peer, new IPNetwork(four, 32));
            if (binding.Instance6 is { } six) yield return Via(peer, new IPNetwork(six, 128));
        }

        if (!peer.IsGateway) yield break;
        yield return Via(peer, new IPNetwork(IPAddress.Any, 0)) with { Table = GatewayTables + (uint)peer.Index };
        yield return Via(peer, new IPNetwork(IPAddress.IPv6Any, 0)) with { Table = GatewayTables + (uint)peer.Index };
    }

    private Route Via(PeerTarget peer, IPNetwork destination)
    {
        var v4 = destination.BaseAddress.AddressFamily == AddressFamily.InterNetwork;
        return new(destination, Device) { Gateway = v4 ? peer.Bridge4 : peer.Bridge6, Source = v4 ? Bridge4 : Bridge6, OnLink = true };
    }
}
