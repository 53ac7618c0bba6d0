using Gatehouse.Objects.Kinds;

namespace Gatehouse.Node.Instances;

/// <summary>What to do about an instance next.</summary>
internal enum InstanceStep
{
    /// <summary>It is as it should be.</summary>
    None,

    /// <summary>Make a namespace, attach it, and start the program in it.</summary>
    Start,

    /// <summary>The node engine brought it and no object says so: make one.</summary>
    Declare,

    /// <summary>Take in its instance address, and report that it runs.</summary>
    Adopt,

    /// <summary>Report that it is about to end, so that it leaves every worker's maps; the clock of the drain starts.</summary>
    BeginDrain,

    /// <summary>Its flows may still end.</summary>
    Wait,

    /// <summary>Stop what runs, detach, report.</summary>
    End,

    /// <summary>Report that it is dead; nothing of it is here.</summary>
    ReportDead,
}

/// <summary>What is known of an instance here.</summary>
/// <param name="Object">As the cluster has it; null when it has none.</param>
/// <param name="IsSynced">Whether the cluster has answered since the start: a missing object counts only then.</param>
/// <param name="Attached">As it is here; null when it is not.</param>
/// <param name="IsAlive">Whether its process, or its namespace when there is none, is still there.</param>
/// <param name="DrainingSince">When the drain began; null when it did not.</param>
/// <param name="Flows">Flows that lead to it; null when not counted.</param>
internal sealed record InstanceView(FabricInstance? Object, bool IsSynced, AttachedInstance? Attached, bool IsAlive, DateTimeOffset? DrainingSince, int? Flows)
{
    /// <summary>Whether its program listens where it said it would; true when it said nothing.</summary>
    public bool IsReady { get; init; } = true;

    /// <summary>What others are to know as its namespace address: without the family that this worker can't carry.</summary>
    public AddressPair? Reachable { get; init; } = Attached?.Namespace;
}

/// <summary>A decision and why, for people.</summary>
internal readonly record struct InstanceDecision(InstanceStep Step, string Why = "");

/// <summary>Decides on one instance. Pure.</summary>
internal static class InstancePlan
{
    public static InstanceDecision Decide(InstanceView view, NodeOptions options, DateTimeOffset now)
    {
        if (view.Attached is not { } attached) return WithoutAttachment(view, options);
        if (!view.IsAlive) return new(InstanceStep.End, attached.Pid == 0 ? "its network namespace is gone" : "its process ended");
        if (view.Object is null) return attached.Declared && view.IsSynced ? Drain(view, options, now, "it was deleted") : Undeclared(view);
        if (IsUndeployed(view.Object)) return Drain(view, options, now, "it was undeployed");
        if (IsReported(view.Object, attached, view.Reachable)) return new(InstanceStep.None);
        return view.IsReady ? new(InstanceStep.Adopt) : new(InstanceStep.Wait, "its program does not listen yet");
    }

    /// <summary>Whether somebody asked for its end.</summary>
    public static bool IsUndeployed(FabricInstance instance) => instance.Spec.Undeploy || instance.Metadata.DeletionTimestamp is not null;

    private static InstanceDecision WithoutAttachment(InstanceView view, NodeOptions options)
    {
        if (view.Object is not { } wanted || wanted.Status?.Phase == InstancePhase.Dead) return new(InstanceStep.None);
        if (IsUndeployed(wanted)) return new(InstanceStep.ReportDead, "it was undeployed");
        if (wanted.Status is { Phase: InstancePhase.Running or InstancePhase.Draining }) return new(InstanceStep.ReportDead, "its worker has nothing of it any more");
        return wanted.Spec.Process is not null && options.RunsProcesses ? new(InstanceStep.Start) : new(InstanceStep.None);
    }

    private static InstanceDecision Undeclared(InstanceView view) => view is { IsSynced: true, Attached.Declared: false } ? new(InstanceStep.Declare) : new(InstanceStep.None);

    private static bool IsReported(FabricInstance instance, AttachedInstance attached, AddressPair? reachable) =>
        attached.Declared && instance.Status is { Phase: InstancePhase.Running, NamespaceAddress: { } space } && space == reachable
        && (instance.Status.Instance is null || instance.Status.Instance == attached.Address);

    /// <summary>Not before every worker's maps are without it, not after the deadline, and as soon as its last flow ended.</summary>
    private static InstanceDecision Drain(InstanceView view, NodeOptions options, DateTimeOffset now, string why)
    {
        if (view.DrainingSince is not { } since) return new(InstanceStep.BeginDrain, why);
        var passed = now - since;
        if (passed < options.Limits.DrainAtLeast) return new(InstanceStep.Wait);
        if (view.Flows == 0) return new(InstanceStep.End, $"{why}; its last flow ended");
        return passed < options.Limits.Drain ? new(InstanceStep.Wait) : new(InstanceStep.End, $"{why}; the deadline of {options.Limits.Drain.TotalSeconds:0} s passed");
    }
}
