using System.Collections.Frozen;
using System.Net;
using Gatehouse.Api.Client;
using Gatehouse.Node.Flows;
using Gatehouse.Node.Instances;
using Gatehouse.Node.Interests;
using Gatehouse.Node.Translation;
using Gatehouse.Objects.Kinds;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Node.Exposures;

/// <summary>
/// The exposures that the cluster put on this worker, in its own table. It executes and decides nothing: scheduled and active ones are translated, draining ones take no new flows
/// while the open ones are counted, and what is withdrawn or moved away ends with its flows.
/// </summary>
/// <remarks>Safe for any thread, one change of an exposure at a time.</remarks>
internal sealed class ExposureSync(DataPath path, ServiceBook services, InterestBook interests, FlowTable flows, NodeOptions options, ILogger log)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Served> _served = new(StringComparer.Ordinal);
    private readonly Dictionary<IPAddress, HashSet<Served>> _byAddress = [];
    private readonly Dictionary<string, HashSet<Served>> _byService = new(StringComparer.Ordinal);
    private readonly HashSet<IPAddress> _asking = [];

    /// <summary>Called when there is something to tell the cluster about an exposure. Short, any thread.</summary>
    public Action<string> Told { get; set; } = static _ => { };

    /// <summary>Services that exposures lead to, whose interests stay while they do.</summary>
    public IReadOnlySet<string> Services
    {
        get
        {
            lock (_gate) return _byService.Keys.ToFrozenSet(StringComparer.Ordinal);
        }
    }

    /// <summary>The exposure of a public address and port, and the service that it leads to; null when there is none, or it leads nowhere yet.</summary>
    public (ExposureTarget Target, ServiceView Service)? Find(IPAddress address, byte protocol, ushort port)
    {
        lock (_gate)
        {
            var target = _served.Values.Select(s => s.Target).FirstOrDefault(t => t is not null && t.Protocol == protocol && t.Port == port && t.Public.Contains(address));
            return target is not null && services.Find(target.Service) is { } service ? (target, service) : null;
        }
    }

    /// <summary>Takes in what was on disk, before the tables are loaded, so that they are loaded with it.</summary>
    public Task LoadAsync(IEnumerable<Exposure> known) =>
        Task.WhenAll(known.Select(e => TakeAsync(new ObjectEvent<Exposure>(ObjectEventType.Added, e, e.Metadata.ResourceVersion ?? ""))));

    /// <summary>Takes in what changed; ends when the kernel has it.</summary>
    public async Task TakeAsync(ObjectEvent<Exposure> change)
    {
        if (change.Object is not { } exposure) return;
        var isThere = change.Type != ObjectEventType.Deleted;
        var target = isThere && exposure.Status is { Phase: ExposurePhase.Scheduled or ExposurePhase.Active } ? ExposureTarget.From(exposure) : null;
        var isLeaving = isThere && exposure.Status is { Phase: ExposurePhase.Draining or ExposurePhase.Withdrawn };
        var name = exposure.Metadata.Name;
        Served? before;
        lock (_gate)
        {
            before = _served.GetValueOrDefault(name);
            if (before is not null) Unlink(before);
            if (target is not null || isLeaving) Link(_served[name] = new Served(exposure, target) { IsHeld = before is { IsHeld: true } && Same(before, exposure, target) });
            else _served.Remove(name);
        }

        if (target is not null && IsReserved(target)) log.ExposureRefused(name, target.Port);
        await PutAsync(name);
        if (before is not null && (!isThere || exposure.Status is not { Phase: ExposurePhase.Scheduled or ExposurePhase.Active or ExposurePhase.Draining })) EndFlows(before.Exposure);
        if (isThere) Told(name);
    }

    /// <summary>A service's slots changed: those of its exposures follow.</summary>
    public Task RefreshAsync(ServiceView service)
    {
        var addresses = service.Slots.Select(s => s.Service.Address).Concat(service.Targets.SelectMany(t => new[] { t.Instance4, t.Instance6 }).OfType<IPAddress>());
        string[] led;
        lock (_gate)
        {
            // Those that it led so far as well: an instance that it lost has no address in it any more.
            var all = addresses.SelectMany(a => _byAddress.GetValueOrDefault(a) ?? []).Concat(_byService.GetValueOrDefault(service.Name) ?? []);
            led = [.. all.Select(s => s.Exposure.Metadata.Name).Distinct(StringComparer.Ordinal)];
        }

        return Task.WhenAll(led.Select(PutAsync));
    }

    /// <summary>Begins to ask for the addresses of exposures that nobody resolved or asks for so far; the answer comes back through <see cref="RefreshAsync"/>.</summary>
    public IReadOnlyList<Task> BeginResolving(CancellationToken cancellation)
    {
        IPAddress[] open;
        lock (_gate) open = [.. _byAddress.Keys.Where(a => services.Find(a) is null && _asking.Add(a))];
        return [.. open.Select(address => AskAsync(address, cancellation))];
    }

    /// <summary>What the cluster should know of an exposure and does not; null when it knows, or there is nothing to say.</summary>
    public ExposureWord? WordOf(string name)
    {
        Served? served;
        lock (_gate) served = _served.GetValueOrDefault(name);
        if (served?.Exposure is not { Status: { } status } exposure) return null;
        if (served.Target is null)
        {
            if (status.Phase == ExposurePhase.Withdrawn) EndFlows(exposure);
            var open = Flows(exposure).Count(FlowTable.IsOpen);
            return status.Flows == open ? null : new ExposureWord(exposure, null, open);
        }

        var word = new ProgrammedExposure
        {
            Worker = options.Name,
            Generation = exposure.Metadata.Generation ?? 0,
            PublicAddresses = status.PublicAddresses,
            Missing = served.IsHeld ? null : WhyNot(served.Target),
        };
        return status.Programmed is { } said && said.Missing == word.Missing && said.Speaks(exposure.Metadata, status) ? null : new ExposureWord(exposure, word, null);
    }

    /// <summary>Whether flows of an exposure may still end, so that its word has to be looked at again.</summary>
    public bool IsCounting(string name)
    {
        lock (_gate) return _served.GetValueOrDefault(name) is { Target: null };
    }

    /// <summary>Notes what the cluster stored, unless the exposure changed meanwhile.</summary>
    public void Note(Exposure before, Exposure stored)
    {
        lock (_gate)
        {
            if (_served.GetValueOrDefault(stored.Metadata.Name) is { } served && ReferenceEquals(served.Exposure, before)) served.Exposure = stored;
        }
    }

    private static string Owner(string name) => $"exp/{name}";

    /// <summary>Whether the kernel's elements for two states of an exposure are the same: the word about the one holds for the other.</summary>
    private static bool Same(Served before, Exposure exposure, ExposureTarget? target) =>
        target is not null && before.Target is { } former && before.Exposure.Metadata.Generation == exposure.Metadata.Generation && former.Public.SequenceEqual(target.Public);

    /// <summary>Writes what an exposure is now into the kernel. Order among concurrent calls does not matter: each takes the present state, under the lock.</summary>
    private async Task PutAsync(string name)
    {
        Task applied;
        Served? served;
        bool holds;
        lock (_gate)
        {
            served = _served.GetValueOrDefault(name);
            var service = served?.Target is { } target && !IsReserved(target) ? services.Find(target.Service) : null;
            var (elements, chains) = service is null ? ([], []) : ExposureElements.Of(served!.Target!, service);
            if (served is not null && service is not null) Lead(served, service.Name);
            holds = elements.Count > 0;
            applied = path.ReplaceAsync(Owner(name), elements, [.. chains]);
        }

        await applied;
        if (!holds || served is null) return;
        lock (_gate)
        {
            if (served.IsHeld) return;
            served.IsHeld = true;
        }

        Told(name);
    }

    private async Task AskAsync(IPAddress address, CancellationToken cancellation)
    {
        try
        {
            await interests.ResolveAsync(address, cancellation);
        }
        finally
        {
            lock (_gate) _asking.Remove(address);
        }
    }

    private string WhyNot(ExposureTarget target)
    {
        if (IsReserved(target)) return $"the host needs port {target.Port} itself";
        if (target.Public.Count == 0) return "it has no public address here";
        return services.Find(target.Service) is null ? $"{target.Service} is not resolved" : $"{target.Service} has no instance that takes traffic";
    }

    // Whoever decides refuses these; should one come all the same, the host keeps its port.
    private bool IsReserved(ExposureTarget target) => PortMappings.IsReserved(target.Protocol, target.Port, options);

    private IReadOnlyList<Gatehouse.Linux.Conntrack.Flow> Flows(Exposure exposure) => ExposureTarget.From(exposure) is { } target
        ? [.. target.Public.SelectMany(a => flows.To(a, target.Protocol, target.Port))]
        : [];

    private void EndFlows(Exposure exposure)
    {
        foreach (var flow in Flows(exposure)) flows.Delete(flow.Original);
    }

    private void Link(Served served)
    {
        if (served.Target is { } target) Into(_byAddress, target.Service, served);
    }

    private void Unlink(Served served)
    {
        if (served.Target is { } target) OutOf(_byAddress, target.Service, served);
        if (served.Service is { } service) OutOf(_byService, service, served);
    }

    private void Lead(Served served, string service)
    {
        if (served.Service == service) return;
        if (served.Service is { } former) OutOf(_byService, former, served);
        served.Service = service;
        Into(_byService, service, served);
    }

    private static void Into<TKey>(Dictionary<TKey, HashSet<Served>> index, TKey key, Served served)
        where TKey : notnull
    {
        if (!index.TryGetValue(key, out var all)) index[key] = all = [];
        all.Add(served);
    }

    private static void OutOf<TKey>(Dictionary<TKey, HashSet<Served>> index, TKey key, Served served)
        where TKey : notnull
    {
        if (index.TryGetValue(key, out var all) && all.Remove(served) && all.Count == 0) index.Remove(key);
    }

    /// <summary>An exposure here. Guarded by the lock.</summary>
    /// <param name="exposure">As it was taken in, or stored by a report since.</param>
    /// <param name="target">What is translated; null when new flows are refused.</param>
    private sealed class Served(Exposure exposure, ExposureTarget? target)
    {
        public Exposure Exposure { get; set; } = exposure;

        public ExposureTarget? Target { get; } = target;

        /// <summary>The service that it led to last.</summary>
        public string? Service { get; set; }

        /// <summary>Whether the kernel came to hold it. Stays when its service loses its instances: that is the service's state, not the exposure's.</summary>
        public bool IsHeld { get; set; }
    }
}

/// <summary>What a worker has to say of an exposure.</summary>
/// <param name="Of">The exposure as it was then.</param>
/// <param name="Programmed">What the kernel holds; null: nothing any more.</param>
/// <param name="Flows">How many flows are open; null while new ones are let in.</param>
internal sealed record ExposureWord(Exposure Of, ProgrammedExposure? Programmed, int? Flows);
