using System.Net.Sockets;
using Gatehouse.Linux;
using Gatehouse.Linux.Netlink;
using Gatehouse.Linux.Tun;
using Gatehouse.Node.Ruleset;

namespace Gatehouse.Node.Overlay;

/// <summary>
/// The devices of the overlay: a bridge that holds the subnetwork's first address, the VXLAN device, and the TUN device of the slow path. What is there and right
/// is adopted as it is, so that a restart disturbs no flow; what is wrong is set right or made anew.
/// </summary>
internal sealed class OverlayDevices : IDisposable
{
    private readonly NodeOptions _options;
    private readonly DeviceNames _names;
    private readonly RouteSocket _route;

    private OverlayDevices(NodeOptions options, RouteSocket route, TunDevice tun)
    {
        _options = options;
        _names = new(options.DevicePrefix);
        _route = route;
        Tun = tun;
    }

    /// <summary>The slow path's device. Persistent: without it the host would get ENETUNREACH, and the table's <c>dup</c> needs it.</summary>
    public TunDevice Tun { get; }

    /// <summary>
    /// Largest inner packet in bytes: the underlay's less what the tunnel adds, which is outer IP, UDP 8, VXLAN 8 and inner Ethernet 14. Never less than
    /// <see cref="DeviceLife.LeastMtu4"/>: over such an underlay outer packets are cut.
    /// </summary>
    public int Mtu => Math.Max(UnderlayMtu - OverheadOf(_options), DeviceLife.LeastMtu4);

    /// <summary>Whether the inner MTU is enough for IPv6. While it is not, no device of ours has any, and everything is of IPv4 alone.</summary>
    public bool HasIpv6 => Mtu >= DeviceLife.LeastMtu6;

    /// <summary>Index of the device that has the underlay address.</summary>
    public int UnderlayIndex { get; private set; }

    public int UnderlayMtu { get; private set; }

    /// <summary>Index of the VXLAN device; another one after it was made anew.</summary>
    public int Vxlan { get; private set; }

    public int Bridge { get; private set; }

    /// <summary>Makes or adopts all devices.</summary>
    /// <exception cref="LinuxException">The kernel refuses something; what was made stays and is adopted at the next attempt.</exception>
    public static OverlayDevices Open(NodeOptions options, OverlayAddresses addresses)
    {
        var names = new DeviceNames(options.DevicePrefix);
        var route = RouteSocket.Open(options.Namespace);
        TunDevice? tun = null;
        try
        {
            tun = TunDevice.OpenOrCreate(names.Tun, persistent: true, options.Namespace);
            var devices = new OverlayDevices(options, route, tun);
            devices.Ensure(addresses);
            return devices;
        }
        catch
        {
            tun?.Dispose();
            route.Dispose();
            throw;
        }
    }

    /// <summary>Sets right what is wrong; nothing when all is well.</summary>
    /// <returns>Whether what the peers have on the VXLAN device changes: it was made anew, without their entries and routes, or IPv6 came or went.</returns>
    public bool Ensure(OverlayAddresses addresses)
    {
        var before = HasIpv6;
        FindUnderlay();
        var links = _route.Links().ToDictionary(l => l.Name, StringComparer.Ordinal);
        Bridge = EnsureBridge(addresses, links.GetValueOrDefault(_names.Bridge));
        EnsureTun(links.GetValueOrDefault(_names.Tun));
        var renewed = EnsureVxlan(addresses, links.GetValueOrDefault(_names.Vxlan));
        var batch = new RouteBatch();
        foreach (var route in Routes(addresses)) batch.Replace(route);
        _route.Apply(batch).ThrowIfFailed();
        return renewed || before != HasIpv6;
    }

    /// <summary>What the tunnel adds to a packet, in bytes.</summary>
    public static int OverheadOf(NodeOptions options) => options.Underlay.AddressFamily == AddressFamily.InterNetwork ? 50 : 70;

    /// <summary>Removes every device of ours, also those of instances.</summary>
    public static void Remove(NodeOptions options)
    {
        using var route = RouteSocket.Open(options.Namespace);
        foreach (var link in route.Links().Where(l => l.Name.StartsWith(options.DevicePrefix, StringComparison.Ordinal))) route.DeleteLink(link.Index);
        var batch = new RouteBatch();
        foreach (var left in route.Routes().Where(r => r.Protocol == Route.GatehouseProtocol)) batch.Delete(left);
        foreach (var rule in route.Rules().Where(r => r.Priority == Peers.PeerPlan.RulePriority)) batch.Delete(rule);
        route.Apply(batch).ThrowIfFailed(ignoreMissing: true);
    }

