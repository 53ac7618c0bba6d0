using Gatehouse.Addressing;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Instances;

/// <summary>A worker that might run an instance.</summary>
/// <param name="Instances">How many it has.</param>
/// <param name="OfService">How many of those are of the same service.</param>
internal readonly record struct Candidate(Worker Worker, int Instances, int OfService);

/// <summary>Chooses the worker of an instance. Pure.</summary>
internal static class SchedulePlan
{
    /// <summary>
    /// The worker that is there, has a subnetwork with room, runs programs, and has the fewest instances of the same service; of those the one with the fewest at all, then
    /// the smaller name. So replicas spread before they pile up.
    /// </summary>
    /// <returns>The worker, or why there is none.</returns>
    public static (string? Worker, string? Why) Choose(IReadOnlyList<Candidate> candidates)
    {
        var best = candidates.Where(c => WhyNot(c) is null)
            .OrderBy(c => c.OfService).ThenBy(c => c.Instances).ThenBy(c => c.Worker.Metadata.Name, StringComparer.Ordinal)
            .Select(c => c.Worker.Metadata.Name).FirstOrDefault();
        return best is not null ? (best, null) : (null, Explain(candidates));
    }

    private static string? WhyNot(Candidate candidate)
    {
        var worker = candidate.Worker;
        if (worker.Status?.Phase != PresencePhase.Ready) return "not there";
        if (!worker.Spec.RunsProcesses) return "runs no programs";
        if (worker.Status.Subnetwork is null) return "without subnetwork";
        return candidate.Instances >= Subnetworks.InstancesPerSubnetwork ? "full" : null;
    }

    private static string Explain(IReadOnlyList<Candidate> candidates)
    {
        if (candidates.Count == 0) return "waits for a worker: the cluster has none";
        var reasons = candidates.GroupBy(c => WhyNot(c)!).OrderByDescending(g => g.Count()).Select(g => $"{g.Count()} {g.Key}");
        return $"waits for a worker: of {candidates.Count}, {string.Join(", ", reasons)}";
    }
}
