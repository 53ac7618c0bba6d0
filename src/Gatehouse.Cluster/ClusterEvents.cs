using Gatehouse.Api.Client;
using Gatehouse.Cluster.Upstream;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster;

/// <summary>What has to be looked at when an object changed, here or at root: tables first, then the loops. Short: runs inside the feeds.</summary>
internal sealed class ClusterEvents(ClusterOptions options, ClusterState state, ClusterLoops loops)
{
    public void OnWorker(ObjectEvent<Worker> change)
    {
        var name = change.Object!.Metadata.Name;
        state.WorkerAddresses.Observe(name, change.Type == ObjectEventType.Deleted ? null : change.Object.Spec);
        loops.Workers.Mark(name);
        loops.Peers.Mark(name);
        foreach (var instance in state.InstanceIndex.OfWorker(name)) loops.Instances.Mark(instance.Metadata.Name);
        if (change.Object.Status?.Phase == PresencePhase.Ready) loops.Instances.Mark(state.InstanceIndex.Unplaced());
    }

    public void OnLease(ObjectEvent<Lease> change)
    {
        if (change.Object!.Metadata.Namespace != Worker.LeaseNamespace) return;
        loops.ObserveLease(change);
        loops.Workers.Mark(change.Object.Metadata.Name);
    }

    public void OnService(ObjectEvent<FabricService> change)
    {
        var service = change.Object!;
        var name = service.Metadata.Name;
        state.Interests.Touch(change.Type == ObjectEventType.Deleted ? state.Table.RemoveService(name) : state.Table.PutService(service));
        loops.Services.Mark(name);
    }

    public void OnInstance(ObjectEvent<FabricInstance> change)
    {
        var instance = change.Object!;
        var isGone = change.Type == ObjectEventType.Deleted;
        var before = isGone ? state.InstanceIndex.Remove(instance.Metadata.Name) : state.InstanceIndex.Put(instance);
        state.Interests.Touch(isGone ? state.Table.RemoveInstance(instance) : state.Table.PutInstance(instance));
        loops.Instances.Mark(instance.Metadata.Name);
        if (before is null || isGone) loops.Services.Mark(instance.Spec.Service);
        foreach (var worker in new[] { before?.Spec.Worker, instance.Spec.Worker }.OfType<string>().Distinct()) loops.Peers.Mark(worker);
        if (isGone) loops.Instances.Mark(state.InstanceIndex.Unplaced());
    }

    public void OnPeer(ObjectEvent<Peer> change)
    {
        var spec = change.Object!.Spec;
        if (spec.Cluster == options.Name) loops.PeersUp.Mark(spec.Worker);
        else loops.ForeignPeers.Mark(change.Object.Metadata.Name);
        if (spec.Cluster == options.Name) loops.Peers.Mark(spec.Worker);
    }

    public void OnGatewayHost(ObjectEvent<GatewayHost> change)
    {
        loops.GatewayHosts.Mark(change.Object!.Metadata.Name);

        // Whoever serves now, and whoever is said to serve: every worker hears of both by their peers.
        if (change.Object.Status?.Worker is { } worker) loops.Peers.Mark(worker);
        loops.Peers.Mark(state.Feeds.Peers.All.Where(p => p.Spec.Cluster == options.Name && p.Spec.PublicAddresses.Count > 0).Select(p => p.Spec.Worker));
    }

    public void OnExposure(ObjectEvent<Exposure> change) => loops.Exposures.Mark(change.Object!.Metadata.Name);

    /// <summary>What root's changes lead to.</summary>
    public RootHandlers ForRoot() => new()
    {
        OnSubnetwork = change => loops.Workers.Mark(change.Object!.Spec.Worker),
        OnService = change => loops.Services.Mark(change.Object!.Metadata.Name),
        OnInstance = change =>
        {
            loops.Instances.Mark(change.Object!.Metadata.Name);
            loops.Services.Mark(change.Object.Spec.Service);
        },
        OnInterest = OnInterestAtRoot,
        OnPeer = change => loops.PeersUp.Mark(change.Object!.Spec.Worker),
        OnForeignPeer = change => loops.ForeignPeers.Mark(change.Object!.Metadata.Name),
        OnGatewayHost = change => loops.GatewayHosts.Mark(change.Object!.Metadata.Name),
        OnExposure = change => loops.Exposures.Mark(change.Object!.Metadata.Name),
        OnConfirmed = loops.MarkAll,
    };

    private void OnInterestAtRoot(ObjectEvent<Interest> change)
    {
        var query = Interest.Canonical(change.Object!.Spec.Query);
        state.Interests.Touch(state.Foreign.Put(query, change.Type == ObjectEventType.Deleted ? null : change.Object.Status));
        loops.Queries.Mark(query);
    }
}
