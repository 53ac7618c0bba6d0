using Gatehouse.Api.Client;
using Gatehouse.Api.Reconciling;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster;

/// <summary>The cluster's own objects in memory.</summary>
internal sealed class ClusterFeeds
{
    public ObjectFeed<Worker> Workers { get; private set; } = null!;

    public ObjectFeed<Lease> Leases { get; private set; } = null!;

    public ObjectFeed<FabricService> Services { get; private set; } = null!;

    public ObjectFeed<FabricInstance> Instances { get; private set; } = null!;

    public ObjectFeed<Peer> Peers { get; private set; } = null!;

    public ObjectFeed<GatewayHost> GatewayHosts { get; private set; } = null!;

    public ObjectFeed<Exposure> Exposures { get; private set; } = null!;

    /// <summary>The loops that follow the store.</summary>
    public IEnumerable<Func<CancellationToken, Task>> Loops =>
        [Workers.RunAsync, Leases.RunAsync, Services.RunAsync, Instances.RunAsync, Peers.RunAsync, GatewayHosts.RunAsync, Exposures.RunAsync];

    /// <summary>Makes the feeds; nothing is read.</summary>
    public void Attach(IObjectClient local, TimeProvider time, ClusterEvents events)
    {
        Workers = new ObjectFeed<Worker>(local, time, events.OnWorker);
        Leases = new ObjectFeed<Lease>(local, time, events.OnLease);
        Services = new ObjectFeed<FabricService>(local, time, events.OnService);
        Instances = new ObjectFeed<FabricInstance>(local, time, events.OnInstance);
        Peers = new ObjectFeed<Peer>(local, time, events.OnPeer);
        GatewayHosts = new ObjectFeed<GatewayHost>(local, time, events.OnGatewayHost);
        Exposures = new ObjectFeed<Exposure>(local, time, events.OnExposure);
    }

    /// <summary>Reads everything. Workers before their leases: who was away stays so until heard.</summary>
    public async Task LoadAsync(CancellationToken cancellation)
    {
        await Workers.LoadAsync(cancellation);
        await Leases.LoadAsync(cancellation);
        await Services.LoadAsync(cancellation);
        await Instances.LoadAsync(cancellation);
        await Peers.LoadAsync(cancellation);
        await GatewayHosts.LoadAsync(cancellation);
        await Exposures.LoadAsync(cancellation);
    }
}
