using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Gateways;

/// <summary>What the plan needs to know about everything but the exposure itself.</summary>
/// <param name="Gateway">The gateway host that it names, if this cluster has it.</param>
/// <param name="TunnelPort">UDP port of the tunnel on the gateway's worker.</param>
/// <param name="Holder">Who has the port, if somebody else does.</param>
/// <param name="IsKnown">Whether the service address leads somewhere.</param>
/// <param name="Reserved">Ports that nobody gets.</param>
/// <param name="Now">The present.</param>
internal sealed record ExposureSurroundings(
    GatewayHost? Gateway,
    int TunnelPort,
    Exposure? Holder,
    bool IsKnown,
    IReadOnlyList<ReservedPort> Reserved,
    DateTimeOffset Now);

/// <summary>What should become of an exposure.</summary>
/// <param name="Status">The status it should have; the identifier is still missing where <see cref="NeedsId"/> says so.</param>
/// <param name="NeedsId">An identifier has to be given before the status is written.</param>
/// <param name="RecheckAt">When time alone changes the decision; null when it does not.</param>
/// <param name="Ask">The service address is not known: ask for it on behalf of the worker that will serve.</param>
internal sealed record ExposureDecision(ExposureStatus Status, bool NeedsId = false, DateTimeOffset? RecheckAt = null, bool Ask = false);

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

    private static ExposureDecision Withdraw(Exposure exposure, ExposureStatus old, ExposureSurroundings around)
    {
        if (old.Phase is ExposurePhase.Active && old.Worker is not null)
        {
            var began = old with { Phase = ExposurePhase.Draining, DrainingSince = around.Now, Flows = null, Message = "refuses new flows; running ones may end" };
            return Drain(exposure, began, around);
        }

        return old.Phase is ExposurePhase.Draining ? Drain(exposure, old, around) : Gone(old, "was never served");
    }

    private static ExposureDecision Drain(Exposure exposure, ExposureStatus status, ExposureSurroundings around)
    {
        if (status.Flows == 0) return Gone(status, "its last flow ended");
        if (around.Gateway?.Status?.Worker != status.Worker) return Gone(status, "the worker that served it serves no more");
        var deadline = (status.DrainingSince ?? around.Now) + TimeSpan.FromSeconds(exposure.Spec.DrainSeconds);
        return around.Now >= deadline
            ? Gone(status, $"the deadline of {exposure.Spec.DrainSeconds} s passed{(status.Flows is { } flows ? $" with {flows} flows open" : "")}")
            : new ExposureDecision(status, RecheckAt: deadline);
    }

    private static ExposureDecision Gone(ExposureStatus status, string why) =>
        new(status with { Phase = ExposurePhase.Withdrawn, Message = status.Phase == ExposurePhase.Withdrawn ? status.Message : $"withdrawn: {why}" });

    private static string? Refusal(Exposure exposure, ExposureStatus old, ExposureSurroundings around)
    {
        // Who serves keeps serving: a program that starts to listen later is hidden by the exposure, not the reverse.
        var gateway = old.Phase == ExposurePhase.Active ? null : around.Gateway;
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

        var served = old.Phase == ExposurePhase.Active && old.Worker == worker;
        var placed = old with { Worker = worker, PublicAddresses = addresses, DrainingSince = null, Flows = null };
        var ready = gateway.Status.Phase == GatewayHostPhase.Ready || served;
        placed = (ready, around.IsKnown || served) switch
        {
            (false, _) => placed with { Phase = ExposurePhase.Pending, Message = $"worker {worker} is not ready to forward: {gateway.Status.Message}" },
            (true, false) => placed with { Phase = ExposurePhase.Pending, Message = $"{exposure.Spec.ServiceAddress} is no known service or instance address so far" },
            _ => placed with { Phase = ExposurePhase.Active, Message = ActiveMessage(exposure.Spec, gateway, around) },
        };
        return new ExposureDecision(placed, NeedsId: old.Id is null, Ask: !around.IsKnown);
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
        old with { Phase = phase, Worker = null, PublicAddresses = [], DrainingSince = null, Flows = null, Message = message };
}
