using Gatehouse.Linux.Netlink;
using Gatehouse.Node.Overlay;
using Gatehouse.Node.Ruleset;
using Gatehouse.Node.Translation;
using Gatehouse.Objects.Kinds;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Node.Peers;

/// <summary>
/// The peers in the kernel: forwarding entries, neighbours, routes, rules, and the elements that admit what they send. The worker's own cluster is known ahead, since the
/// receiver of a first packet needs the way back too.
/// </summary>
/// <remarks>Safe for any thread; one change at a time.</remarks>
internal sealed class PeerSync(DataPath path, NodeOptions options, ILogger log) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly RouteSocket _route = RouteSocket.Open(options.Namespace);
    private Dictionary<string, PeerTarget> _peers = new(StringComparer.Ordinal);
    private KernelWish _wish = KernelWish.Empty;
    private PeerPlan? _plan;
    private int _ownIndex = -1;

    /// <summary>The peers that can be reached, by name.</summary>
    public IReadOnlyDictionary<string, PeerTarget> Peers => Volatile.Read(ref _peers);

    /// <summary>The devices are there: from now on changes go into the kernel. Everything that is known goes in at once.</summary>
    public void Start(OverlayDevices devices, OverlayAddresses addresses)
    {
        lock (_gate)
        {
            _plan = new(devices.Vxlan, addresses.Bridge4, addresses.Bridge6, devices.HasIpv6);
            _ownIndex = addresses.Index;
            _wish = KernelWish.Empty;
            _peers = _peers.Where(p => p.Value.Index != _ownIndex).ToDictionary(StringComparer.Ordinal);
            Reconcile();
        }
    }

    /// <summary>Takes in what changed; null for a peer that is gone.</summary>
    public Task TakeAsync(IReadOnlyCollection<(string Name, Peer? Peer)> changes)
    {
        lock (_gate)
        {
            var next = new Dictionary<string, PeerTarget>(_peers, StringComparer.Ordinal);
            foreach (var (name, peer) in changes)
            {
                if (peer is not null && PeerTarget.From(peer) is { } target && target.Index != _ownIndex) next[name] = Checked(target);
                else next.Remove(name);
            }

            Volatile.Write(ref _peers, next);
            if (_plan is { } plan) Move(plan, changes, next);
            return path.ReplaceAsync(changes.Select(c => ($"peer/{c.Name}", next.TryGetValue(c.Name, out var p) ? PeerElements.Of(p) : [])));
        }
    }

    /// <summary>Compares the kernel with what it should hold and mends the difference.</summary>
    /// <returns>How many entries were wrong.</returns>
    public int Reconcile()
    {
        lock (_gate)
        {
            if (_plan is not { } plan) return 0;
            var wish = KernelWish.Of(plan, _peers.Values);
            var there = KernelWish.Read(_route, plan.Device, wish);
            var count = Apply(there.To(wish));
            _wish = wish;
            return count;
        }
    }

    /// <summary>Whether the kernel should have this route.</summary>
    public bool Wants(Route route)
    {
        lock (_gate) return _wish.Wants(route);
    }

    /// <summary>Whether the kernel should have this neighbour.</summary>
    public bool Wants(Neighbour neighbour)
    {
        lock (_gate) return _wish.Wants(neighbour);
    }

    public void Dispose() => _route.Dispose();

    private void Move(PeerPlan plan, IReadOnlyCollection<(string Name, Peer? Peer)> changes, Dictionary<string, PeerTarget> next)
    {
        var (before, moved) = (_wish, changes.Select(c => (c.Name, next.GetValueOrDefault(c.Name))).ToArray());
        _wish = before.With(plan, moved);
        Apply(before.To(_wish, plan, moved));
    }

    private int Apply(RouteBatch batch)
    {
        if (batch.Count == 0) return 0;
        var outcome = _route.Apply(batch);
        foreach (var failure in outcome.Failures.Where(f => !f.IsMissing && !f.AlreadyExists)) log.PeerRefused(failure.ToString());
        return batch.Count;
    }

    private PeerTarget Checked(PeerTarget peer)
    {
        if (peer.Port != options.TunnelPort) log.PeerPort(peer.Name, peer.Port, options.TunnelPort);
        if (IpFamilies.Of(peer.Underlay) != IpFamilies.Of(options.Underlay)) log.PeerFamily(peer.Name, peer.Underlay.ToString(), options.Underlay.ToString());
        return peer;
    }
}
