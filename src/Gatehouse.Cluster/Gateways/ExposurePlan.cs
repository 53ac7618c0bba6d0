using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Gateways;

/// <summary>What the plan needs to know about everything but the exposure itself.</summary>
/// <param name="Gateway">The gateway host that it names, if this cluster has it.</param>
/// <param name="TunnelPort">UDP port of the tunnel on the gateway's worker.</param>
/// <param name="Holder">Who has the port, if somebody else does.</param>
/// <param name="IsKnown">Whether the service address leads somewhere.</param>
/// <param name="Reserved">Ports that nobody gets.</param>
/// <param name="Patience">How long a worker that is heard of may take to say that nothing of an exposure is left.</param>
/// <param name="Now">The present.</param>
internal sealed record ExposureSurroundings(
    GatewayHost? Gateway,
    int TunnelPort,
    Exposure? Holder,
    bool IsKnown,
    IReadOnlyList<ReservedPort> Reserved,
    TimeSpan Patience,
    DateTimeOffset Now);

/// <summary>What should become of an exposure.</summary>
/// <param name="Status">The status it should have; the identifier is still missing where <see cref="NeedsId"/> says so.</param>
/// <param name="NeedsId">An identifier has to be given before the status is written.</param>
/// <param name="RecheckAt">When time alone changes the decision; null when it does not.</param>
/// <param name="Ask">The service address is not known: ask for it on behalf of the worker that will serve.</param>
/// <param name="Remove">The object can go once the status is written.</param>
internal sealed record ExposureDecision(ExposureStatus Status, bool NeedsId = false, DateTimeOffset? RecheckAt = null, bool Ask = false, bool Remove = false);

/// <summary>Decides on one exposure. Pure.</summary>
internal static class ExposurePlan
{
    /// <summary>The status that an exposure should have now.</summary>
    public static ExposureDecision Decide(Exposure exposure, ExposureSurroundings around)
    {
        var old = exposure.Status ?? new ExposureStatus();
        if (IsWithdrawn(exposure)) return Withdraw(exposure, old, around);
        if (Refusal(exposure, old, around) is { } why) return new ExposureDecision(Idle(old, ExposurePhase.Refused, why));
        return Place(exposure, old, around);
    }

    /// <summary>Whether somebody asked for its end.</summary>
    public static bool IsWithdrawn(Exposure exposure) =>
        exposure.Spec.Withdraw || exposure.Metadata.DeletionTimestamp is not null || exposure.Status?.Phase is ExposurePhase.Draining or ExposurePhase.Withdrawn;

    /// <summary>Why an exposure can't have its port, whoever else wants it; null when it can.</summary>
    public static string? PortRefusal(ExposureSpec spec, GatewayHost? gateway, int tunnelPort, IReadOnlyList<ReservedPort> reserved)
    {
        var name = ExposureRules.PortName(spec.Protocol, spec.Port);
        if (spec.Protocol == Protocol.Udp && spec.Port == tunnelPort) return $"{name} is reserved for the tunnel between workers";
        return reserved.FirstOrDefault(r => r.Protocol == spec.Protocol && r.Port == spec.Port) is { } use
            ? $"{name} is reserved for {use.Use}"
            : ListenerRefusal(spec, gateway);
    }

    private static string? ListenerRefusal(ExposureSpec spec, GatewayHost? gateway) =>
        gateway?.Status?.Listeners.FirstOrDefault(l => Hides(spec, gateway, l)) is { } listener
            ? $"{ExposureRules.PortName(spec.Protocol, spec.Port)} is in use by a program on the gateway's worker {gateway.Status.Worker}, which listens on {listener.Address ?? "every address"}"
            : null;

    /// <summary>Whether a worker's tables may hold it: it was told to serve, and nothing else was said since.</summary>
    private static bool MayBeServed(ExposureStatus status) => status.Phase is ExposurePhase.Scheduled or ExposurePhase.Active && status.Worker is not null;

