using System.Net;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Workers;

/// <summary>Keeps what a worker writes its own after the write too; the authorizer judges the object as it is stored.</summary>
internal sealed class WorkerAdmission(WorkerAddresses addresses, IReadOnlyList<IPAddress> own) : IAdmission
{
    /// <inheritdoc/>
    public IReadOnlyCollection<KindInfo> Kinds { get; } = [Worker.Info, Interest.Info];

    /// <inheritdoc/>
    public ValueTask<Status?> AdmitAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Kind == Worker.Info) return new(AdmitWorker(request));
        if (request.Verb == AdmissionVerb.Delete || request.User.Worker is not { } worker) return new((Status?)null);
        var holder = request.Object["spec"]?["holder"]?.ToString();
        return new(holder == worker ? null : request.Forbidden($"spec.holder must be {worker}, not {holder ?? "absent"}"));
    }

    /// <inheritdoc/>
    public void Abandon(AdmissionRequest request)
    {
        if (IsClaim(request)) addresses.GiveBack(request.Key.Name);
    }

    private Status? AdmitWorker(AdmissionRequest request)
    {
        if (!IsClaim(request) || request.Read<Worker>() is not { } worker) return null;
        List<Fault> faults = request.Verb == AdmissionVerb.Create && !Names.IsLabel(request.Key.Name) ? [new Fault("metadata.name", request.Key.Name, Names.LabelRule)] : [];
        faults.AddRange(OwnAddress(request, worker.Spec));
        if (faults.Count == 0) faults.AddRange(addresses.Take(request.Key.Name, worker.Spec));
        return faults.Count == 0 ? null : request.Invalid(faults);
    }

    // A worker on the cluster's host has the same address, and is the one who knows.
    private IEnumerable<Fault> OwnAddress(AdmissionRequest request, WorkerSpec spec)
    {
        if (request.User.Worker != request.Key.Name && IPAddress.TryParse(spec.Underlay, out var underlay) && own.Contains(underlay))
            yield return new Fault("spec.underlay", spec.Underlay, $"is where this cluster's API listens; only worker {request.Key.Name} itself can say that it is there too");
    }

    // A write that leaves the addresses as they are is let through whatever they are: those of an older version must not block a label.
    private static bool IsClaim(AdmissionRequest request) => request.Kind == Worker.Info && request.Verb switch
    {
        AdmissionVerb.Create => true,
        AdmissionVerb.Update => request.ReadOld<Worker>()?.Spec is not { } old || request.Read<Worker>()?.Spec is not { } spec
            || old.Underlay != spec.Underlay || !old.PublicAddresses.SequenceEqual(spec.PublicAddresses, StringComparer.Ordinal),
        _ => false,
    };
}