    /// <summary>Whether the kernel should have this route: one of those that belong to no peer and no instance.</summary>
    public bool Wants(Route route) => route.Protocol == Route.GatehouseProtocol
        && (route.Device == Tun.Index || (route.Kind is RouteKind.Blackhole or RouteKind.Unreachable && route.Table == Route.MainTable));

    public void Dispose()
    {
        Tun.Dispose();
        _route.Dispose();
    }

    /// <summary>
    /// The subnetwork ends here in a black hole but for the instances' own routes: a packet to an instance that just died is lost and sent again, when the maps lead
    /// elsewhere, whereas an ICMP error would end its connection. Service addresses that can't be served, for want of IPv6, are refused at once and leave by no other way.
    /// </summary>
    private IEnumerable<Route> Routes(OverlayAddresses a) =>
    [
        new(OverlayAddresses.Services4, Tun.Index) { Source = a.Bridge4 },
        HasIpv6 ? new(OverlayAddresses.Services6, Tun.Index) { Source = a.Bridge6 } : new(OverlayAddresses.Services6) { Kind = RouteKind.Unreachable },
        new(a.Subnetwork4) { Kind = RouteKind.Blackhole },
        new(a.Subnetwork6) { Kind = RouteKind.Blackhole },
    ];

    private int EnsureBridge(OverlayAddresses a, Link? there)
    {
        var index = there?.Index ?? _route.CreateBridge(new(_names.Bridge) { Mac = a.TunnelMac, Mtu = Mtu });
        _route.BringUp(index, Mtu, there?.Mtu ?? Mtu);
        InterfaceAddress[] wanted = HasIpv6 ? [new(a.Bridge4, 32), new(a.Bridge6, 128)] : [new(a.Bridge4, 32)];
        var has = _route.Addresses(index).Select(x => x.Address).ToArray();
        foreach (var old in has.Where(x => !x.Address.IsIPv6LinkLocal && !wanted.Contains(x))) _route.RemoveAddress(index, old);
        foreach (var missing in wanted.Where(x => !has.Contains(x))) _route.AddAddress(index, missing, AddressFlags.NoDad);
        return index;
    }

    private void EnsureTun(Link? there)
    {
        _route.BringUp(Tun.Index, Mtu, there?.Mtu ?? 0);

        // Packets of the host that are put back have a local source and leave by another device than they came in.
        Sysctl.Set($"net/ipv4/conf/{_names.Tun}/rp_filter", "0", _options.Namespace);
        Sysctl.Set($"net/ipv4/conf/{_names.Tun}/accept_local", "1", _options.Namespace);
    }

    private bool EnsureVxlan(OverlayAddresses a, Link? link)
    {
        if (link is not null && !IsRight(link, a))
        {
            _route.DeleteLink(link.Index);
            link = null;
        }

        var index = link?.Index ?? _route.CreateVxlan(new(_names.Vxlan, _options.Vni)
        {
            Port = _options.TunnelPort,
            Local = _options.Underlay,
            Mac = a.TunnelMac,
            Mtu = Mtu,
            Learning = false,
        });
        if (link is null || !link.IsUp || link.Mtu != Mtu) _route.BringUp(index, Mtu, link?.Mtu ?? Mtu);
        Sysctl.Set($"net/ipv4/conf/{_names.Vxlan}/rp_filter", "0", _options.Namespace);
        Vxlan = index;
        return link is null;
    }

    private bool IsRight(Link link, OverlayAddresses a) =>
        link is { Vxlan: { Learning: false } vxlan } && vxlan.Vni == _options.Vni && vxlan.Port == _options.TunnelPort
        && _options.Underlay.Equals(vxlan.Local) && link.Mac == a.TunnelMac;

    private void FindUnderlay()
    {
        var owner = _route.Addresses().FirstOrDefault(x => x.Address.Address.Equals(_options.Underlay))
            ?? throw new LinuxException($"finding the device of the underlay address {_options.Underlay}: no device of this host has it");
        UnderlayIndex = owner.Index;
        UnderlayMtu = _route.Links().First(l => l.Index == owner.Index).Mtu;
    }
}
