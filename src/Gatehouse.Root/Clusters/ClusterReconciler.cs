using Gatehouse.Api.Client;
using Gatehouse.Objects.Kinds;
using Gatehouse.Objects.Presence;

namespace Gatehouse.Root.Clusters;

/// <summary>Says which clusters are there, from their leases. A cluster that is away keeps everything that it has.</summary>
internal sealed class ClusterReconciler(RootFeeds feeds, IObjectClient local, TimeProvider time)
{
    /// <summary>Keeps a deleted cluster until everything that it had is given back.</summary>
    public const string ReleaseFinalizer = "gatehouse.dev/release";

    private readonly PresenceTable _presence = new();

    /// <summary>Takes in a lease of the clusters' namespace.</summary>
    public void Observe(ObjectEvent<Lease> change)
    {
        var lease = change.Object!;
        if (change.Type == ObjectEventType.Deleted) _presence.Remove(lease.Metadata.Name);
        else _presence.Observe(lease, time.GetUtcNow(), feeds.Clusters.Find(lease.Metadata.Name)?.Status?.Phase == PresencePhase.Away);
    }

    /// <summary>One cluster.</summary>
    public async Task<DateTimeOffset?> StepAsync(string name, CancellationToken cancellation)
    {
        if (feeds.Clusters.Find(name) is not { } cluster) return null;
        if (cluster.Metadata.DeletionTimestamp is not null)
        {
            await ReleaseAsync(cluster, cancellation);
            return null;
        }

        var now = time.GetUtcNow();
        var before = cluster.Status ?? new ClusterStatus();
        var phase = _presence.PhaseOf(name, before.Phase, now);
        if (cluster.Status is null || phase != before.Phase)
        {
            var next = cluster with { Status = before with { Phase = phase, Since = now } };
            feeds.Clusters.Observe(await local.UpdateStatusAsync(next, cancellation));
        }

        return phase == PresencePhase.Ready ? _presence.EndOf(name) : null;
    }

    // An operator says that it does not come back: its subnetworks go into quarantine, its instances out of every resolution.
    private async Task ReleaseAsync(Cluster cluster, CancellationToken cancellation)
    {
        var name = cluster.Metadata.Name;
        foreach (var held in feeds.Subnetworks.All.Where(s => s.Spec.Cluster == name && !s.Spec.Released))
            feeds.Subnetworks.Observe(await local.UpdateAsync(held with { Spec = held.Spec with { Released = true } }, cancellation));
        foreach (var instance in feeds.Instances.All.Where(i => i.Spec.Cluster == name && i.Status is { Phase: not InstancePhase.Dead }))
        {
            var dead = instance.Status! with { Phase = InstancePhase.Dead, Since = time.GetUtcNow(), Message = $"cluster {name} was deleted" };
            feeds.Instances.Observe(await local.UpdateStatusAsync(instance with { Status = dead }, cancellation));
        }

        foreach (var peer in feeds.Peers.All.Where(p => p.Spec.Cluster == name)) await local.DeleteAsync<Peer>(peer.Key, null, cancellation);
        foreach (var asked in (await local.ListAsync<Interest>(new Selection(Fields: $"spec.holder={name}"), cancellation)).Items)
            await local.DeleteAsync<Interest>(asked.Key, null, cancellation);
        var finalizers = cluster.Metadata.Finalizers?.Where(f => f != ReleaseFinalizer).ToList();
        await local.UpdateAsync(cluster with { Metadata = cluster.Metadata with { Finalizers = finalizers } }, cancellation);
    }
}