    private static ExposureDecision Withdraw(Exposure exposure, ExposureStatus old, ExposureSurroundings around)
    {
        if (MayBeServed(old))
        {
            var began = old with { Phase = ExposurePhase.Draining, DrainingSince = around.Now, Programmed = null, Flows = null, Message = "refuses new flows; running ones may end" };
            return Drain(exposure, began, around);
        }

        return old.Phase switch
        {
            ExposurePhase.Draining => Drain(exposure, old, around),
            ExposurePhase.Withdrawn => Gone(exposure, old, old.Message, around),
            _ => Gone(exposure, old with { Worker = null }, "withdrawn: was never served", around),
        };
    }

    private static ExposureDecision Drain(Exposure exposure, ExposureStatus status, ExposureSurroundings around)
    {
        if (status.Flows == 0) return Gone(exposure, status, "withdrawn: its last flow ended", around);
        if (around.Gateway?.Status?.Worker != status.Worker) return Gone(exposure, status, "withdrawn: the worker that served it serves no more", around);
        var deadline = Deadline(exposure, status, around);
        if (around.Now < deadline) return new ExposureDecision(status, RecheckAt: deadline);

        // What was counted before is not the worker's word about the end.
        var left = status.Flows is { } flows ? $" with {flows} flows open" : "";
        return Gone(exposure, status with { Flows = null }, $"withdrawn: the deadline of {exposure.Spec.DrainSeconds} s passed{left}", around);
    }

    /// <summary>The object may go when the worker said that its kernel holds nothing of it any more, or when no such word can be expected.</summary>
    private static ExposureDecision Gone(Exposure exposure, ExposureStatus status, string? why, ExposureSurroundings around)
    {
        var gone = status with { Phase = ExposurePhase.Withdrawn, Message = why };
        var isServing = gone.Worker is not null && around.Gateway?.Status is { } gateway && gateway.Worker == gone.Worker && gateway.Phase != GatewayHostPhase.NoWorker;
        var end = Deadline(exposure, gone, around) + around.Patience;
        return !isServing || gone.Flows == 0 || around.Now >= end ? new ExposureDecision(gone, Remove: true) : new ExposureDecision(gone, RecheckAt: end);
    }

    private static DateTimeOffset Deadline(Exposure exposure, ExposureStatus status, ExposureSurroundings around) =>
        (status.DrainingSince ?? around.Now) + TimeSpan.FromSeconds(exposure.Spec.DrainSeconds);

    private static string? Refusal(Exposure exposure, ExposureStatus old, ExposureSurroundings around)
    {
        // Who serves keeps serving: a program that starts to listen later is hidden by the exposure, not the reverse.
        var gateway = MayBeServed(old) ? null : around.Gateway;
        if (PortRefusal(exposure.Spec, gateway, around.TunnelPort, around.Reserved) is { } why) return why;
        return around.Holder is { } holder ? $"{ExposureRules.PortName(exposure.Spec.Protocol, exposure.Spec.Port)} {HeldBy(holder)}" : null;
    }

    /// <summary>Who has a port, for a refusal.</summary>
    public static string HeldBy(Exposure holder) =>
        $"of gateway {holder.Spec.Gateway} is held by exposure {holder.Metadata.Name}, which leads to {Target(holder.Spec)}";

    /// <summary>A service's address and port, as people write them.</summary>
    public static string TargetOf(string address, int port) => address.Contains(':', StringComparison.Ordinal) ? $"[{address}]:{port}" : $"{address}:{port}";

    private static string Target(ExposureSpec spec) => TargetOf(spec.ServiceAddress, spec.ServicePort);

