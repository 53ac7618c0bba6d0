using Gatehouse.Api.Client;
using Gatehouse.Api.Reconciling;
using Gatehouse.Api.Server;
using Gatehouse.Cluster.Gateways;
using Gatehouse.Cluster.Instances;
using Gatehouse.Cluster.Oakestra;
using Gatehouse.Cluster.Services;
using Gatehouse.Cluster.Upstream;
using Gatehouse.Cluster.Workers;
using Gatehouse.Objects.Kinds;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Cluster;

/// <summary>
/// The cluster service manager: workers, instances, resolution, peers, gateways. Serves from its own store and from what root last said while root is away, also after
/// its own restart; what needs root waits and is done when root is back.
/// </summary>
/// <remarks>Order: construct, make the API server with <see cref="Admissions"/>, <see cref="LoadAsync"/>, listen, <see cref="RunAsync"/>.</remarks>
public sealed class ClusterRole : IAsyncDisposable
{
    private readonly ClusterOptions _options;
    private readonly ClusterState _state;
    private readonly ClusterLoops _loops;
    private readonly ClusterEvents _events;
    private readonly ClusterGateways? _gateways;
    private readonly ClusterPresence? _presence;
    private readonly OakestraCluster _oakestra;
    private readonly TimeProvider _time;

    /// <summary>Stores what it is given and starts nothing.</summary>
    /// <param name="root">Root's API server with this cluster's certificate; it may be away at any time. Null for a cluster without root.</param>
    public ClusterRole(ClusterOptions options, IObjectClient? root, TimeProvider time, ILoggerFactory logs)
    {
        var logger = logs.CreateLogger("Gatehouse.Cluster");
        (_options, _time) = (options, time);
        _state = new ClusterState(options, time, logger);
        _loops = new ClusterLoops(options, _state, time, logger);
        _events = new ClusterEvents(options, _state, _loops);
        if (root is not null)
        {
            _state.Upstream = new RootLink(options.Name, new MirrorSource(root, options.MirrorDirectory, options.RootRetry, time, logger), _events.ForRoot());
            _presence = new ClusterPresence(options, root, ReadyWorkers, time) { OnReturn = _loops.RetryNow };
        }

        if (options.Gateways is { } gateways) _gateways = new ClusterGateways(gateways, _state.Local, root, time, logs);
        _oakestra = new OakestraCluster(options, _state);
        Admissions =
        [
            new WorkerAdmission(_state.WorkerAddresses, options.Listens),
            new InstanceAdmission(options.Name, name => _state.Feeds.Workers.Find(name), _state.InstanceIndex.OfWorker, name => _state.Upstream?.Instances.Find(name), time),
            new ServiceAdmission(name => _state.Upstream?.Services.Find(name)),
            _state.Interests,
            .. ClusterGateways.Admissions(options.Name),
        ];
    }

    /// <summary>For <see cref="ApiServerOptions.Admissions"/>.</summary>
    public IReadOnlyList<IAdmission> Admissions { get; }

    /// <summary>For <see cref="ApiServerOptions.Authorizer"/>.</summary>
    public IAuthorizer Authorizer { get; } = new ClusterAuthorizer();

    /// <summary>For <see cref="ApiServerOptions.SideListeners"/>: Oakestra's surface, when the options ask for it.</summary>
    public IReadOnlyList<SideListener> SideListeners => _oakestra.Listeners;

    /// <summary>For <see cref="ApiServerOptions.MapEndpoints"/>.</summary>
    public void Map(IEndpointRouteBuilder endpoints) => _gateways?.Map(endpoints);

    /// <summary>Reads the store and what root last said. Before the API server listens; needs no network.</summary>
    public async Task LoadAsync(IObjectClient local, CancellationToken cancellation)
    {
        _state.Local.Set(local);
        _state.Feeds.Attach(local, _time, _events);
        await _state.Feeds.LoadAsync(cancellation);
        _state.Upstream?.Load();
        await _state.Interests.LoadAsync(local, cancellation);
        _loops.MarkAll();
    }

    /// <summary>Works until cancelled. Throws on a bug alone.</summary>
    public Task RunAsync(CancellationToken cancellation)
    {
        List<Func<CancellationToken, Task>> loops = [.. _state.Feeds.Loops, _state.Interests.RunAsync, .. _loops.All];
        if (_state.Upstream is { } upstream) loops.AddRange(upstream.Loops);
        if (_presence is not null) loops.Add(_presence.RunAsync);
        if (_gateways is not null) loops.Add(_gateways.RunAsync);
        return RoleTasks.RunAllAsync(cancellation, loops);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _loops.Dispose();
        _state.Interests.Dispose();
        _gateways?.Dispose();
        if (_state.Upstream is not null) await _state.Upstream.DisposeAsync();
    }

    private int ReadyWorkers() => _state.Feeds.Workers.All.Count(w => w.Status is { Phase: PresencePhase.Ready });
}
