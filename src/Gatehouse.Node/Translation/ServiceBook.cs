using System.Net;
using Gatehouse.Node.Ruleset;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Node.Translation;

/// <summary>
/// The services that this worker translates: their last resolution, the slots that follow from it, and who needs them. An update carries a version; one that is not
/// newer changes nothing, so order and repetition don't matter.
/// </summary>
/// <remarks>Safe for any thread.</remarks>
internal sealed class ServiceBook(DataPath path)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _services = new(StringComparer.Ordinal);
    private readonly Dictionary<IPAddress, Entry> _byAddress = [];
    private readonly Dictionary<string, Entry> _byHolder = new(StringComparer.Ordinal);

    /// <summary>Says which place is nearest for a service, given the places that serve it.</summary>
    public Func<string, IReadOnlyList<string>, string?> Closest { get; set; } = static (_, _) => null;

    /// <summary>Whether an instance of this worker is attached: nobody knows that sooner. True for all others.</summary>
    public Func<IPAddress, bool> IsPresent { get; set; } = static _ => true;

    /// <summary>Called after a service's targets changed, outside of the lock.</summary>
    public Func<ServiceView, Task> Changed { get; set; } = static _ => Task.CompletedTask;

    /// <summary>All services as they are.</summary>
    public IReadOnlyList<ServiceView> All
    {
        get
        {
            lock (_gate) return [.. _services.Values.Select(e => e.View)];
        }
    }

    /// <summary>The service that a service or instance address belongs to; null when it is not known here.</summary>
    public ServiceView? Find(IPAddress address)
    {
        lock (_gate) return _byAddress.GetValueOrDefault(address)?.View;
    }

    /// <summary>Ends when the kernel translates an address that is known here; null when it is not known.</summary>
    public Task? AppliedOrNull(IPAddress address)
    {
        lock (_gate) return _byAddress.GetValueOrDefault(address)?.Applied;
    }

    /// <summary>Takes in a resolution that somebody here needs.</summary>
    /// <param name="holder">Who needs it: the service stays as long as anybody does.</param>
    /// <returns>Ends when the kernel holds it.</returns>
    public async Task PutAsync(string holder, Resolution resolution)
    {
        if (resolution.Service is not { } name) return;
        Task applied;
        ServiceView? view = null;
        lock (_gate)
        {
            if (!_services.TryGetValue(name, out var entry)) _services[name] = entry = new(name);
            if (_byHolder.TryGetValue(holder, out var former) && former != entry) former.Holders.Remove(holder);
            _byHolder[holder] = entry;
            entry.Holders.Add(holder);
            if (resolution.Version > entry.Version || entry.Version == 0)
            {
                entry.Take(resolution);
                view = Rebuild(entry);
                entry.Applied = Apply(entry);
            }

            applied = entry.Applied;
        }

        await applied;
        if (view is not null) await Changed(view);
    }

    /// <summary>Takes in resolutions that were on disk, all in one transaction.</summary>
    public async Task LoadAsync(IEnumerable<(string Holder, Resolution Resolution)> known) =>
        await Task.WhenAll(known.Select(k => PutAsync(k.Holder, k.Resolution)));

    /// <summary>Somebody needs the service no more.</summary>
    public async Task DropAsync(string holder)
    {
        Task applied;
        ServiceView gone;
        lock (_gate)
        {
            if (!_byHolder.Remove(holder, out var entry) || !entry.Holders.Remove(holder) || entry.Holders.Count > 0) return;
            _services.Remove(entry.Name);
            Index(entry, []);
            gone = entry.View with { Targets = [], Slots = [] };
            applied = path.ReplaceAsync(Owner(entry.Name), []);
        }

        await applied;
        await Changed(gone);
    }

    /// <summary>Fills the slots of services anew: their instances' presence or distance changed.</summary>
    public async Task RefreshAsync(Func<ServiceView, bool> which)
    {
        var refreshed = new List<(Task Applied, ServiceView View)>();
        lock (_gate)
        {
            foreach (var entry in _services.Values.Where(e => which(e.View)))
            {
                var view = Rebuild(entry);
                entry.Applied = Apply(entry);
                refreshed.Add((entry.Applied, view));
            }
        }

        foreach (var (applied, view) in refreshed)
        {
            await applied;
            await Changed(view);
        }
    }

    private static string Owner(string name) => $"svc/{name}";

    private ServiceView Rebuild(Entry entry)
    {
        Target[] targets = [.. entry.Resolution.Instances.Select(Target.From).Where(IsThere)];
        var closest = entry.Resolution.Addresses.Any(a => a.Policy == BalancingPolicy.Closest) ? Closest(entry.Name, [.. targets.Select(t => t.Place).Distinct()]) : null;
        AddressSlots[] slots = [.. Addresses(entry.Resolution).Select(s => ServiceElements.Choose(s, targets, closest))];
        entry.View = new(entry.Name, entry.Version, targets, slots, closest);
        Index(entry, [.. slots.Select(s => s.Service.Address), .. targets.SelectMany(t => new[] { t.Instance4, t.Instance6 }).OfType<IPAddress>()]);
        return entry.View;
    }

    private Task Apply(Entry entry)
    {
        var view = entry.View;
        PolicyChain[] chains = [.. view.Slots.Select(s => s.Chain).OfType<PolicyChain>()];
        return path.ReplaceAsync(Owner(entry.Name), [.. view.Slots.SelectMany(ServiceElements.Of), .. view.Targets.SelectMany(ServiceElements.Of)], chains);
    }

    private bool IsThere(Target target) => (target.Namespace4 ?? target.Namespace6) is not { } space || IsPresent(space);

    private void Index(Entry entry, HashSet<IPAddress> addresses)
    {
        foreach (var old in entry.Addresses.Where(a => !addresses.Contains(a) && _byAddress.GetValueOrDefault(a) == entry)) _byAddress.Remove(old);
        foreach (var address in addresses) _byAddress[address] = entry;
        entry.Addresses = addresses;
    }

    private static IEnumerable<ServiceTarget> Addresses(Resolution resolution)
    {
        foreach (var address in resolution.Addresses)
        {
            if (AddressText.Parse4(address.Ipv4) is { } four) yield return new(address.Policy, four);
            if (AddressText.Parse6(address.Ipv6) is { } six) yield return new(address.Policy, six);
        }
    }

    private sealed class Entry(string name)
    {
        public string Name { get; } = name;

        public long Version { get; private set; }

        public Resolution Resolution { get; private set; } = new();

        public HashSet<string> Holders { get; } = new(StringComparer.Ordinal);

        public HashSet<IPAddress> Addresses { get; set; } = [];

        public ServiceView View { get; set; } = new(name, 0, [], [], null);

        public Task Applied { get; set; } = Task.CompletedTask;

        public void Take(Resolution resolution)
        {
            Resolution = resolution;
            Version = Math.Max(1, resolution.Version);
        }
    }
}

/// <summary>A service as it is translated now.</summary>
/// <param name="Closest">The place that its <c>closest</c> addresses lead to; null when there is none such, or nothing is measured.</param>
internal sealed record ServiceView(string Name, long Version, IReadOnlyList<Target> Targets, IReadOnlyList<AddressSlots> Slots, string? Closest);
