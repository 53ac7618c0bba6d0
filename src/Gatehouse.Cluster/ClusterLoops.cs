using System.Text.Json.Nodes;
using Gatehouse.Api.Client;
using Gatehouse.Api.Reconciling;
using Gatehouse.Cluster.Instances;
using Gatehouse.Cluster.Peers;
using Gatehouse.Cluster.Resolving;
using Gatehouse.Cluster.Services;
using Gatehouse.Cluster.Upstream;
using Gatehouse.Cluster.Workers;
using Gatehouse.Objects.Kinds;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Cluster;

/// <summary>The cluster's loops, one for each kind of work; those that speak with root are apart from those that do not need it.</summary>
internal sealed class ClusterLoops : IDisposable
{
    private static readonly TimeSpan KnownHerePause = TimeSpan.FromMilliseconds(200);

    /// <summary>A peer is all of its worker's instances, and every worker gets it whole: the first change goes out at once, those right after it together.</summary>
    private static readonly TimeSpan PeerRest = TimeSpan.FromMilliseconds(200);

    private readonly string _cluster;
    private readonly ClusterState _state;
    private readonly WorkerReconciler _workers;
    private readonly InstanceReconciler _instances;

    public ClusterLoops(ClusterOptions options, ClusterState state, TimeProvider time, ILogger logger)
    {
        (_cluster, _state) = (options.Name, state);
        _workers = new WorkerReconciler(options, state, time);
        _instances = new InstanceReconciler(options, state, time);
        var services = new ServiceReconciler(state);
        var peers = new PeerReconciler(options.Name, state);
        var queries = new UpstreamInterests(options, state, time);
        Workers = Loop("cluster.workers", _workers.StepAsync);
        Instances = Loop("cluster.instances", _instances.StepAsync);
        Services = Loop("cluster.services", services.StepAsync);
        Peers = Loop("cluster.peers", (worker, ct) => RestedAsync(Peers!, worker, peers.StepAsync(worker, ct)));
        PeersUp = Loop("cluster.peers.up", (worker, ct) => RestedAsync(PeersUp!, worker, peers.StepUpAsync(worker, ct)));
        ForeignPeers = Loop("cluster.peers.foreign", peers.StepForeignAsync);
        Queries = Loop("cluster.interests.up", queries.StepAsync);
        GatewayHosts = Loop("cluster.gatewayhosts", (name, ct) => Copy(_state.Upstream?.GatewayHosts, _state.Feeds.GatewayHosts, Take).StepAsync(name, ct));
        Exposures = Loop("cluster.exposures", (name, ct) => Copy(_state.Upstream?.Exposures, _state.Feeds.Exposures, KeepWithdrawal).StepAsync(name, ct));
        state.MarkService = Services.Mark;
        state.Interests.QueryChanged = query => AskRoot(query, time.GetUtcNow());
        state.Interests.InterestChanged = change =>
        {
            if (state.Calls.Apply(change)) PeersUp.Mark(change.Object!.Spec.Holder);
        };

        ReconcileLoop<string> Loop(string name, Func<string, CancellationToken, Task<DateTimeOffset?>> step) => new(
            new ReconcileOptions { Name = name, Parallel = options.Parallel, BackoffMax = options.RootRetry, Time = time, Logger = logger },
            step);
    }

    public ReconcileLoop<string> Workers { get; }

    public ReconcileLoop<string> Instances { get; }

    public ReconcileLoop<string> Services { get; }

    public ReconcileLoop<string> Peers { get; }

    public ReconcileLoop<string> PeersUp { get; }

    public ReconcileLoop<string> ForeignPeers { get; }

    public ReconcileLoop<string> Queries { get; }

    public ReconcileLoop<string> GatewayHosts { get; }

    public ReconcileLoop<string> Exposures { get; }

    /// <summary>The loops.</summary>
    public IEnumerable<Func<CancellationToken, Task>> All => Every.Select(l => (Func<CancellationToken, Task>)l.RunAsync);

    private ReconcileLoop<string>[] Every => [Workers, Instances, Services, Peers, PeersUp, ForeignPeers, Queries, GatewayHosts, Exposures];

    /// <summary>Takes in a worker's lease.</summary>
    public void ObserveLease(ObjectEvent<Lease> change) => _workers.Observe(change);

    /// <summary>Root is back: what failed is tried at once.</summary>
    public void RetryNow()
    {
        foreach (var loop in Every) loop.RetryNow();
    }

    /// <summary>Has everything looked at: at start, and when root was heard for the first time.</summary>
    public void MarkAll()
    {
        var feeds = _state.Feeds;
        var upstream = _state.Upstream;
        Workers.Mark(feeds.Workers.All.Select(w => w.Metadata.Name));
        Workers.Mark(upstream?.Subnetworks.All.Select(s => s.Spec.Worker) ?? []);
        Instances.Mark(feeds.Instances.All.Select(i => i.Metadata.Name).Concat(upstream?.Instances.All.Select(i => i.Metadata.Name) ?? []));
        Services.Mark(feeds.Services.All.Select(s => s.Metadata.Name).Concat(feeds.Instances.All.Select(i => i.Spec.Service)));
        Peers.Mark(feeds.Workers.All.Select(w => w.Metadata.Name));
        PeersUp.Mark(feeds.Workers.All.Select(w => w.Metadata.Name));
        foreach (var peer in feeds.Peers.All.Concat(upstream?.Peers.All ?? []).Concat(upstream?.ForeignPeers.All ?? []))
        {
            if (peer.Spec.Cluster == _cluster) PeersUp.Mark(peer.Spec.Worker);
            else ForeignPeers.Mark(peer.Metadata.Name);
        }

        Queries.Mark(_state.Interests.All.Select(i => Interest.Canonical(i.Spec.Query)).Concat(upstream?.Interests.All.Select(i => Interest.Canonical(i.Spec.Query)) ?? []));
        GatewayHosts.Mark(feeds.GatewayHosts.All.Select(g => g.Metadata.Name).Concat(upstream?.GatewayHosts.All.Select(g => g.Metadata.Name) ?? []));
        Exposures.Mark(feeds.Exposures.All.Select(e => e.Metadata.Name).Concat(upstream?.Exposures.All.Select(e => e.Metadata.Name) ?? []));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var loop in Every) loop.Dispose();
        _instances.Dispose();
    }

    private static async Task<DateTimeOffset?> RestedAsync(ReconcileLoop<string> loop, string worker, Task<bool> step)
    {
        if (await step) loop.Rest(worker, PeerRest);
        return null;
    }

    // Who asked has an answer already when the service is known here: what other clusters have of it may wait until a burst of first packets is through.
    private void AskRoot(string query, DateTimeOffset now)
    {
        if (_state.Table.Find(query) is null) Queries.Mark(query);
        else Queries.MarkAt(query, now + KnownHerePause);
    }

    private CopyReconciler<T> Copy<T>(Mirror<T>? mirror, ObjectFeed<T> feed, Action<JsonObject, JsonObject> keep)
        where T : Objects.ApiObject, Objects.IKind<T> => new(_state.Local, _state.Upstream, mirror, feed, keep);

    private static void Take(JsonObject fromRoot, JsonObject here)
    {
    }

    // A withdrawal that was asked for here, through the gateway's management API, stands.
    private static void KeepWithdrawal(JsonObject fromRoot, JsonObject here)
    {
        if (here["withdraw"] is JsonValue value && value.TryGetValue<bool>(out var withdrawn) && withdrawn) fromRoot["withdraw"] = true;
    }
}
