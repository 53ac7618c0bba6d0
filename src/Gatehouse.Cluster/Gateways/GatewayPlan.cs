using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Gateways;

/// <summary>Chooses the worker of a gateway host. Pure.</summary>
internal static class GatewayPlan
{
    /// <summary>What a gateway host's status should be.</summary>
    /// <param name="host">With the status as it is.</param>
    /// <param name="workers">The cluster's workers.</param>
    /// <param name="claims">What other gateway hosts have.</param>
    /// <param name="now">For the message about a takeover.</param>
    public static GatewayHostStatus Decide(GatewayHost host, WorkerTable workers, GatewayClaims claims, DateTimeOffset now)
    {
        var old = host.Status ?? new GatewayHostStatus();
        var status = old with { GatewayId = old.GatewayId ?? IdOf(host) };
        var candidates = Candidates(host, workers, claims);
        if (candidates.Find(c => c.Why is null && c.Worker!.Metadata.Name == old.Worker) is { Worker: { } serving }) return Keep(status, host, serving);
        if (candidates.Find(c => c.Why is null) is { Worker: { } chosen }) return TakeOver(status, host, chosen, WhyLost(old.Worker, workers, candidates), now);

        // The last worker stays named: it may only be unheard, and then traffic goes on. It is replaced as soon as another candidate turns up.
        return status with { Phase = GatewayHostPhase.NoWorker, Message = $"no worker is available: {string.Join("; ", candidates.Select(c => $"{c.Address}: {c.Why}"))}" };
    }

    private static GatewayHostStatus Keep(GatewayHostStatus status, GatewayHost host, Worker worker)
    {
        // After an absence the gateway role reports anew; what it serves was never taken from it.
        var phase = status.Phase is GatewayHostPhase.Pending or GatewayHostPhase.NoWorker ? GatewayHostPhase.Scheduled : status.Phase;
        return Place(status, host, worker) with { Phase = phase, Message = PhaseMessage(phase, worker.Metadata.Name) };
    }

    private static GatewayHostStatus TakeOver(GatewayHostStatus status, GatewayHost host, Worker worker, string whyLost, DateTimeOffset now)
    {
        var placed = Place(status, host, worker) with
        {
            Phase = GatewayHostPhase.Scheduled,
            Listeners = [],
            Message = PhaseMessage(GatewayHostPhase.Scheduled, worker.Metadata.Name),
        };
        return status.Worker is null || status.Worker == worker.Metadata.Name
            ? placed
            : placed with { Takeovers = status.Takeovers + 1, LastTakeover = $"{worker.Metadata.Name} took over from {status.Worker} at {now:u}: {whyLost}" };
    }

    /// <summary>The message that goes with a phase of a gateway that has a worker.</summary>
    public static string PhaseMessage(GatewayHostPhase phase, string worker) => phase switch
    {
        GatewayHostPhase.Scheduled => $"waits for the gateway role on worker {worker} to register",
        GatewayHostPhase.Registered => $"worker {worker} registered and sets itself up",
        GatewayHostPhase.Ready => $"worker {worker} forwards",
        _ => "",
    };

    private static GatewayHostStatus Place(GatewayHostStatus status, GatewayHost host, Worker worker) => status with
    {
        Worker = worker.Metadata.Name,
        PublicAddresses = [.. host.Spec.PublicAddresses.Select(ExposureRules.Normalise).Where(WorkerTable.AddressesOf(worker).Contains)],
        Internal = worker.Status!.Subnetwork!.Internal,
    };

    /// <summary>Each address with the worker behind it and, when that can't serve, why not; in the descriptor's order.</summary>
    private static List<Candidate> Candidates(GatewayHost host, WorkerTable workers, GatewayClaims claims) =>
        [.. host.Spec.PublicAddresses.Select(ExposureRules.Normalise).Select(a => Judge(host, a, workers.ByPublicAddress(a), claims))];

    private static Candidate Judge(GatewayHost host, string address, Worker? worker, GatewayClaims claims)
    {
        if (claims.HolderOfAddress(address, host) is { } other) return new Candidate(address, worker, $"the address belongs to gateway {other}");
        if (worker is null) return new Candidate(address, null, "no worker of this cluster has this address");
        return new Candidate(address, worker, WhyNot(worker) ?? WhyBusy(worker, host, claims));
    }

    private static string? WhyNot(Worker worker)
    {
        var name = worker.Metadata.Name;
        if (worker.Status?.Phase is not PresencePhase.Ready)
        {
            return worker.Status is { Phase: PresencePhase.Away } away
                ? $"worker {name} is away{(away.Since is { } since ? $" since {since:u}" : "")}"
                : $"worker {name} is known and was not seen yet";
        }

        if (!worker.Spec.Gateway) return $"worker {name} runs no gateway role";
        return worker.Status.Subnetwork is null ? $"worker {name} has no subnetwork yet" : null;
    }

    private static string? WhyBusy(Worker worker, GatewayHost host, GatewayClaims claims) =>
        claims.GatewayOnWorker(worker.Metadata.Name, host) is { } other ? $"worker {worker.Metadata.Name} serves gateway {other}" : null;

    private static string WhyLost(string? worker, WorkerTable workers, List<Candidate> candidates)
    {
        if (worker is null) return "";
        if (candidates.Find(c => c.Worker?.Metadata.Name == worker) is { Why: { } why }) return why;
        return workers.Find(worker) is null ? $"worker {worker} is gone" : $"worker {worker} has none of the gateway's addresses any more";
    }

    private static string IdOf(GatewayHost host) =>
        host.Spec.GatewayId ?? (host.Metadata.Uid is { Length: > 0 } uid ? uid.Replace("-", "", StringComparison.Ordinal) : host.Metadata.Name);

    private sealed record Candidate(string Address, Worker? Worker, string? Why);
}
