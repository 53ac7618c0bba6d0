using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Gateways;

/// <summary>
/// The service and instance addresses that lead somewhere: those of services and instances in this cluster's store, and those that an interest of a worker
/// found elsewhere. Owned by the reconciler's loop. Bounded by the objects in the store.
/// </summary>
internal sealed class ServiceAddressTable
{
    private readonly Dictionary<(Type, ObjectKey), IReadOnlyList<string>> _bySource = [];
    private readonly Dictionary<string, int> _count = new(StringComparer.Ordinal);

    /// <summary>Whether an address leads somewhere.</summary>
    public bool IsKnown(string address) => _count.ContainsKey(ExposureRules.Normalise(address));

    /// <summary>Takes in the state of one object.</summary>
    /// <returns>Addresses that became known or unknown.</returns>
    public IReadOnlyList<string> Put<T>(T value)
        where T : ApiObject => Replace((typeof(T), value.Key), [.. AddressesOf(value).OfType<string>().Select(ExposureRules.Normalise).Distinct(StringComparer.Ordinal)]);

    /// <summary>Forgets an object.</summary>
    /// <returns>Addresses that became unknown.</returns>
    public IReadOnlyList<string> Remove<T>(ObjectKey key)
        where T : ApiObject => Replace((typeof(T), key), []);

    /// <summary>The objects of a kind that it knows.</summary>
    public IEnumerable<ObjectKey> Keys<T>()
        where T : ApiObject => _bySource.Keys.Where(k => k.Item1 == typeof(T)).Select(k => k.Item2);

    private static IEnumerable<string?> AddressesOf(ApiObject value) => value switch
    {
        FabricService { Status: { } status } => status.Addresses.SelectMany(a => new[] { a.Ipv4, a.Ipv6 }),
        FabricInstance { Status.Instance: { } instance } => [instance.Ipv4, instance.Ipv6],
        Interest { Status.Outcome: ResolutionOutcome.Found } interest when System.Net.IPAddress.TryParse(interest.Spec.Query, out _) => [interest.Spec.Query],
        _ => [],
    };

    private List<string> Replace((Type, ObjectKey) source, IReadOnlyList<string> addresses)
    {
        var changed = new List<string>();
        var before = _bySource.GetValueOrDefault(source) ?? [];
        foreach (var address in addresses.Except(before, StringComparer.Ordinal))
        {
            var count = _count.GetValueOrDefault(address);
            _count[address] = count + 1;
            if (count == 0) changed.Add(address);
        }

        foreach (var address in before.Except(addresses, StringComparer.Ordinal))
        {
            if (--_count[address] > 0) continue;
            _count.Remove(address);
            changed.Add(address);
        }

        if (addresses.Count == 0) _bySource.Remove(source);
        else _bySource[source] = addresses;
        return changed;
    }
}
