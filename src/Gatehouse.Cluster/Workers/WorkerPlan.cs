using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Workers;

/// <summary>What the plan knows of one worker's name.</summary>
/// <param name="Worker">The worker; null when it was deleted.</param>
/// <param name="Phase">By its lease.</param>
/// <param name="LeaseEnd">When its lease ends or ended; null without lease.</param>
/// <param name="AtRoot">Its subnetwork as root last said; null when root has none, or was never heard.</param>
/// <param name="IsConfirmed">Whether root was heard in this process, so that a missing subnetwork is missing there.</param>
/// <param name="HasRoot">Whether there is a root at all.</param>
internal sealed record WorkerSituation(
    Worker? Worker, PresencePhase Phase, DateTimeOffset? LeaseEnd, Subnetwork? AtRoot, bool IsConfirmed, bool HasRoot, DateTimeOffset Now);

/// <summary>What is to be done, in this order.</summary>
/// <param name="Status">The status that the worker should have now; null when there is no worker.</param>
/// <param name="AtRoot">What to ask of root after the status is written.</param>
/// <param name="RecheckAt">When time alone changes the plan.</param>
internal sealed record WorkerDecision(WorkerStatus? Status, SubnetworkRequest AtRoot, DateTimeOffset? RecheckAt);

/// <summary>A request to root about a subnetwork.</summary>
internal enum SubnetworkRequest
{
    None,

    /// <summary>Lease one, or take back the one that was released.</summary>
    Claim,

    /// <summary>Give it back.</summary>
    Release,
}

/// <summary>Decides on one worker. Pure.</summary>
internal static class WorkerPlan
{
    /// <summary>The status and the request that go with a situation.</summary>
    public static WorkerDecision Decide(WorkerSituation now, ClusterOptions options)
    {
        var holdsAtRoot = now.AtRoot is { Spec.Released: false };
        if (now.Worker is not { } worker) return new WorkerDecision(null, holdsAtRoot ? SubnetworkRequest.Release : SubnetworkRequest.None, null);

        var before = worker.Status ?? new WorkerStatus();
        var status = worker.Status is null || before.Phase != now.Phase ? before with { Phase = now.Phase, Since = now.Now } : before;
        var forgetAt = ForgetAt(worker, status, options);
        if (forgetAt <= now.Now) return Forget(status, holdsAtRoot, options);
        var recheck = now.Phase == PresencePhase.Ready ? now.LeaseEnd : forgetAt;
        if (now.Phase != PresencePhase.Away && NeedsClaim(status, now))
        {
            status = status with { Message = now.HasRoot ? status.Message : "this cluster has no root, which leases subnetworks" };
            return new WorkerDecision(status, now.HasRoot ? SubnetworkRequest.Claim : SubnetworkRequest.None, recheck);
        }

        if (holdsAtRoot && status.Subnetwork is null && now.AtRoot!.Status?.Range is { } range) status = status with { Subnetwork = range };
        return new WorkerDecision(status.Subnetwork is null ? status : status with { Message = null }, SubnetworkRequest.None, recheck);
    }

    // While root is away, what it leased stays leased. When root was heard, its word counts: released there, or not there at all.
    private static bool NeedsClaim(WorkerStatus status, WorkerSituation now)
    {
        if (now.AtRoot is { } held) return held.Spec.Released || held.Status?.Range is null || (status.Subnetwork is not null && status.Subnetwork != held.Status.Range);
        return status.Subnetwork is null || (now.IsConfirmed && now.HasRoot);
    }

    private static DateTimeOffset? ForgetAt(Worker worker, WorkerStatus status, ClusterOptions options) => status.Phase switch
    {
        PresencePhase.Ready => null,
        PresencePhase.Away => status.Since + options.ReleaseAfter,
        _ => (worker.Metadata.CreationTimestamp ?? status.Since) + options.ReleaseAfter,
    };

    // Here first: a worker that comes back in between must not be told a range that root has given to somebody else.
    private static WorkerDecision Forget(WorkerStatus status, bool holdsAtRoot, ClusterOptions options)
    {
        var message = $"was not heard of for {options.ReleaseAfter}: its subnetwork was given back";
        return new WorkerDecision(status with { Subnetwork = null, Message = message }, holdsAtRoot ? SubnetworkRequest.Release : SubnetworkRequest.None, null);
    }
}
