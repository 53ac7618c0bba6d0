using System.Net;
using Gatehouse.Linux;
using Gatehouse.Linux.Netlink;
using Gatehouse.Node.Overlay;
using Gatehouse.Node.Ruleset;

namespace Gatehouse.Node.Instances;

/// <summary>
/// The veth pair between the host and an instance's network namespace. Routed, not bridged: each end knows the other for good, so no ARP or neighbour discovery runs, an
/// instance can't answer for another, and one that calls its own service works wherever bridged packets pass through iptables.
/// </summary>
internal sealed class InstanceLink(RouteSocket host, OverlayDevices devices, OverlayAddresses addresses, NodeOptions options)
{
    private const string UsualName = "eth0";
    private const string OtherName = "gatehouse0";

    private static readonly IPNetwork[] Platform = [OverlayAddresses.Platform4, IPNetwork.Parse("fc00::/64"), OverlayAddresses.Services6];

    private readonly DeviceNames _names = new(options.DevicePrefix);

    /// <summary>Makes or adopts the pair, and sets both ends right.</summary>
    /// <exception cref="LinuxException">The kernel refuses something.</exception>
    public void Ensure(int number, NetworkNamespace target)
    {
        using var inside = RouteSocket.Open(target);
        var name = _names.OfInstance(number);
        var there = host.FindLink(name);
        var far = inside.Links().FirstOrDefault(l => l.Mac == addresses.InstanceMac(number) && l.Kind == "veth");
        if (there is not null && (far is null || far.Parent != there.Index))
        {
            host.DeleteLink(there.Index);
            there = null;
        }

        var outer = there?.Index ?? host.CreateVeth(new(name, FreeName(inside))
        {
            PeerNamespace = target,
            Mac = addresses.HostMac(number),
            PeerMac = addresses.InstanceMac(number),
            Mtu = devices.Mtu,
        });
        far ??= inside.Links().First(l => l.Mac == addresses.InstanceMac(number));
        SetInside(inside, target, far, number);
        SetOutside(outer, there?.Mtu ?? devices.Mtu, name, number);
    }

    /// <summary>Removes the pair; nothing when it is gone already, as after the end of the namespace.</summary>
    public void Remove(int number) => host.DeleteLink(_names.OfInstance(number));

    private static string FreeName(RouteSocket inside) => inside.FindLink(UsualName) is null ? UsualName : OtherName;

    private void SetInside(RouteSocket inside, NetworkNamespace target, Link link, int number)
    {
        // Container engines switch IPv6 off in namespaces that have none of theirs; this device is ours.
        if (Sysctl.Get($"net/ipv6/conf/{link.Name}/disable_ipv6", target) == "1") Sysctl.Set($"net/ipv6/conf/{link.Name}/disable_ipv6", "0", target);
        if (inside.FindLink("lo") is { IsUp: false } loopback) inside.SetLink(loopback.Index, new() { Up = true });
        inside.BringUp(link.Index, devices.Mtu, link.Mtu);
        var has = inside.Addresses(link.Index).Select(a => a.Address).ToArray();
        InterfaceAddress[] wanted = [new(addresses.Host4(number), 32), new(addresses.Host6(number), 128)];
        foreach (var missing in wanted.Where(w => IsPossible(w.Address) && !has.Contains(w))) inside.AddAddress(link.Index, missing, AddressFlags.NoDad);
        var batch = new RouteBatch();
        foreach (var bridge in Possible(addresses.Bridge4, addresses.Bridge6)) batch.Replace(new Neighbour(bridge, link.Index, addresses.HostMac(number)));
        foreach (var network in Platform.Where(n => IsPossible(n.BaseAddress))) batch.Replace(Via(network, link.Index));
        inside.Apply(batch).ThrowIfFailed();

        // The way out to everywhere else, unless the namespace has one of its own.
        var rest = new RouteBatch();
        foreach (var any in Possible(IPAddress.Any, IPAddress.IPv6Any)) rest.Add(Via(new(any, 0), link.Index));
        inside.Apply(rest).ThrowIfFailed(ignoreExisting: true);
    }

    /// <summary>Whether the pair can have such an address: while the underlay is too small for IPv6, it can't.</summary>
    private bool IsPossible(IPAddress address) => devices.HasIpv6 || IpFamilies.Of(address) == IpFamily.V4;

    private IEnumerable<IPAddress> Possible(params IEnumerable<IPAddress> all) => all.Where(IsPossible);

    private Route Via(IPNetwork destination, int device) => new(destination, device)
    {
        Gateway = IpFamilies.Of(destination.BaseAddress) == IpFamily.V4 ? addresses.Bridge4 : addresses.Bridge6,
        OnLink = true,
    };

    private void SetOutside(int index, int formerMtu, string name, int number)
    {
        // What an instance may send from is checked by the table, for both families.
        Sysctl.Set($"net/ipv4/conf/{name}/rp_filter", "0", options.Namespace);
        host.BringUp(index, devices.Mtu, formerMtu);
        var batch = new RouteBatch();
        foreach (var space in Possible(addresses.Host4(number), addresses.Host6(number)))
        {
            var v4 = IpFamilies.Of(space) == IpFamily.V4;
            batch.Replace(new Neighbour(space, index, addresses.InstanceMac(number)))
                .Replace(new Route(new(space, v4 ? 32 : 128), index) { Source = v4 ? addresses.Bridge4 : addresses.Bridge6 });
        }

        host.Apply(batch).ThrowIfFailed();
    }
}