    private static ExposureDecision Place(Exposure exposure, ExposureStatus old, ExposureSurroundings around)
    {
        if (around.Gateway is not { } gateway)
            return new ExposureDecision(Idle(old, ExposurePhase.Pending, $"there is no gateway {exposure.Spec.Gateway} in this cluster"));
        if (gateway.Status?.Worker is not { } worker)
            return new ExposureDecision(Idle(old, ExposurePhase.Pending, $"gateway {exposure.Spec.Gateway} has no worker: {gateway.Status?.Message ?? "it was not looked at yet"}"));

        var addresses = Addresses(exposure.Spec, gateway.Status);
        if (addresses.Count == 0) return new ExposureDecision(Idle(old, ExposurePhase.Pending, WhyNoAddress(exposure.Spec, worker)));

        var served = MayBeServed(old) && old.Worker == worker;
        // Another worker's word says nothing about this one.
        var said = old.Programmed?.Worker == worker ? old.Programmed : null;
        var placed = old with { Worker = worker, PublicAddresses = addresses, DrainingSince = null, Programmed = said, Flows = null };
        var ready = gateway.Status.Phase == GatewayHostPhase.Ready || served;
        placed = (ready, around.IsKnown || served, said?.Holds(exposure.Metadata, placed) == true) switch
        {
            (false, _, _) => placed with { Phase = ExposurePhase.Pending, Message = $"worker {worker} is not ready to forward: {gateway.Status.Message}" },
            (true, false, _) => placed with { Phase = ExposurePhase.Pending, Message = $"{exposure.Spec.ServiceAddress} is no known service or instance address so far" },
            (true, true, false) => placed with { Phase = ExposurePhase.Scheduled, Message = ScheduledMessage(exposure, placed, gateway) },
            _ => placed with { Phase = ExposurePhase.Active, Message = ActiveMessage(exposure.Spec, gateway, around) },
        };
        return new ExposureDecision(placed, NeedsId: old.Id is null, Ask: !around.IsKnown);
    }

    private static string ScheduledMessage(Exposure exposure, ExposureStatus placed, GatewayHost gateway)
    {
        if (gateway.Status!.Phase == GatewayHostPhase.NoWorker) return $"worker {placed.Worker} was not heard of lately and nobody can take over";
        return placed.Programmed is { Missing: { } missing } said && said.Speaks(exposure.Metadata, placed)
            ? $"worker {placed.Worker} does not serve it yet: {missing}"
            : $"worker {placed.Worker} was told; its kernel tables do not hold it yet";
    }

    private static string? ActiveMessage(ExposureSpec spec, GatewayHost gateway, ExposureSurroundings around)
    {
        if (gateway.Status!.Listeners.Any(l => Hides(spec, gateway, l))) return $"hides a program on worker {gateway.Status.Worker} that listens on the same port";
        if (gateway.Status.Phase == GatewayHostPhase.NoWorker) return $"worker {gateway.Status.Worker} was not heard of lately and nobody can take over";
        return around.IsKnown ? null : $"{spec.ServiceAddress} is no known service or instance address any more";
    }

    private static IReadOnlyList<string> Addresses(ExposureSpec spec, GatewayHostStatus gateway) =>
        [.. gateway.PublicAddresses.Where(a => ExposureRules.FamilyOf(a) == ExposureRules.Family(spec)
            && (spec.PublicAddress is null || ExposureRules.Normalise(spec.PublicAddress) == a))];

    private static string WhyNoAddress(ExposureSpec spec, string worker) => spec.PublicAddress is { } wanted
        ? $"worker {worker}, which serves gateway {spec.Gateway}, does not have {wanted}"
        : $"worker {worker}, which serves gateway {spec.Gateway}, has no public {ExposureRules.FamilyName(ExposureRules.Family(spec))} address";

    private static bool Hides(ExposureSpec spec, GatewayHost gateway, HostListener listener) =>
        listener.Protocol == spec.Protocol && listener.Port == spec.Port
        && (listener.Address is null || Addresses(spec, gateway.Status!).Contains(ExposureRules.Normalise(listener.Address)));

    // The identifier stays with the object: a refused exposure that gets its port back keeps its number; one that never had it has none.
    private static ExposureStatus Idle(ExposureStatus old, ExposurePhase phase, string message) =>
        old with { Phase = phase, Worker = null, PublicAddresses = [], DrainingSince = null, Programmed = null, Flows = null, Message = message };
}
