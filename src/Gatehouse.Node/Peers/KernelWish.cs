using System.Collections.Immutable;
using System.Net;
using Gatehouse.Linux.Netlink;
using Gatehouse.Wire;

namespace Gatehouse.Node.Peers;

/// <summary>Entries of the kernel, by what tells them apart: as they should be, or as they are.</summary>
internal sealed record KernelWish
{
    private ImmutableDictionary<MacAddress, FdbEntry> Fdb { get; init; } = ImmutableDictionary<MacAddress, FdbEntry>.Empty;

    private ImmutableDictionary<IPAddress, Neighbour> Neighbours { get; init; } = ImmutableDictionary<IPAddress, Neighbour>.Empty;

    private ImmutableDictionary<(IPNetwork Destination, uint Table), Route> Routes { get; init; } = ImmutableDictionary<(IPNetwork, uint), Route>.Empty;

    private ImmutableDictionary<(System.Net.Sockets.AddressFamily Family, uint Table), Rule> Rules { get; init; } =
        ImmutableDictionary<(System.Net.Sockets.AddressFamily, uint), Rule>.Empty;

    /// <summary>Which entries each peer has asked for.</summary>
    private ImmutableDictionary<string, PeerTarget> Owners { get; init; } = ImmutableDictionary<string, PeerTarget>.Empty;

    public static KernelWish Empty { get; } = new();

    public static KernelWish Of(PeerPlan plan, IEnumerable<PeerTarget> peers) => Empty.With(plan, peers.Select(p => (p.Name, (PeerTarget?)p)));

    public bool Wants(Route route) => Routes.TryGetValue((route.Destination, route.Table), out var wanted) && wanted.Device == route.Device;

    public bool Wants(Neighbour neighbour) => Neighbours.TryGetValue(neighbour.Address, out var wanted) && wanted.Device == neighbour.Device;

    /// <summary>With some peers as they are now; null for one that is gone.</summary>
    public KernelWish With(PeerPlan plan, IEnumerable<(string Name, PeerTarget? Peer)> changes)
    {
        var (fdb, neighbours, routes, rules, owners) = (Fdb.ToBuilder(), Neighbours.ToBuilder(), Routes.ToBuilder(), Rules.ToBuilder(), Owners.ToBuilder());
        var all = changes.ToArray();
        foreach (var old in all.Select(c => owners.GetValueOrDefault(c.Name)).OfType<PeerTarget>())
        {
            fdb.Remove(old.Mac);
            neighbours.RemoveRange(plan.Neighbours(old).Select(n => n.Address));

            // An instance that moved is bound at its new worker already: that route stays.
            routes.RemoveRange(plan.Routes(old).Where(r => routes.TryGetValue((r.Destination, r.Table), out var now) && Same(now, r)).Select(r => (r.Destination, r.Table)).ToArray());
            rules.RemoveRange(PeerPlan.Rules(old).Select(r => (r.Family, r.Table)));
        }

        foreach (var (name, peer) in all)
        {
            owners.Remove(name);
            if (peer is null) continue;
            owners[name] = peer;
            fdb[peer.Mac] = plan.Fdb(peer);
            foreach (var neighbour in plan.Neighbours(peer)) neighbours[neighbour.Address] = neighbour;
            foreach (var route in plan.Routes(peer)) routes[(route.Destination, route.Table)] = route;
            foreach (var rule in PeerPlan.Rules(peer)) rules[(rule.Family, rule.Table)] = rule;
        }

        return new()
        {
            Fdb = fdb.ToImmutable(),
            Neighbours = neighbours.ToImmutable(),
            Routes = routes.ToImmutable(),
            Rules = rules.ToImmutable(),
            Owners = owners.ToImmutable(),
        };
    }

