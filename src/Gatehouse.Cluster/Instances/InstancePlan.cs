using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Instances;

/// <summary>What the plan knows of one instance's name.</summary>
/// <param name="Here">The cluster's own object; null when there is none.</param>
/// <param name="AtRoot">Root's; null when root has none, or was never heard.</param>
/// <param name="IsConfirmed">Whether root was heard in this process, so that a missing object is missing there.</param>
/// <param name="HasRoot">Whether there is a root at all.</param>
/// <param name="Worker">The instance's worker; null when it has none or that is gone.</param>
/// <param name="IsTold">Whether everybody who asked for the service knows its present resolution.</param>
/// <param name="CountsLoad">Whether root needs the load: a policy of the service weighs it.</param>
internal sealed record InstanceSituation(
    FabricInstance? Here, FabricInstance? AtRoot, bool IsConfirmed, bool HasRoot, Worker? Worker, bool IsTold, bool CountsLoad, DateTimeOffset Now);

/// <summary>The next thing to do for an instance; after each the plan is made anew.</summary>
internal abstract record InstanceAct
{
    /// <summary>Nothing, until then.</summary>
    public sealed record Rest(DateTimeOffset? Until) : InstanceAct;

    /// <summary>Make the cluster's copy of root's object.</summary>
    public sealed record CopyDown(FabricInstance AtRoot) : InstanceAct;

    /// <summary>Declare at root what was declared here.</summary>
    public sealed record Upload(FabricInstance Here) : InstanceAct;

    /// <summary>Change the cluster's object.</summary>
    public sealed record Change(FabricInstance Next) : InstanceAct;

    /// <summary>Change the cluster's status.</summary>
    public sealed record Report(FabricInstance Here, FabricInstanceStatus Status) : InstanceAct;

    /// <summary>Give it a worker.</summary>
    public sealed record Schedule(FabricInstance Here) : InstanceAct;

    /// <summary>Tell root where it runs.</summary>
    public sealed record TellWorker(FabricInstance AtRoot, string Worker) : InstanceAct;

    /// <summary>Tell root how it is.</summary>
    public sealed record TellStatus(FabricInstance AtRoot, FabricInstanceStatus Status) : InstanceAct;

    /// <summary>Free it at root, then drop the cluster's object.</summary>
    public sealed record Remove(FabricInstance? Here, bool AtRoot) : InstanceAct;
}

/// <summary>Decides on one instance. Pure.</summary>
internal static class InstancePlan
{
    /// <summary>Names root's object of which the cluster's is the copy; absent until root has one.</summary>
    public const string UpstreamUid = Origin.UpstreamUid;

    /// <summary>The next act.</summary>
    public static InstanceAct Decide(InstanceSituation now, ClusterOptions options)
    {
        if (now.Here is not { } here) return WithoutCopy(now);
        if (IsLeaving(here)) return Leave(here, now, options);
        return Join(here, now) ?? Present(here, now, options) ?? Up(here, now) ?? new InstanceAct.Rest(DeadAt(here, now, options));
    }

    /// <summary>Whether somebody asked for its end.</summary>
    public static bool IsLeaving(FabricInstance instance) => instance.Spec.Undeploy || instance.Metadata.DeletionTimestamp is not null;

    /// <summary>The uid of root's object that a copy belongs to; null when it was never there.</summary>
    public static string? UpstreamOf(FabricInstance instance) => instance.Metadata.Annotations?.GetValueOrDefault(UpstreamUid);

    private static InstanceAct WithoutCopy(InstanceSituation now)
    {
        if (now.AtRoot is not { } atRoot) return new InstanceAct.Rest(null);
        return IsLeaving(atRoot) ? new InstanceAct.Remove(null, AtRoot: true) : new InstanceAct.CopyDown(atRoot);
    }

    // What the two objects are to each other, before anything else: declared here and unknown there, deleted there, made anew there, changed there.
    private static InstanceAct? Join(FabricInstance here, InstanceSituation now)
    {
        if (!now.HasRoot) return null;
        var uid = UpstreamOf(here);
        if (now.AtRoot is not { } atRoot)
        {
            if (uid is null) return new InstanceAct.Upload(here);
            return now.IsConfirmed ? Undeploy(here) : null;
        }

        if (uid is null) return new InstanceAct.Change(Annotate(here, atRoot.Metadata.Uid!));
        if (uid != atRoot.Metadata.Uid || IsLeaving(atRoot)) return Undeploy(here);
        return Follow(here, atRoot) is { } next ? new InstanceAct.Change(next) : null;
    }

    private static InstanceAct.Change Undeploy(FabricInstance here) => new(here with { Spec = here.Spec with { Undeploy = true } });

