using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Gateways;

/// <summary>The cluster's workers by name and by public address. Owned by the reconciler's loop. Bounded by the workers in the store.</summary>
internal sealed class WorkerTable
{
    private readonly Dictionary<string, Worker> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SortedSet<string>> _byAddress = new(StringComparer.Ordinal);

    /// <summary>One worker, or null.</summary>
    public Worker? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>Who has a public address. When several say so, one that is there goes before one that is not, then the smaller name.</summary>
    public Worker? ByPublicAddress(string normalised) =>
        _byAddress.GetValueOrDefault(normalised)?.Select(n => _byName[n]).OrderBy(w => w.Status?.Phase == PresencePhase.Ready ? 0 : 1).FirstOrDefault();

    /// <summary>Takes in a worker's state.</summary>
    /// <returns>Whether anything changed that concerns gateways.</returns>
    public bool Put(Worker worker)
    {
        var before = _byName.GetValueOrDefault(worker.Metadata.Name);
        Unlink(before);
        _byName[worker.Metadata.Name] = worker;
        foreach (var address in AddressesOf(worker))
        {
            if (!_byAddress.TryGetValue(address, out var names)) _byAddress[address] = names = new SortedSet<string>(StringComparer.Ordinal);
            names.Add(worker.Metadata.Name);
        }

        return before is null || !Alike(before, worker);
    }

    /// <summary>Forgets a worker.</summary>
    /// <returns>Whether it was known.</returns>
    public bool Remove(string name)
    {
        if (!_byName.Remove(name, out var before)) return false;
        Unlink(before);
        return true;
    }

    /// <summary>A worker's public addresses in the one spelling that this folder compares.</summary>
    public static IReadOnlySet<string> AddressesOf(Worker worker) =>
        worker.Spec.PublicAddresses.Select(ExposureRules.Normalise).ToHashSet(StringComparer.Ordinal);

    private void Unlink(Worker? worker)
    {
        if (worker is null) return;
        foreach (var address in AddressesOf(worker))
        {
            if (!_byAddress.TryGetValue(address, out var names)) continue;
            names.Remove(worker.Metadata.Name);
            if (names.Count == 0) _byAddress.Remove(address);
        }
    }

    private static bool Alike(Worker a, Worker b) =>
        a.Spec.Gateway == b.Spec.Gateway
        && a.Spec.TunnelPort == b.Spec.TunnelPort
        && a.Status?.Phase == b.Status?.Phase
        && a.Status?.Subnetwork == b.Status?.Subnetwork
        && AddressesOf(a).SetEquals(AddressesOf(b));
}
