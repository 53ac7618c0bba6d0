using System.Net;
using Gatehouse.Api.Client;
using Gatehouse.Api.Reconciling;
using Gatehouse.Api.Server;
using Gatehouse.Objects.Kinds;
using Gatehouse.Root.Clusters;
using Gatehouse.Root.Gateways;
using Gatehouse.Root.Oakestra;
using Gatehouse.Root.Peers;
using Gatehouse.Root.Subnetworks;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Root;

/// <summary>
/// The root service manager: clusters, subnetworks, service and instance addresses, resolution across clusters. It lives in its API server's admissions
/// and in loops over its objects; everything it knows is rebuilt from the store.
/// </summary>
/// <remarks>Order: construct, make the API server with <see cref="Admissions"/>, <see cref="LoadAsync"/>, listen, <see cref="RunAsync"/>.</remarks>
public sealed class RootRole : IDisposable
{
    private readonly RootState _state;
    private readonly RootFeeds _feeds = new();
    private readonly LateClient _local = new();
    private readonly ReconcileLoop<string> _subnetworkLoop;
    private readonly ReconcileLoop<IPAddress> _addressLoop;
    private readonly ReconcileLoop<string> _clusterLoop;
    private readonly ReconcileLoop<string> _peerLoop;
    private readonly ClusterReconciler _clusters;
    private readonly RootGateways _gateways = new();
    private readonly OakestraRoot _oakestra;
    private readonly RootMetrics _metrics;

    /// <summary>Stores what it is given and starts nothing.</summary>
    public RootRole(RootOptions options, TimeProvider time, ILoggerFactory logs)
    {
        var logger = logs.CreateLogger("Gatehouse.Root");
        _state = new RootState(options, time, _feeds, _local, logger, MarkAddress);
        var subnetworks = new SubnetworkReconciler(_state.Subnetworks, options, time);
        _clusters = new ClusterReconciler(_feeds, _local, time);
        _subnetworkLoop = Loop<string>("root.subnetworks", 16, (name, ct) => subnetworks.StepAsync(_feeds.Subnetworks, _local, name, ct));
        _addressLoop = Loop<IPAddress>("root.addresses", 16, _state.Ledger.StepAsync);
        _clusterLoop = Loop<string>("root.clusters", 4, _clusters.StepAsync);
        _peerLoop = Loop<string>("root.peers", 16, new PeerReconciler(_feeds, _state.Reach, _local).StepAsync);
        _state.Interests.InterestChanged = OnInterest;
        var lookup = new OakestraLookup(_local, _feeds);
        _oakestra = new OakestraRoot(
            new OakestraJobs(_local, lookup),
            new OakestraMembers(_local, lookup, _state.Table),
            new OakestraNetInfo(_local, lookup, _state.Table, _state.Book),
            options.Oakestra,
            _gateways.Map);
        Admissions = [.. _state.Admissions, .. _gateways.Admissions];
        _metrics = new RootMetrics(_state);

        ReconcileLoop<TKey> Loop<TKey>(string name, int parallel, Func<TKey, CancellationToken, Task<DateTimeOffset?>> step)
            where TKey : notnull => new(new ReconcileOptions { Name = name, Parallel = parallel, Time = time, Logger = logger }, step);
    }

    /// <summary>For <see cref="ApiServerOptions.Admissions"/>.</summary>
    public IReadOnlyList<IAdmission> Admissions { get; }

    /// <summary>For <see cref="ApiServerOptions.Authorizer"/>.</summary>
    public IAuthorizer Authorizer { get; } = new RootAuthorizer();

    /// <summary>For <see cref="ApiServerOptions.SideListeners"/>: Oakestra's surface, when the options ask for it.</summary>
    public IReadOnlyList<SideListener> SideListeners => _oakestra.Listeners;

    /// <summary>For <see cref="ApiServerOptions.MapEndpoints"/>: Oakestra's surface and the gateways' on the API's own listeners too, where every caller is known.</summary>
    public void Map(IEndpointRouteBuilder endpoints) => _oakestra.Map(endpoints);

