using System.Net;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Workers;

/// <summary>
/// Which worker has which address of the world outside of the overlay, underlay or public: one that two workers claimed would let one of them take the other's
/// tunnel packets, or its clients. Knows the stored workers, and writes that were admitted and whose event has not come yet.
/// </summary>
/// <remarks>Safe for any thread. As large as the workers' own lists.</remarks>
internal sealed class WorkerAddresses
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, HashSet<string>> _holders = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (IReadOnlyList<string> Stored, IReadOnlyList<string> Admitted)> _workers = new(StringComparer.Ordinal);

    /// <summary>Takes a worker's addresses for a write, or says which of them others hold.</summary>
    public IReadOnlyList<Fault> Take(string worker, WorkerSpec spec)
    {
        lock (_gate)
        {
            List<Fault> faults = [.. Fields(spec).Where(f => IPAddress.TryParse(f.Address, out _)).SelectMany(f => Faults(worker, f.Field, f.Address))];
            if (faults.Count == 0) Replace(worker, _workers.GetValueOrDefault(worker, ([], [])).Stored, Of(spec));
            return faults;
        }
    }

    /// <summary>The write was not made.</summary>
    public void GiveBack(string worker)
    {
        lock (_gate)
        {
            if (_workers.TryGetValue(worker, out var entry)) Replace(worker, entry.Stored, []);
        }
    }

    /// <summary>Takes in a worker as it is stored; null when it is gone.</summary>
    public void Observe(string worker, WorkerSpec? stored)
    {
        lock (_gate)
        {
            var addresses = stored is null ? [] : Of(stored);
            // An event of an earlier write leaves what was admitted after it.
            var admitted = stored is null || !_workers.TryGetValue(worker, out var entry) || entry.Admitted.SequenceEqual(addresses, StringComparer.Ordinal) ? [] : entry.Admitted;
            Replace(worker, addresses, admitted);
        }
    }

    private IEnumerable<Fault> Faults(string worker, string field, string address)
    {
        if (_holders.TryGetValue(ExposureRules.Normalise(address), out var holders) && holders.FirstOrDefault(h => h != worker) is { } other)
            yield return new Fault(field, address, $"is an address of worker {other}; if that machine is gone, delete worker {other} first");
    }

    private void Replace(string worker, IReadOnlyList<string> stored, IReadOnlyList<string> admitted)
    {
        if (_workers.Remove(worker, out var before))
        {
            foreach (var address in before.Stored.Concat(before.Admitted))
            {
                if (_holders.TryGetValue(address, out var holders) && holders.Remove(worker) && holders.Count == 0) _holders.Remove(address);
            }
        }

        if (stored.Count + admitted.Count == 0) return;
        _workers[worker] = (stored, admitted);
        foreach (var address in stored.Concat(admitted))
        {
            if (!_holders.TryGetValue(address, out var holders)) _holders[address] = holders = new HashSet<string>(StringComparer.Ordinal);
            holders.Add(worker);
        }
    }

    private static IEnumerable<(string Field, string Address)> Fields(WorkerSpec spec) =>
        spec.PublicAddresses.Select((a, i) => ($"spec.publicAddresses[{i}]", a)).Prepend(("spec.underlay", spec.Underlay));

    private static List<string> Of(WorkerSpec spec) => [.. Fields(spec).Select(f => f.Address).Where(a => IPAddress.TryParse(a, out _)).Select(ExposureRules.Normalise).Distinct(StringComparer.Ordinal)];
}