    /// <summary>What the kernel has of this kind: entries of the tunnel's device, routes through it, our rules.</summary>
    public static KernelWish Read(RouteSocket route, int device, KernelWish wish)
    {
        var tables = wish.Routes.Values.Select(r => r.Table).Append(Route.MainTable).Distinct();
        return new()
        {
            Fdb = route.Fdb(device).Where(f => f.Device == device && f.Remote is not null).ToImmutableDictionary(f => f.Mac),
            Neighbours = route.Neighbours(device).Where(n => n.Device == device && n.State.HasFlag(NeighbourState.Permanent)).ToImmutableDictionary(n => n.Address),
            Routes = tables.SelectMany(route.Routes)
                .Where(r => r.Device == device && r.Protocol == Route.GatehouseProtocol)
                .GroupBy(r => (r.Destination, r.Table)).ToImmutableDictionary(g => g.Key, g => g.First()),
            Rules = route.Rules().Where(r => r.Priority == PeerPlan.RulePriority)
                .GroupBy(r => (r.Family, r.Table)).ToImmutableDictionary(g => g.Key, g => g.First()),
        };
    }

    /// <summary>From what is to what should be, all of it.</summary>
    public RouteBatch To(KernelWish after) => To(
        after, [.. Fdb.Keys.Union(after.Fdb.Keys)], [.. Neighbours.Keys.Union(after.Neighbours.Keys)],
        [.. Routes.Keys.Union(after.Routes.Keys)], [.. Rules.Keys.Union(after.Rules.Keys)]);

    /// <summary>The same for what some peers have or had: costs as much as they have, however many others there are.</summary>
    public RouteBatch To(KernelWish after, PeerPlan plan, IReadOnlyCollection<(string Name, PeerTarget? Peer)> moved)
    {
        PeerTarget[] touched = [.. moved.Select(m => Owners.GetValueOrDefault(m.Name)).Concat(moved.Select(m => m.Peer)).OfType<PeerTarget>()];
        return To(
            after, [.. touched.Select(p => p.Mac).Distinct()], [.. touched.SelectMany(plan.Neighbours).Select(n => n.Address).Distinct()],
            [.. touched.SelectMany(plan.Routes).Select(r => (r.Destination, r.Table)).Distinct()], [.. touched.SelectMany(PeerPlan.Rules).Select(r => (r.Family, r.Table)).Distinct()]);
    }

    /// <summary>A neighbour and its forwarding entry come before the route that needs them, and go after it.</summary>
    private RouteBatch To(
        KernelWish after, MacAddress[] macs, IPAddress[] addresses, (IPNetwork Destination, uint Table)[] routes, (System.Net.Sockets.AddressFamily Family, uint Table)[] rules)
    {
        var batch = new RouteBatch();
        foreach (var mac in macs) Put(Fdb.GetValueOrDefault(mac), after.Fdb.GetValueOrDefault(mac), (a, b) => Equals(a.Remote, b.Remote), e => batch.Replace(e));
        foreach (var key in addresses) Put(Neighbours.GetValueOrDefault(key), after.Neighbours.GetValueOrDefault(key), (a, b) => a.Mac == b.Mac, e => batch.Replace(e));
        foreach (var key in routes) Put(Routes.GetValueOrDefault(key), after.Routes.GetValueOrDefault(key), Same, e => batch.Replace(e));
        foreach (var key in rules) Put(Rules.GetValueOrDefault(key), after.Rules.GetValueOrDefault(key), (_, _) => true, e => batch.Add(e));
        foreach (var key in rules) if (Rules.TryGetValue(key, out var old) && !after.Rules.ContainsKey(key)) batch.Delete(old);
        foreach (var key in routes) if (Routes.TryGetValue(key, out var old) && !after.Routes.ContainsKey(key)) batch.Delete(old);
        foreach (var key in addresses) if (Neighbours.TryGetValue(key, out var old) && !after.Neighbours.ContainsKey(key)) batch.Delete(old);
        foreach (var mac in macs) if (Fdb.TryGetValue(mac, out var old) && !after.Fdb.ContainsKey(mac)) batch.Delete(old);
        return batch;
    }

    private static void Put<T>(T? old, T? wanted, Func<T, T, bool> same, Action<T> put)
        where T : class
    {
        if (wanted is not null && (old is null || !same(old, wanted))) put(wanted);
    }

    private static bool Same(Route a, Route b) => Equals(a.Gateway, b.Gateway) && Equals(a.Source, b.Source) && a.Device == b.Device;
}
