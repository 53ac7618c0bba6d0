using Gatehouse.Objects.Kinds;

namespace Gatehouse.Objects.Resolving;

/// <summary>
/// Every service that a tier knows, found by name, service address and instance address in O(1). Fed with services and instances in any order; each change says
/// which queries it touched, and gives the service a new version only when its resolution reads differently.
/// </summary>
/// <remarks>Safe for any thread: one lock, held for the work of one service. Resolutions are immutable and may be kept. As large as the services in the store.</remarks>
public sealed class ResolutionTable(VersionClock clock)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, ServiceEntry> _services = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _serviceOfAddress = new(StringComparer.Ordinal);

    /// <summary>Services that can be resolved.</summary>
    public int Count
    {
        get
        {
            lock (_gate) return _services.Values.Count(s => s.IsKnown);
        }
    }

    /// <summary>The resolution behind a canonical query (<see cref="Interest.Canonical"/>); null when no service has that name or address.</summary>
    public Resolution? Find(string query)
    {
        lock (_gate) return EntryOf(query) is { IsKnown: true } entry ? entry.Current : null;
    }

    /// <summary>Takes in a service as it is now.</summary>
    /// <returns>The queries whose answer is another one now.</returns>
    public IReadOnlyCollection<string> PutService(FabricService service) =>
        Change(service.Metadata.Name, e => e.Declared = service.Status?.Addresses ?? []);

    /// <summary>Forgets a service; what was said of it elsewhere stays.</summary>
    /// <returns>As <see cref="PutService"/>.</returns>
    public IReadOnlyCollection<string> RemoveService(string name) => Change(name, e => e.Declared = null);

    /// <summary>Takes in an instance as it is now. Only running ones with a namespace address, that nobody undeploys, take new connections.</summary>
    /// <returns>As <see cref="PutService"/>.</returns>
    public IReadOnlyCollection<string> PutInstance(FabricInstance instance) =>
        Change(instance.Spec.Service.ToLowerInvariant(), e => e.Instances[instance.Metadata.Name] = Candidate.Of(instance));

    /// <summary>Forgets an instance.</summary>
    /// <returns>As <see cref="PutService"/>.</returns>
    public IReadOnlyCollection<string> RemoveInstance(FabricInstance instance) =>
        Change(instance.Spec.Service.ToLowerInvariant(), e => e.Instances.Remove(instance.Metadata.Name));

    /// <summary>Takes in what the tier above says of a service: its addresses, and the instances of other clusters.</summary>
    /// <param name="service">The service's name.</param>
    /// <param name="foreign">Null to forget it.</param>
    /// <param name="own">The cluster whose instances are known better here, and left out of <paramref name="foreign"/>.</param>
    /// <returns>As <see cref="PutService"/>.</returns>
    public IReadOnlyCollection<string> PutForeign(string service, Resolution? foreign, string own) => Change(service, e =>
    {
        e.ForeignAddresses = foreign?.Addresses;
        e.Foreign = foreign is null ? [] : [.. foreign.Instances.Where(i => i.Cluster != own)];
    });

    /// <summary>The queries that lead to a service now: its name, its addresses, its instances' addresses.</summary>
    public IReadOnlyCollection<string> QueriesOf(string service)
    {
        lock (_gate) return _services.TryGetValue(service, out var entry) ? [.. entry.Queries] : [];
    }

    private ServiceEntry? EntryOf(string query) =>
        _services.GetValueOrDefault(_serviceOfAddress.GetValueOrDefault(query, query));

    private HashSet<string> Change(string name, Action<ServiceEntry> change)
    {
        lock (_gate)
        {
            if (!_services.TryGetValue(name, out var entry)) _services[name] = entry = new ServiceEntry(name);
            change(entry);
            var (wasKnown, before) = (entry.WasKnown, entry.Queries);
            var renewed = entry.Rebuild(clock);
            if (entry.IsEmpty) _services.Remove(name);
            if (!before.SetEquals(entry.Queries)) Index(name, before, entry.Queries);
            entry.WasKnown = entry.IsKnown;
            return Touched(before, entry, renewed || wasKnown != entry.IsKnown);
        }
    }

    private static HashSet<string> Touched(HashSet<string> before, ServiceEntry entry, bool renewed)
    {
        if (renewed) return [.. before, .. entry.Queries];
        HashSet<string> moved = [.. before];
        moved.SymmetricExceptWith(entry.Queries);
        return moved;
    }

    private void Index(string name, HashSet<string> before, HashSet<string> now)
    {
        foreach (var gone in before.Where(q => !now.Contains(q) && _serviceOfAddress.GetValueOrDefault(q) == name)) _serviceOfAddress.Remove(gone);
        foreach (var added in now.Where(q => q != name)) _serviceOfAddress[added] = name;
    }

    private sealed record Candidate(ResolvedInstance? Serving, AddressPair? Address)
    {
        public static Candidate Of(FabricInstance instance)
        {
            var (spec, status) = (instance.Spec, instance.Status);
            var serves = status is { Phase: InstancePhase.Running, Instance: not null, NamespaceAddress: not null }
                && !spec.Undeploy && instance.Metadata.DeletionTimestamp is null && spec.Cluster is not null && spec.Worker is not null;
            return new Candidate(serves ? Resolve(spec, status!) : null, status?.Instance);
        }

        private static ResolvedInstance Resolve(FabricInstanceSpec spec, FabricInstanceStatus status) => new()
        {
            Number = spec.Number,
            Instance = status.Instance!,
            NamespaceAddress = status.NamespaceAddress!,
            Cluster = spec.Cluster!,
            Worker = spec.Worker!,
            Weight = spec.Weight,
            Load = status.Load,
        };
    }

    private sealed class ServiceEntry(string name)
    {
        public IReadOnlyList<ServiceAddress>? Declared { get; set; }

        public IReadOnlyList<ServiceAddress>? ForeignAddresses { get; set; }

        public IReadOnlyList<ResolvedInstance> Foreign { get; set; } = [];

        public Dictionary<string, Candidate> Instances { get; } = new(StringComparer.Ordinal);

        public Resolution Current { get; private set; } = new() { Outcome = ResolutionOutcome.Found, Service = name };

        public HashSet<string> Queries { get; private set; } = new(StringComparer.Ordinal);

        public bool WasKnown { get; set; }

        public bool IsKnown => Declared is not null || ForeignAddresses is not null;

        public bool IsEmpty => !IsKnown && Instances.Count == 0;

        /// <summary>Makes resolution and queries from what is known. True when the resolution reads differently and has a new version.</summary>
        public bool Rebuild(VersionClock clock)
        {
            // The tier above gives addresses out; a copy here may still be without them.
            var addresses = Declared is { Count: > 0 } declared ? declared : ForeignAddresses ?? Declared ?? [];
            var balancesByLoad = addresses.Any(a => a.Policy == BalancingPolicy.LeastLoaded);
            List<ResolvedInstance> instances =
            [
                .. Instances.Values.Select(c => c.Serving).OfType<ResolvedInstance>().Concat(Foreign)
                    .Select(i => balancesByLoad ? i : i with { Load = null })
                    .OrderBy(i => i.Number).ThenBy(i => i.Cluster, StringComparer.Ordinal),
            ];
            Queries = QueriesNow(addresses, instances);
            var next = Current with { Addresses = addresses, Instances = instances };
            if (Current.Version > 0 && IsKnown == WasKnown && ResolutionContent.Same(Current, next)) return false;
            Current = next with { Version = clock.Next() };
            return true;
        }

        private HashSet<string> QueriesNow(IEnumerable<ServiceAddress> addresses, IEnumerable<ResolvedInstance> instances)
        {
            HashSet<string> queries = new(StringComparer.Ordinal) { name };
            if (!IsKnown) return queries;
            IEnumerable<string?> all =
            [
                .. addresses.SelectMany(a => new[] { a.Ipv4, a.Ipv6 }),
                .. instances.SelectMany(i => new[] { i.Instance.Ipv4, i.Instance.Ipv6 }),
                .. Instances.Values.SelectMany(c => new[] { c.Address?.Ipv4, c.Address?.Ipv6 }),
            ];
            queries.UnionWith(all.OfType<string>().Select(Interest.Canonical));
            return queries;
        }
    }
}

/// <summary>Whether two resolutions say the same.</summary>
public static class ResolutionContent
{
    /// <summary>Whether they differ in nothing but their version.</summary>
    public static bool Same(Resolution a, Resolution b) =>
        a.Outcome == b.Outcome && a.Service == b.Service && a.Message == b.Message
        && a.Addresses.SequenceEqual(b.Addresses) && a.Instances.SequenceEqual(b.Instances);
}
