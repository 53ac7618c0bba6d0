using System.Net;
using System.Text.Json.Nodes;
using Gatehouse.Addressing;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Instances;

/// <summary>
/// Completes what is declared of instances at the cluster, and keeps each worker to what is its own: it may bring an instance, take one that waits, report
/// on its own and undeploy them.
/// </summary>
internal sealed class InstanceAdmission(
    string cluster, Func<string, Worker?> workers, Func<string, IEnumerable<FabricInstance>> ofWorker, Func<string, FabricInstance?> atRoot, TimeProvider time) : IAdmission
{
    /// <inheritdoc/>
    public IReadOnlyCollection<KindInfo> Kinds { get; } = [FabricInstance.Info];

    /// <inheritdoc/>
    public ValueTask<Status?> AdmitAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Read<FabricInstance>() is not { } instance) return new((Status?)null);
        return new(request.Verb switch
        {
            AdmissionVerb.Create => Declare(request, instance),
            AdmissionVerb.Update => CheckChange(request, instance, request.ReadOld<FabricInstance>()!),
            AdmissionVerb.UpdateStatus => Report(request, instance, request.ReadOld<FabricInstance>()!),
            _ => null,
        });
    }

    /// <inheritdoc/>
    public void Abandon(AdmissionRequest request)
    {
    }

    private Status? Declare(AdmissionRequest request, FabricInstance instance)
    {
        List<Fault> faults = [];
        var (spec, name) = (instance.Spec, FabricInstance.NameFor(instance.Spec.Service, instance.Spec.Number));
        if (instance.Metadata.Name != name) faults.Add(new Fault("metadata.name", instance.Metadata.Name, $"must be SERVICE.NUMBER: {name}"));
        if (spec.Cluster is { } given && given != cluster) faults.Add(new Fault("spec.cluster", given, $"must be {cluster}, or absent"));
        if (faults.Count > 0) return request.Invalid(faults);
        if (request.User.Worker is { } worker && spec.Worker != worker) return request.Forbidden($"spec.worker must be {worker}, not {spec.Worker ?? "absent"}");
        if (request.User.Worker is not null && spec.Process is not null) return request.Forbidden("a worker brings instances that run already: spec.process must be absent");
        request.SetSpec("cluster", cluster);
        var finalizers = (instance.Metadata.Finalizers ?? []).Append(FabricInstance.UndeployFinalizer).Distinct().Select(f => (JsonNode)f).ToArray();
        request.Object["metadata"]!["finalizers"] = new JsonArray(finalizers);
        request.SetStatus(new FabricInstanceStatus { Since = time.GetUtcNow(), Instance = atRoot(name)?.Status?.Instance }, ObjectsJson.Default.FabricInstanceStatus);
        return null;
    }

    private static Status? CheckChange(AdmissionRequest request, FabricInstance instance, FabricInstance old)
    {
        List<Fault> faults = [];
        if (instance.Spec.Service != old.Spec.Service) faults.Add(new Fault("spec.service", instance.Spec.Service, $"can't change: it is {old.Spec.Service}"));
        if (instance.Spec.Number != old.Spec.Number) faults.Add(new Fault("spec.number", $"{instance.Spec.Number}", $"can't change: it is {old.Spec.Number}"));
        if (instance.Spec.Cluster != old.Spec.Cluster) faults.Add(new Fault("spec.cluster", instance.Spec.Cluster ?? "", $"can't change: it is {old.Spec.Cluster}"));
        if (faults.Count > 0) return request.Invalid(faults);
        return request.User.Worker is { } worker ? CheckWorkersChange(request, instance.Spec, old, worker) : null;
    }

    // A node engine may bring an instance that root declared: the worker then takes it, and nothing else about it.
    private static Status? CheckWorkersChange(AdmissionRequest request, FabricInstanceSpec spec, FabricInstance old, string worker)
    {
        if (old.Spec.Worker is null && old.Spec.Process is not null) return request.Forbidden("the cluster places instances that have a process");
        if (old.Spec.Worker is not null && old.Spec.Worker != worker) return request.Forbidden($"it belongs to worker {old.Spec.Worker}");
        var allowed = old.Spec with { Worker = worker, Undeploy = spec.Undeploy || old.Spec.Undeploy, PortMappings = spec.PortMappings };
        if (old.Spec.Undeploy && !spec.Undeploy) return request.Forbidden("an undeploy can't be taken back by a worker");
        return spec with { Process = old.Spec.Process } == allowed
            ? null
            : request.Forbidden("a worker may take it, set its port mappings and undeploy it; the rest of spec is the cluster's");
    }

    private Status? Report(AdmissionRequest request, FabricInstance instance, FabricInstance old)
    {
        var (next, before) = (instance.Status ?? new FabricInstanceStatus(), old.Status ?? new FabricInstanceStatus());
        if (request.User.Worker is { } worker)
        {
            if (old.Spec.Worker != worker) return request.Forbidden($"it belongs to {(old.Spec.Worker is { } o ? $"worker {o}" : "no worker")}");
            next = next with { Instance = before.Instance, Since = before.Since };
            // What the cluster took out stays out, whatever the worker wrote at the same moment.
            if (before.Phase == InstancePhase.Draining && next.Phase == InstancePhase.Running) next = next with { Phase = InstancePhase.Draining };
            if (CheckAddress(instance.Metadata.Name, next, worker) is { Count: > 0 } faults) return request.Invalid(faults);
        }

        if (next.Phase != before.Phase && next.Since == before.Since) next = next with { Since = time.GetUtcNow() };
        request.SetStatus(next, ObjectsJson.Default.FabricInstanceStatus);
        return null;
    }

    private List<Fault> CheckAddress(string name, FabricInstanceStatus status, string worker)
    {
        List<Fault> faults = [];
        var range = workers(worker)?.Status?.Subnetwork;
        foreach (var (family, address, inside) in new[] { ("ipv4", status.NamespaceAddress?.Ipv4, range?.Ipv4), ("ipv6", status.NamespaceAddress?.Ipv6, range?.Ipv6) })
        {
            if (address is null) continue;
            var field = $"status.namespaceAddress.{family}";
            if (inside is null || !Addresses.TryParse(address, out var parsed) || !IPNetwork.Parse(inside).Contains(parsed))
                faults.Add(new Fault(field, address, $"must lie in the worker's subnetwork, {inside ?? "of which it has none"}"));
            else if (parsed.GetAddressBytes()[^1] % 64 is 0 or 1 or 63 && family == "ipv4" || parsed.GetAddressBytes()[^1] is 0 or 1 && family == "ipv6")
                faults.Add(new Fault(field, address, $"is the network's, the bridge's or the broadcast address of {inside}: no instance can have it"));
            else if (Holder(name, worker, parsed) is { } holder)
                faults.Add(new Fault(field, address, $"is the address of instance {holder}"));
        }

        return faults;
    }

    private string? Holder(string name, string worker, IPAddress address) => ofWorker(worker)
        .Where(i => i.Metadata.Name != name && i.Status is { Phase: InstancePhase.Running or InstancePhase.Draining, NamespaceAddress: not null })
        .FirstOrDefault(i => new[] { i.Status!.NamespaceAddress!.Ipv4, i.Status.NamespaceAddress.Ipv6 }.Any(a => a is not null && Addresses.TryParse(a, out var held) && held.Equals(address)))?.Metadata.Name;
}
