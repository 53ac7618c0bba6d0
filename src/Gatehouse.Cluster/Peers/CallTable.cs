using Gatehouse.Api.Client;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Peers;

/// <summary>
/// Which other clusters each worker calls: those with an instance behind one of its interests. Such a cluster stays until the interest goes, since flows to an instance
/// that has left the resolution still drain.
/// </summary>
/// <remarks>Any thread; each call is whole. As large as the workers' interests in services of other clusters.</remarks>
internal sealed class CallTable(string cluster)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, HashSet<string>> _ofInterest = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SortedDictionary<string, int>> _ofWorker = new(StringComparer.Ordinal);

    /// <summary>The clusters that a worker calls, in order.</summary>
    public IReadOnlyList<string> ClustersOf(string worker)
    {
        lock (_gate) return _ofWorker.TryGetValue(worker, out var clusters) ? [.. clusters.Keys] : [];
    }

    /// <summary>Takes in a change of a worker's interest.</summary>
    /// <returns>Whether its worker calls other clusters than before.</returns>
    public bool Apply(ObjectEvent<Interest> change)
    {
        var (name, worker) = (change.Object!.Metadata.Name, change.Object.Spec.Holder);
        lock (_gate) return change.Type == ObjectEventType.Deleted ? Forget(name, worker) : Learn(name, worker, change.Object.Status);
    }

    private bool Learn(string name, string worker, Resolution? answer)
    {
        var turned = false;
        foreach (var called in (answer?.Instances ?? []).Select(i => i.Cluster).Where(c => c != cluster))
        {
            if (!_ofInterest.TryGetValue(name, out var known)) _ofInterest[name] = known = new HashSet<string>(StringComparer.Ordinal);
            if (!known.Add(called)) continue;
            if (!_ofWorker.TryGetValue(worker, out var all)) _ofWorker[worker] = all = new SortedDictionary<string, int>(StringComparer.Ordinal);
            turned |= !all.TryGetValue(called, out var interests);
            all[called] = interests + 1;
        }

        return turned;
    }

    private bool Forget(string name, string worker)
    {
        if (!_ofInterest.Remove(name, out var known)) return false;
        var (turned, all) = (false, _ofWorker[worker]);
        foreach (var called in known)
        {
            if (--all[called] == 0) turned |= all.Remove(called);
        }

        if (all.Count == 0) _ofWorker.Remove(worker);
        return turned;
    }
}
