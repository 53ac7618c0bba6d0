using Gatehouse.Api.Client;
using Gatehouse.Api.Reconciling;
using Gatehouse.Objects.Kinds;
using Gatehouse.Objects.Presence;

namespace Gatehouse.Root.Clusters;

/// <summary>Says which clusters are there, from their leases. A cluster that is away keeps everything that it has.</summary>
internal sealed class ClusterReconciler(TimeProvider time)
{
    private readonly PresenceTable _presence = new();

    /// <summary>Takes in a lease of the clusters' namespace.</summary>
    public void Observe(ObjectEvent<Lease> change, ObjectFeed<Cluster> clusters)
    {
        var lease = change.Object!;
        if (change.Type == ObjectEventType.Deleted) _presence.Remove(lease.Metadata.Name);
        else _presence.Observe(lease, time.GetUtcNow(), clusters.Find(lease.Metadata.Name)?.Status?.Phase == PresencePhase.Away);
    }

    /// <summary>One cluster.</summary>
    public async Task<DateTimeOffset?> StepAsync(ObjectFeed<Cluster> clusters, IObjectClient local, string name, CancellationToken cancellation)
    {
        if (clusters.Find(name) is not { } cluster) return null;
        var now = time.GetUtcNow();
        var before = cluster.Status ?? new ClusterStatus();
        var phase = _presence.PhaseOf(name, before.Phase, now);
        if (cluster.Status is null || phase != before.Phase)
        {
            var next = cluster with { Status = before with { Phase = phase, Since = now } };
            clusters.Observe(await local.UpdateStatusAsync(next, cancellation));
        }

        return phase == PresencePhase.Ready ? _presence.EndOf(name) : null;
    }
}
