using Gatehouse.Api.Client;
using Gatehouse.Api.Resolving;
using Gatehouse.Objects.Kinds;
using Gatehouse.Objects.Resolving;

namespace Gatehouse.Root.Peers;

/// <summary>
/// Which clusters have to know a peer: those that its worker calls, and those that asked for a service with an instance there. One that drains counts, and
/// one that has not begun: its first packet must not meet a stranger.
/// </summary>
/// <remarks>Any thread. As large as the placed instances in the store.</remarks>
internal sealed class PeerReach(ResolutionTable table, InterestDesk interests)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (string Peer, string Service)> _placed = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _ofPeer = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _ofService = new(StringComparer.Ordinal);

    /// <summary>Takes in an instance's change.</summary>
    /// <returns>The peers that other clusters may have to know now, or no more.</returns>
    public IReadOnlyCollection<string> Apply(ObjectEvent<FabricInstance> change)
    {
        var (name, spec) = (change.Object!.Metadata.Name, change.Object.Spec);
        var isThere = change.Type != ObjectEventType.Deleted && change.Object.Status?.Phase != InstancePhase.Dead && spec is { Cluster: not null, Worker: not null };
        (string Peer, string Service)? now = isThere ? (Subnetwork.NameFor(spec.Cluster!, spec.Worker!), spec.Service.ToLowerInvariant()) : null;
        lock (_gate)
        {
            (string Peer, string Service)? before = _placed.TryGetValue(name, out var known) ? known : null;
            if (before == now) return [];
            HashSet<string> touched = new(StringComparer.Ordinal);
            if (before is { } old)
            {
                _placed.Remove(name);
                OutOf(_ofPeer, old.Peer, name);
                OutOf(_ofService, old.Service, name);
                touched.Add(old.Peer);
            }

            if (now is { } next)
            {
                _placed[name] = next;
                Into(_ofPeer, next.Peer, name);
                Into(_ofService, next.Service, name);
                touched.Add(next.Peer);
            }

            return touched;
        }
    }

    /// <summary>The peers with an instance of a service.</summary>
    public IReadOnlyCollection<string> PeersOf(string service)
    {
        lock (_gate) return _ofService.TryGetValue(service, out var names) ? names.Select(n => _placed[n].Peer).ToHashSet(StringComparer.Ordinal) : [];
    }

    /// <summary>The clusters, in order; never the peer's own.</summary>
    public IReadOnlyList<string> ClustersOf(PeerSpec peer)
    {
        List<string> services;
        lock (_gate)
        {
            var names = _ofPeer.GetValueOrDefault(Subnetwork.NameFor(peer.Cluster, peer.Worker));
            services = names is null ? [] : [.. names.Select(n => _placed[n].Service).Distinct(StringComparer.Ordinal)];
        }

        var asking = interests.HoldersOf(services.SelectMany(table.QueriesOf));
        return [.. asking.Concat(peer.Calls ?? []).Where(c => c != peer.Cluster).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    /// <summary>An object's labels with those of its reach brought up to date; null for none.</summary>
    public IReadOnlyDictionary<string, string>? Label(PeerSpec peer, IReadOnlyDictionary<string, string>? labels)
    {
        var next = (labels ?? new Dictionary<string, string>()).Where(l => !l.Key.StartsWith(Peer.ReachPrefix, StringComparison.Ordinal)).ToDictionary(StringComparer.Ordinal);
        foreach (var cluster in ClustersOf(peer)) next[Peer.ReachPrefix + cluster] = "";
        return next.Count == 0 ? null : next;
    }

    private static void Into(Dictionary<string, HashSet<string>> index, string key, string name)
    {
        if (!index.TryGetValue(key, out var names)) index[key] = names = new HashSet<string>(StringComparer.Ordinal);
        names.Add(name);
    }

    private static void OutOf(Dictionary<string, HashSet<string>> index, string key, string name)
    {
        if (index.TryGetValue(key, out var names) && names.Remove(name) && names.Count == 0) index.Remove(key);
    }
}
