using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Instances;

/// <summary>The cluster's instances by worker and by service. Any thread; each call is whole. As large as the instances in the store.</summary>
internal sealed class InstanceIndex
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, FabricInstance> _all = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _byWorker = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _byService = new(StringComparer.Ordinal);
    private readonly HashSet<string> _unplaced = new(StringComparer.Ordinal);

    /// <summary>Takes in an instance as it is now.</summary>
    /// <returns>The state before; null when it is new.</returns>
    public FabricInstance? Put(FabricInstance value)
    {
        lock (_gate)
        {
            var before = Unlink(value.Metadata.Name);
            _all[value.Metadata.Name] = value;
            Into(_byService, value.Spec.Service, value.Metadata.Name);
            if (value.Spec.Worker is { } worker) Into(_byWorker, worker, value.Metadata.Name);
            else if (value.Spec is { Process: not null, Undeploy: false }) _unplaced.Add(value.Metadata.Name);
            return before;
        }
    }

    /// <summary>Forgets an instance.</summary>
    /// <returns>The last state; null when it was not known.</returns>
    public FabricInstance? Remove(string name)
    {
        lock (_gate) return Unlink(name);
    }

    /// <summary>Those that a worker runs or is to run.</summary>
    public IReadOnlyList<FabricInstance> OfWorker(string worker)
    {
        lock (_gate) return Resolve(_byWorker, worker);
    }

    /// <summary>Those of a service.</summary>
    public IReadOnlyList<FabricInstance> OfService(string service)
    {
        lock (_gate) return Resolve(_byService, service);
    }

    /// <summary>How many instances a worker has, and how many of them are of one service.</summary>
    public (int All, int OfService) CountOf(string worker, string service)
    {
        lock (_gate)
        {
            if (!_byWorker.TryGetValue(worker, out var names)) return (0, 0);
            return (names.Count, names.Count(n => _all[n].Spec.Service == service));
        }
    }

    /// <summary>Instances that wait for a worker.</summary>
    public IReadOnlyList<string> Unplaced()
    {
        lock (_gate) return [.. _unplaced];
    }

    private FabricInstance[] Resolve(Dictionary<string, HashSet<string>> index, string key) =>
        index.TryGetValue(key, out var names) ? [.. names.Select(n => _all[n])] : [];

    private FabricInstance? Unlink(string name)
    {
        if (!_all.Remove(name, out var before)) return null;
        _unplaced.Remove(name);
        OutOf(_byService, before.Spec.Service, name);
        if (before.Spec.Worker is { } worker) OutOf(_byWorker, worker, name);
        return before;
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