    private static FabricInstance Annotate(FabricInstance here, string uid)
    {
        var annotations = new Dictionary<string, string>(here.Metadata.Annotations ?? new Dictionary<string, string>(), StringComparer.Ordinal) { [UpstreamUid] = uid };
        return here with { Metadata = here.Metadata with { Annotations = annotations } };
    }

    // The worker is the cluster's to choose, unless root names one before it did.
    private static FabricInstance? Follow(FabricInstance here, FabricInstance atRoot)
    {
        var spec = here.Spec with
        {
            Weight = atRoot.Spec.Weight,
            PortMappings = atRoot.Spec.PortMappings ?? here.Spec.PortMappings,
            Process = atRoot.Spec.Process is { } wanted && !Same(wanted, here.Spec.Process) ? wanted : here.Spec.Process,
            Worker = here.Spec.Worker ?? atRoot.Spec.Worker,
        };
        return spec == here.Spec ? null : here with { Spec = spec };
    }

    private static bool Same(InstanceProcess a, InstanceProcess? b) => b is not null && a.Command.SequenceEqual(b.Command);

    private static InstanceAct? Present(FabricInstance here, InstanceSituation now, ClusterOptions options)
    {
        var status = here.Status ?? new FabricInstanceStatus();
        if (now.AtRoot?.Status?.Instance is { } address && status.Instance != address) return new InstanceAct.Report(here, status with { Instance = address });
        if (here.Spec.Worker is null) return here.Spec.Process is null ? Wait(here, status) : new InstanceAct.Schedule(here);
        return DeadAt(here, now, options) <= now.Now
            ? new InstanceAct.Report(here, status with { Phase = InstancePhase.Dead, Message = $"worker {here.Spec.Worker} is {Whereabouts(now.Worker)}" })
            : null;
    }

    private static InstanceAct.Report? Wait(FabricInstance here, FabricInstanceStatus status)
    {
        const string message = "waits for a node engine to bring it";
        return status.Message == message ? null : new InstanceAct.Report(here, status with { Message = message });
    }

    private static string Whereabouts(Worker? worker) => worker?.Status?.Since is { } since ? $"away since {since.UtcDateTime:u}" : "gone";

    private static DateTimeOffset? DeadAt(FabricInstance here, InstanceSituation now, ClusterOptions options)
    {
        if (here.Spec.Worker is null || here.Status?.Phase is not (InstancePhase.Running or InstancePhase.Draining)) return null;
        if (now.Worker is not { } worker) return now.Now;
        return worker.Status is { Phase: PresencePhase.Away } status ? (status.Since ?? now.Now) + options.WorkerGrace : null;
    }

    private static InstanceAct? Up(FabricInstance here, InstanceSituation now)
    {
        if (now.AtRoot is not { } atRoot) return null;
        if (here.Spec.Worker is { } worker && atRoot.Spec.Worker != worker) return new InstanceAct.TellWorker(atRoot, worker);
        var (mine, known) = (here.Status ?? new FabricInstanceStatus(), atRoot.Status ?? new FabricInstanceStatus());
        var wanted = mine with { Instance = known.Instance, Load = now.CountsLoad ? mine.Load : known.Load };
        return wanted == known ? null : new InstanceAct.TellStatus(atRoot, wanted);
    }

    // Out of every resolution first, then no more flows, then gone; root's object goes before the cluster's, so that a crash in between can't bring it back.
    // Until it is gone the peers have its binding, by which every worker keeps the flows that it still has. That its last flow ended is its worker's word alone, and
    // that word is that it is dead: a load that was reported earlier says nothing of flows that began since.
    private static InstanceAct Leave(FabricInstance here, InstanceSituation now, ClusterOptions options)
    {
        var remove = new InstanceAct.Remove(here, now.HasRoot && (now.AtRoot is null || UpstreamOf(here) is not { } uid || uid == now.AtRoot.Metadata.Uid));
        var status = here.Status ?? new FabricInstanceStatus();
        if (here.Spec.Worker is null || DeadAt(here, now, options) <= now.Now) return remove;
        switch (status.Phase)
        {
            case InstancePhase.Running:
                if (!now.IsTold) return new InstanceAct.Rest(now.Now + TimeSpan.FromMilliseconds(10));
                return new InstanceAct.Report(here, status with { Phase = InstancePhase.Draining, Since = now.Now, Message = "left every resolution; running flows may end" });
            case InstancePhase.Draining:
                var end = (status.Since ?? now.Now) + options.DrainTime;
                return end <= now.Now ? remove : (remove.AtRoot ? Up(here, now) : null) ?? new InstanceAct.Rest(end);
            default:
                return remove;
        }
    }
}
