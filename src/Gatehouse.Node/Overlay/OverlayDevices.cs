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

    /// <summary>Largest inner packet in bytes: the underlay's less what the tunnel adds, which is outer IP, UDP 8, VXLAN 8 and inner Ethernet 14.</summary>
    public int Mtu => UnderlayMtu - (_options.Underlay.AddressFamily == AddressFamily.InterNetwork ? 50 : 70);

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
    /// <returns>Whether the VXLAN device was made anew: its entries and routes are gone then.</returns>
    public bool Ensure(OverlayAddresses addresses)
    {
        FindUnderlay();
        Bridge = EnsureBridge(addresses);
        EnsureTun();
        var renewed = EnsureVxlan(addresses);
        var batch = new RouteBatch();
        foreach (var route in Routes(addresses)) batch.Replace(route);
        _route.Apply(batch).ThrowIfFailed();
        return renewed;
    }

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
        && (route.Device == Tun.Index || (route.Kind == RouteKind.Blackhole && route.Table == Route.MainTable));

    public void Dispose()
    {
        Tun.Dispose();
        _route.Dispose();
    }

    /// <summary>
    /// The subnetwork ends here in a black hole but for the instances' own routes: a packet to an instance that just died is lost and sent again, when the maps lead
    /// elsewhere, whereas an ICMP error would end its connection.
    /// </summary>
    private IEnumerable<Route> Routes(OverlayAddresses a) =>
    [
        new(OverlayAddresses.Services4, Tun.Index) { Source = a.Bridge4 },
        new(OverlayAddresses.Services6, Tun.Index) { Source = a.Bridge6 },
        new(a.Subnetwork4) { Kind = RouteKind.Blackhole },
        new(a.Subnetwork6) { Kind = RouteKind.Blackhole },
    ];

    private int EnsureBridge(OverlayAddresses a)
    {
        var index = _route.FindLink(_names.Bridge)?.Index ?? _route.CreateBridge(new(_names.Bridge) { Mac = a.TunnelMac });
        _route.SetLink(index, new() { AddressGeneration = AddressGeneration.None });
        _route.SetLink(index, new() { Up = true, Mtu = Mtu });
        InterfaceAddress[] wanted = [new(a.Bridge4, 32), new(a.Bridge6, 128)];
        var there = _route.Addresses(index).Select(x => x.Address).ToArray();
        foreach (var old in there.Where(x => !x.Address.IsIPv6LinkLocal && !wanted.Contains(x))) _route.RemoveAddress(index, old);
        foreach (var missing in wanted.Where(x => !there.Contains(x))) _route.AddAddress(index, missing, AddressFlags.NoDad);
        return index;
    }

    private void EnsureTun()
    {
        _route.SetLink(Tun.Index, new() { AddressGeneration = AddressGeneration.None });
        _route.SetLink(Tun.Index, new() { Up = true, Mtu = Mtu });

        // Packets of the host that are put back have a local source and leave by another device than they came in.
        Sysctl.Set($"net/ipv4/conf/{_names.Tun}/rp_filter", "0", _options.Namespace);
        Sysctl.Set($"net/ipv4/conf/{_names.Tun}/accept_local", "1", _options.Namespace);
    }

    private bool EnsureVxlan(OverlayAddresses a)
    {
        var link = _route.FindLink(_names.Vxlan);
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
        if (link is null || !link.IsUp) _route.SetLink(index, new() { AddressGeneration = AddressGeneration.None });
        if (link is null || !link.IsUp || link.Mtu != Mtu) _route.SetLink(index, new() { Up = true, Mtu = Mtu });
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
