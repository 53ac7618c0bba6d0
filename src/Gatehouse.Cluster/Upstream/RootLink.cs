using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Upstream;

/// <summary>What is to be looked at when root said something.</summary>
internal sealed record RootHandlers
{
    public required Action<ObjectEvent<Subnetwork>> OnSubnetwork { get; init; }

    public required Action<ObjectEvent<FabricService>> OnService { get; init; }

    public required Action<ObjectEvent<FabricInstance>> OnInstance { get; init; }

    public required Action<ObjectEvent<Interest>> OnInterest { get; init; }

    public required Action<ObjectEvent<Peer>> OnPeer { get; init; }

    public required Action<ObjectEvent<Peer>> OnForeignPeer { get; init; }

    public required Action<ObjectEvent<GatewayHost>> OnGatewayHost { get; init; }

    public required Action<ObjectEvent<Exposure>> OnExposure { get; init; }

    /// <summary>Root answered for the first time for one of the kinds: everything has to be looked at.</summary>
    public required Action OnConfirmed { get; init; }
}

/// <summary>Root as this cluster sees it: a client for writes, and a mirror of each kind that concerns the cluster.</summary>
internal sealed class RootLink : IAsyncDisposable
{
    /// <summary>Makes the mirrors; nothing is read or sent.</summary>
    public RootLink(string cluster, MirrorSource source, RootHandlers handlers)
    {
        Root = source.Root;
        var own = new Selection(Fields: $"spec.cluster={cluster}");
        Subnetworks = Make(own, handlers.OnSubnetwork);
        Services = Make(Selection.All, handlers.OnService);
        Instances = Make(own, handlers.OnInstance);
        Interests = Make(new Selection(Fields: $"spec.holder={cluster}"), handlers.OnInterest);
        Peers = Make(own, handlers.OnPeer);
        ForeignPeers = Make(new Selection(Labels: Peer.ReachSelector(cluster)), handlers.OnForeignPeer, "foreignpeers.json");
        GatewayHosts = Make(own, handlers.OnGatewayHost);
        Exposures = Make(own, handlers.OnExposure);

        Mirror<T> Make<T>(Selection selection, Action<ObjectEvent<T>> onChange, string? file = null)
            where T : ApiObject, IKind<T> => new(source, selection, file ?? $"{T.Info.Plural}.json", onChange, handlers.OnConfirmed);
    }

    public IObjectClient Root { get; }

    public Mirror<Subnetwork> Subnetworks { get; }

    public Mirror<FabricService> Services { get; }

    public Mirror<FabricInstance> Instances { get; }

    public Mirror<Interest> Interests { get; }

    /// <summary>This cluster's own, as root has them.</summary>
    public Mirror<Peer> Peers { get; }

    /// <summary>Those of other clusters that serve or call something here, as root picks them.</summary>
    public Mirror<Peer> ForeignPeers { get; }

    public Mirror<GatewayHost> GatewayHosts { get; }

    public Mirror<Exposure> Exposures { get; }

    /// <summary>The loops that follow root.</summary>
    public IEnumerable<Func<CancellationToken, Task>> Loops =>
        [Subnetworks.RunAsync, Services.RunAsync, Instances.RunAsync, Interests.RunAsync, Peers.RunAsync, ForeignPeers.RunAsync, GatewayHosts.RunAsync, Exposures.RunAsync];

    /// <summary>Takes what is on disk.</summary>
    public void Load()
    {
        Subnetworks.Load();
        Services.Load();
        Instances.Load();
        Interests.Load();
        Peers.Load();
        ForeignPeers.Load();
        GatewayHosts.Load();
        Exposures.Load();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable mirror in (IAsyncDisposable[])[Subnetworks, Services, Instances, Interests, Peers, ForeignPeers, GatewayHosts, Exposures]) await mirror.DisposeAsync();
    }
}