    /// <summary>Reads the store. Before the API server listens.</summary>
    public async Task LoadAsync(IObjectClient local, CancellationToken cancellation)
    {
        _local.Set(local);
        _feeds.Attach(local, _state.Time, OnCluster, OnLease, OnSubnetwork, OnLeaseOfAddress, OnService, OnInstance, OnPeer);
        _state.Ledger.Attach(_feeds.Addresses, local);
        await RootLoad.RunAsync(_state, _feeds, cancellation);
        foreach (var subnetwork in _feeds.Subnetworks.All) _subnetworkLoop.Mark(subnetwork.Metadata.Name);
        _addressLoop.Mark(_state.Book.Known);
        foreach (var lease in _feeds.Addresses.All) MarkAddress(IPAddress.Parse(lease.Spec.Ipv4 ?? lease.Spec.Ipv6!));
        await _state.Interests.LoadAsync(local, cancellation);
        _peerLoop.Mark(_feeds.Peers.All.Select(p => p.Metadata.Name));
        await _gateways.LoadAsync(local, _state.Time, cancellation);
    }

    /// <summary>Works until cancelled. Throws on a bug alone.</summary>
    public Task RunAsync(CancellationToken cancellation) => RoleTasks.RunAllAsync(
        cancellation,
        [.. _feeds.Loops, _state.Interests.RunAsync, _subnetworkLoop.RunAsync, _addressLoop.RunAsync, _clusterLoop.RunAsync, _peerLoop.RunAsync, _gateways.RunAsync]);

    /// <inheritdoc/>
    public void Dispose()
    {
        _metrics.Dispose();
        _state.Interests.Dispose();
        _subnetworkLoop.Dispose();
        _addressLoop.Dispose();
        _clusterLoop.Dispose();
        _peerLoop.Dispose();
    }

    private void MarkAddress(IPAddress address) => _addressLoop.Mark(address);

    private void OnCluster(ObjectEvent<Cluster> change) => _clusterLoop.Mark(change.Object!.Metadata.Name);

    private void OnLease(ObjectEvent<Lease> change)
    {
        if (change.Object!.Metadata.Namespace != Cluster.LeaseNamespace) return;
        _clusters.Observe(change);
        _clusterLoop.Mark(change.Object.Metadata.Name);
    }

    private void OnSubnetwork(ObjectEvent<Subnetwork> change)
    {
        var value = change.Object!;
        if (change.Type == ObjectEventType.Deleted) return;
        if (_state.SubnetworkAdmission.Confirm(value) is { } replaced) _subnetworkLoop.Mark(replaced);
        if (value.Status?.Phase == AddressPhase.Quarantined) _subnetworkLoop.Mark(value.Metadata.Name);
    }

    private void OnLeaseOfAddress(ObjectEvent<AddressLease> change)
    {
        var spec = change.Object!.Spec;
        if (IPAddress.TryParse(spec.Ipv4 ?? spec.Ipv6, out var address) && _state.IsLoaded) MarkAddress(address);
    }

    private void OnService(ObjectEvent<FabricService> change)
    {
        var service = change.Object!;
        var gone = change.Type == ObjectEventType.Deleted;
        if (_state.IsLoaded) _state.ServiceAdmission.Settle(service.Metadata.Name, gone ? null : service);
        _state.Interests.Touch(gone ? _state.Table.RemoveService(service.Metadata.Name) : _state.Table.PutService(service));
        _peerLoop.Mark(_state.Reach.PeersOf(service.Metadata.Name));
    }

    private void OnInstance(ObjectEvent<FabricInstance> change)
    {
        var instance = change.Object!;
        var gone = change.Type == ObjectEventType.Deleted;
        _state.InstanceOwners.Apply(change);
        if (_state.IsLoaded) _state.InstanceAdmission.Settle(instance.Metadata.Name, gone ? null : instance);
        _state.Interests.Touch(gone ? _state.Table.RemoveInstance(instance) : _state.Table.PutInstance(instance));
        _peerLoop.Mark(_state.Reach.Apply(change));
    }

    private void OnPeer(ObjectEvent<Peer> change) => _peerLoop.Mark(change.Object!.Metadata.Name);

    // Who asks for a service has to know the workers that run it.
    private void OnInterest(ObjectEvent<Interest> change)
    {
        if (change.Type != ObjectEventType.Modified && _state.Table.Find(Interest.Canonical(change.Object!.Spec.Query))?.Service is { } service)
            _peerLoop.Mark(_state.Reach.PeersOf(service));
    }
}
