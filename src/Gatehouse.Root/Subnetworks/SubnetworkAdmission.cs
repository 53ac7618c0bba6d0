using Gatehouse.Addressing;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Root.Subnetworks;

/// <summary>
/// Leases a subnetwork in the write that creates or takes back the object, and starts its quarantine in the write that releases it. An object outlives its lease: it
/// is the tombstone that keeps the index's place in the queue, until somebody else gets the index.
/// </summary>
internal sealed class SubnetworkAdmission(SubnetworkTable table, TimeProvider time) : IAdmission
{
    private readonly InFlight<Decision> _inFlight = new(time);

    /// <inheritdoc/>
    public IReadOnlyCollection<KindInfo> Kinds { get; } = [Subnetwork.Info];

    /// <inheritdoc/>
    public async ValueTask<Status?> AdmitAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Read<Subnetwork>() is not { } value) return null;
        return request.Verb switch
        {
            AdmissionVerb.Create => await CreateAsync(request, value, cancellation),
            AdmissionVerb.Update => await UpdateAsync(request, value, request.ReadOld<Subnetwork>()!, cancellation),
            AdmissionVerb.UpdateStatus => CheckStatus(request, value),
            _ => CheckDelete(request, value),
        };
    }

    /// <inheritdoc/>
    public void Abandon(AdmissionRequest request)
    {
        var name = request.Key.Name;
        if (_inFlight.Find(name) is not { } decision || decision.Request != request) return;
        if (decision.Allocated is { } allocated) table.Undo(allocated);
        else if (decision.Released is { } before) table.Reset(before);
        _inFlight.End(name, decision);
    }

    /// <summary>The object is stored so: what was decided for it is done.</summary>
    /// <returns>Whose tombstone has to go since its index was leased anew; null for none.</returns>
    public string? Confirm(Subnetwork value)
    {
        var name = value.Metadata.Name;
        if (_inFlight.Find(name) is not { } decision || decision.Status != value.Status) return null;
        _inFlight.End(name, decision);
        return decision.Allocated?.Before is { } before && before.Owner != name ? before.Owner : null;
    }

    private async ValueTask<Status?> CreateAsync(AdmissionRequest request, Subnetwork value, CancellationToken cancellation)
    {
        var faults = CheckOwner(value).ToList();
        if (value.Spec.Released) faults.Add(new Fault("spec.released", "true", "must be false on create"));
        return faults.Count > 0 ? request.Invalid(faults) : await LeaseAsync(request, cancellation);
    }

    private async ValueTask<Status?> UpdateAsync(AdmissionRequest request, Subnetwork value, Subnetwork old, CancellationToken cancellation)
    {
        List<Fault> faults = [];
        if (value.Spec.Cluster != old.Spec.Cluster) faults.Add(new Fault("spec.cluster", value.Spec.Cluster, $"can't change: it is {old.Spec.Cluster}"));
        if (value.Spec.Worker != old.Spec.Worker) faults.Add(new Fault("spec.worker", value.Spec.Worker, $"can't change: it is {old.Spec.Worker}"));
        if (faults.Count > 0) return request.Invalid(faults);
        var leased = old.Status?.Phase == AddressPhase.Leased && old.Status.Range is not null;
        if (value.Spec.Released == !leased) return null;
        return value.Spec.Released ? await ReleaseAsync(request, cancellation) : await LeaseAsync(request, cancellation);
    }

    private async ValueTask<Status?> LeaseAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        var decision = new Decision(request);
        if (!await _inFlight.BeginAsync(request.Key.Name, decision, cancellation)) return request.Conflict("another request for it is under way");
        switch (table.Allocate(request.Key.Name))
        {
            case AllocateOutcome.Allocated allocated:
                decision.Allocated = allocated;
                return Decide(request, decision, table.Find((int)allocated.Number)!);
            case var outcome:
                _inFlight.End(request.Key.Name, decision);
                return request.Unavailable(outcome.ToString()!);
        }
    }

    private async ValueTask<Status?> ReleaseAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        var decision = new Decision(request);
        if (!await _inFlight.BeginAsync(request.Key.Name, decision, cancellation)) return request.Conflict("another request for it is under way");
        if (table.Release(request.Key.Name) is { } released)
        {
            decision.Released = released.Before;
            return Decide(request, decision, released.After);
        }

        _inFlight.End(request.Key.Name, decision);
        return null;
    }

    private static Status? Decide(AdmissionRequest request, Decision decision, PoolEntry entry)
    {
        decision.Status = SubnetworkTable.StatusOf(entry);
        request.SetStatus(decision.Status, ObjectsJson.Default.SubnetworkStatus);
        return null;
    }

    // The status follows the table, whoever writes it: otherwise a mistyped status would hand a subnetwork out twice after the next start.
    private Status? CheckStatus(AdmissionRequest request, Subnetwork value)
    {
        var range = value.Status?.Range;
        var entry = range is null ? null : table.Find(range.Index);
        return entry?.Owner == request.Key.Name && SubnetworkTable.StatusOf(entry) == value.Status
            ? null
            : request.Forbidden("the status of a subnetwork is written by root alone");
    }

    private Status? CheckDelete(AdmissionRequest request, Subnetwork value)
    {
        if (value.Status?.Range is not { } range || table.Find(range.Index)?.Owner != request.Key.Name) return null;
        return request.Conflict(value.Spec.Released
            ? "it was released; it goes when its range is leased again"
            : "its range is leased: set spec.released to true, then it goes when the range is leased again");
    }

    private static IEnumerable<Fault> CheckOwner(Subnetwork value)
    {
        var (name, cluster, worker) = (value.Metadata.Name, value.Spec.Cluster, value.Spec.Worker);
        if (!Names.IsLabel(cluster)) yield return new Fault("spec.cluster", cluster, Names.LabelRule);
        if (!Names.IsLabel(worker)) yield return new Fault("spec.worker", worker, Names.LabelRule);
        if (name != Subnetwork.NameFor(cluster, worker)) yield return new Fault("metadata.name", name, $"must be {Subnetwork.NameFor(cluster, worker)}");
    }

    private sealed class Decision(AdmissionRequest request) : WriteDecision(request)
    {
        public AllocateOutcome.Allocated? Allocated { get; set; }

        public PoolEntry? Released { get; set; }

        public SubnetworkStatus? Status { get; set; }
    }
}
