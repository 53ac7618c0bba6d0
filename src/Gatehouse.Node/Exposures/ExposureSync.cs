using System.Collections.Concurrent;
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
/// The exposures that the cluster put on this worker, in its own table. It executes and decides nothing: active ones are translated, draining ones take no new flows while the
/// open ones are counted, and what is withdrawn or moved away ends with its flows.
/// </summary>
/// <remarks>Safe for any thread, one change of an exposure at a time.</remarks>
internal sealed class ExposureSync(DataPath path, ServiceBook services, InterestBook interests, FlowTable flows, IObjectClient cluster, NodeOptions options, ILogger log)
{
    private readonly ConcurrentDictionary<string, Exposure> _served = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly Dictionary<string, IPAddress> _indexed = new(StringComparer.Ordinal);
    private readonly Dictionary<IPAddress, Dictionary<string, ExposureTarget>> _byService = [];

    /// <summary>Services that exposures lead to, whose interests stay while they do.</summary>
    public IReadOnlySet<string> Services => _served.Values
        .Select(e => AddressText.Parse(e.Spec.ServiceAddress) is { } a ? services.Find(a)?.Name : null).OfType<string>().ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The exposures as they were taken in.</summary>
    public IReadOnlyCollection<Exposure> All => [.. _served.Values];

    /// <summary>Takes in what changed.</summary>
    public async Task TakeAsync(ObjectEvent<Exposure> change)
    {
        if (change.Object is not { } exposure) return;
        var name = exposure.Metadata.Name;
        var passes = change.Type != ObjectEventType.Deleted && exposure.Status is { Phase: ExposurePhase.Active } && ExposureTarget.From(exposure) is not null;
        var drains = change.Type != ObjectEventType.Deleted && exposure.Status is { Phase: ExposurePhase.Draining };
        Index(name, passes ? ExposureTarget.From(exposure) : null);
        if (passes)
        {
            _served[name] = exposure;
            await ServeAsync(exposure);
            return;
        }

        await path.ReplaceAsync(Owner(name), []);
        if (drains)
        {
            _served[name] = exposure;
        }
        else if (_served.TryRemove(name, out var former))
        {
            EndFlows(former);
        }
    }

    /// <summary>A service's slots changed: those of its exposures follow.</summary>
    public async Task RefreshAsync(ServiceView service)
    {
        var addresses = service.Slots.Select(s => s.Service.Address).Concat(service.Targets.SelectMany(t => new[] { t.Instance4, t.Instance6 }).OfType<IPAddress>());
        ExposureTarget[] led;
        lock (_gate) led = [.. addresses.SelectMany(a => _byService.GetValueOrDefault(a)?.Values ?? Enumerable.Empty<ExposureTarget>())];
        await Task.WhenAll(led.Select(target => PutAsync(target, service)));
    }

    /// <summary>Asks for the addresses of exposures that nobody resolved so far; the answer comes back through <see cref="RefreshAsync"/>.</summary>
    public async Task ResolveAsync(CancellationToken cancellation)
    {
        IPAddress[] open;
        lock (_gate) open = [.. _byService.Keys.Where(a => services.Find(a) is null)];
        await Task.WhenAll(open.Select(address => interests.ResolveAsync(address, cancellation)));
    }

    /// <summary>Counts the open flows of those that drain and says so to the cluster, which ends the drain with the last one.</summary>
    public async Task ReportDrainsAsync(CancellationToken cancellation)
    {
        foreach (var exposure in _served.Values.Where(e => e.Status?.Phase == ExposurePhase.Draining))
        {
            var open = Flows(exposure).Count(FlowTable.IsOpen);
            if (exposure.Status!.Flows == open) continue;
            var stored = await cluster.UpdateStatusAsync(exposure with { Status = exposure.Status with { Flows = open } }, cancellation);
            _served.TryUpdate(exposure.Metadata.Name, stored, exposure);
        }
    }

    private static string Owner(string name) => $"exp/{name}";

    /// <summary>Which active exposures lead to an address: a change of one service must not look at all of them.</summary>
    private void Index(string name, ExposureTarget? target)
    {
        lock (_gate)
        {
            if (_indexed.Remove(name, out var former) && _byService.TryGetValue(former, out var others) && others.Remove(name) && others.Count == 0) _byService.Remove(former);
            if (target is null) return;
            _indexed[name] = target.Service;
            if (!_byService.TryGetValue(target.Service, out var all)) _byService[target.Service] = all = new(StringComparer.Ordinal);
            all[name] = target;
        }
    }

    /// <summary>What is not resolved yet is served when its resolution comes: nobody else waits for that.</summary>
    private Task ServeAsync(Exposure exposure)
    {
        var target = ExposureTarget.From(exposure)!;
        if (IsReserved(target)) log.ExposureRefused(target.Name, target.Port);
        return PutAsync(target, services.Find(target.Service));
    }

    private bool IsReserved(ExposureTarget target) => PortMappings.IsReserved(target.Protocol, target.Port, options);

    private Task PutAsync(ExposureTarget target, ServiceView? service)
    {
        // Whoever decides refuses these; should one come all the same, the host keeps its port.
        if (IsReserved(target)) return path.ReplaceAsync(Owner(target.Name), []);
        var (elements, chains) = ExposureElements.Of(target, service);
        return path.ReplaceAsync(Owner(target.Name), elements, [.. chains]);
    }

    private IReadOnlyList<Gatehouse.Linux.Conntrack.Flow> Flows(Exposure exposure) => ExposureTarget.From(exposure) is { } target
        ? [.. target.Public.SelectMany(a => flows.To(a, target.Protocol, target.Port))]
        : [];

    private void EndFlows(Exposure exposure)
    {
        foreach (var flow in Flows(exposure)) flows.Delete(flow.Original);
    }
}
