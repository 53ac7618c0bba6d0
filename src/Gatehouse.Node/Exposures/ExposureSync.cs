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
/// <remarks>One caller at a time; <see cref="RefreshAsync"/> may come from any thread.</remarks>
internal sealed class ExposureSync(DataPath path, ServiceBook services, InterestBook interests, FlowTable flows, IObjectClient cluster, NodeOptions options, ILogger log)
{
    private readonly ConcurrentDictionary<string, Exposure> _served = new(StringComparer.Ordinal);

    /// <summary>Services that exposures lead to, whose interests stay while they do.</summary>
    public IReadOnlySet<string> Services => _served.Values
        .Select(e => AddressText.Parse(e.Spec.ServiceAddress) is { } a ? services.Find(a)?.Name : null).OfType<string>().ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The exposures as they were taken in.</summary>
    public IReadOnlyCollection<Exposure> All => [.. _served.Values];

    /// <summary>Takes in what changed.</summary>
    public async Task TakeAsync(ObjectEvent<Exposure> change, CancellationToken cancellation)
    {
        if (change.Object is not { } exposure) return;
        var name = exposure.Metadata.Name;
        var passes = change.Type != ObjectEventType.Deleted && exposure.Status is { Phase: ExposurePhase.Active } && ExposureTarget.From(exposure) is not null;
        var drains = change.Type != ObjectEventType.Deleted && exposure.Status is { Phase: ExposurePhase.Draining };
        if (passes)
        {
            _served[name] = exposure;
            await ServeAsync(exposure, cancellation);
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
        foreach (var exposure in _served.Values.Where(e => e.Status?.Phase == ExposurePhase.Active))
        {
            if (ExposureTarget.From(exposure) is { } target && Leads(target.Service, service)) await PutAsync(target, service);
        }
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

    private static bool Leads(IPAddress address, ServiceView service) =>
        service.Slots.Any(s => s.Service.Address.Equals(address)) || service.Targets.Any(t => address.Equals(t.Instance4) || address.Equals(t.Instance6));

    private async Task ServeAsync(Exposure exposure, CancellationToken cancellation)
    {
        var target = ExposureTarget.From(exposure)!;
        if (IsReserved(target)) log.ExposureRefused(target.Name, target.Port);
        if (services.Find(target.Service) is null) await interests.ResolveAsync(target.Service, cancellation);
        await PutAsync(target, services.Find(target.Service));
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
