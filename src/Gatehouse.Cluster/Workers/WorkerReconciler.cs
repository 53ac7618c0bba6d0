using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Objects.Presence;

namespace Gatehouse.Cluster.Workers;

/// <summary>Says which workers are there, and leases each a subnetwork at root; what root can't answer now is asked again.</summary>
internal sealed class WorkerReconciler(ClusterOptions options, ClusterState state, TimeProvider time)
{
    private readonly PresenceTable _presence = new();

    /// <summary>Takes in a lease of the workers' namespace.</summary>
    public void Observe(ObjectEvent<Lease> change)
    {
        var lease = change.Object!;
        var name = lease.Metadata.Name;
        if (change.Type == ObjectEventType.Deleted) _presence.Remove(name);
        else _presence.Observe(lease, time.GetUtcNow(), state.Feeds.Workers.Find(name)?.Status?.Phase == PresencePhase.Away);
    }

    /// <summary>One worker.</summary>
    public async Task<DateTimeOffset?> StepAsync(string name, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var worker = state.Feeds.Workers.Find(name);
        var phase = _presence.PhaseOf(name, worker?.Status?.Phase ?? PresencePhase.Pending, now);
        var atRoot = state.Upstream?.Subnetworks.Find(Subnetwork.NameFor(options.Name, name));
        var situation = new WorkerSituation(
            worker, phase, _presence.EndOf(name), atRoot, state.Upstream?.Subnetworks.IsConfirmed ?? false, state.Upstream is not null, now);
        var decision = WorkerPlan.Decide(situation, options);
        if (decision.AtRoot == SubnetworkRequest.Claim) return await ClaimAsync(worker!, decision, cancellation);
        await WriteAsync(worker, decision.Status, cancellation);
        if (decision.AtRoot == SubnetworkRequest.Release) await ReleaseAsync(atRoot!, cancellation);
        return decision.RecheckAt;
    }

    private async Task<DateTimeOffset?> ClaimAsync(Worker worker, WorkerDecision decision, CancellationToken cancellation)
    {
        try
        {
            var range = await LeaseAsync(worker.Metadata.Name, cancellation);
            // Its first lease came while root was asked, as a rule: then one write says both.
            var now = time.GetUtcNow();
            var (status, name) = (decision.Status!, worker.Metadata.Name);
            var phase = _presence.PhaseOf(name, status.Phase, now);
            if (phase != status.Phase) status = status with { Phase = phase, Since = now };
            await WriteAsync(worker, status with { Subnetwork = range, Message = null }, cancellation);
            return phase == decision.Status!.Phase ? decision.RecheckAt : now;
        }
        catch (ApiUnreachableException)
        {
            // A worker that has a subnetwork keeps it, and needs no message.
            await WriteAsync(worker, decision.Status!.Subnetwork is null ? decision.Status with { Message = "waits for root, which is away, to lease a subnetwork" } : decision.Status, cancellation);
            throw;
        }
        catch (ApiStatusException e) when (!e.Is(StatusReason.Conflict))
        {
            await WriteAsync(worker, decision.Status! with { Message = $"root leases no subnetwork: {e.Message}" }, cancellation);
            throw;
        }
    }

    private async Task<SubnetworkRange?> LeaseAsync(string worker, CancellationToken cancellation)
    {
        var root = state.Upstream!.Root;
        var name = Subnetwork.NameFor(options.Name, worker);
        var known = state.Upstream.Subnetworks.Find(name);
        if (known is null)
        {
            try
            {
                var wanted = new Subnetwork { Metadata = new ObjectMeta { Name = name }, Spec = new SubnetworkSpec { Cluster = options.Name, Worker = worker } };
                return state.Upstream.Subnetworks.Note(await root.CreateAsync(wanted, cancellation)).Status?.Range;
            }
            catch (ApiStatusException e) when (e.Is(StatusReason.AlreadyExists))
            {
                // Made before a crash or an answer that was lost; the mirror has not heard of it yet.
            }
        }

        var held = await root.GetAsync<Subnetwork>(name, cancellation);
        if (held is { Spec.Released: true }) held = await root.UpdateAsync(held with { Spec = held.Spec with { Released = false } }, cancellation);
        return held is null ? null : state.Upstream.Subnetworks.Note(held).Status?.Range;
    }

    private async Task ReleaseAsync(Subnetwork held, CancellationToken cancellation) => state.Upstream!.Subnetworks.Note(
        await state.Upstream.Root.UpdateAsync(held with { Spec = held.Spec with { Released = true } }, cancellation));

    private async Task WriteAsync(Worker? worker, WorkerStatus? status, CancellationToken cancellation)
    {
        if (worker is null || status is null || status == worker.Status) return;
        // No resourceVersion: the worker may change its spec at the same time, and nobody else writes status.
        var next = worker with { Metadata = worker.Metadata with { ResourceVersion = null }, Status = status };
        try
        {
            state.Feeds.Workers.Observe(await state.Local.UpdateStatusAsync(next, cancellation));
        }
        catch (ApiStatusException e) when (e.Is(StatusReason.NotFound))
        {
            // It was deleted a moment ago; its event follows.
        }
    }
}
