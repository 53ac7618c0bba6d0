using Gatehouse.Api.Client;
using Gatehouse.Linux;
using Gatehouse.Node.Closest;
using Gatehouse.Node.Exposures;
using Gatehouse.Node.Flows;
using Gatehouse.Node.Instances;
using Gatehouse.Node.Interests;
using Gatehouse.Node.Overlay;
using Gatehouse.Node.Peers;
using Gatehouse.Node.Ruleset;
using Gatehouse.Node.SlowPath;
using Gatehouse.Node.Translation;
using Gatehouse.Objects.Kinds;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Node;

/// <summary>
/// NetManager: a worker's part of the overlay. It starts from what is on disk before it asks anybody, so that a restart keeps subnetwork, instances, maps and flows whoever
/// is away; it leaves devices and tables in the kernel when it stops.
/// </summary>
public sealed partial class NodeRole : IAsyncDisposable
{
    private readonly NodeOptions _options;
    private readonly IObjectClient _cluster;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly NodeMetrics _metrics = new();
    private readonly NodeStateFile _file;
    private readonly NodeMirrors _mirrors;
    private readonly DataPath _path;
    private readonly ServiceBook _services;
    private readonly InterestBook _interests;
    private readonly PeerSync _peers;
    private readonly InstanceHost _instances;
    private readonly InstanceReconciler _reconciler;
    private readonly FlowTable _flows;
    private readonly FlowEnds _flowEnds;
    private readonly FlowSurvey _survey;
    private readonly ExposureSync _exposures;
    private readonly ExposureReporter _reporter;
    private readonly DistanceBook _distances = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private OverlayDevices? _devices;
    private SlowPathReader? _slowPath;
    private OverlayAddresses? _addresses;

    /// <summary>Stores what it is given; <see cref="RunAsync"/> begins.</summary>
    /// <param name="cluster">The cluster's API, as this worker; may be away at any time, also at the start.</param>
    /// <exception cref="ArgumentException">Names every option that can't be.</exception>
    public NodeRole(NodeOptions options, IObjectClient cluster, TimeProvider time, ILoggerFactory loggers)
    {
        NodeOptionsCheck.Throw(options);
        _options = options;
        _cluster = cluster;
        _time = time;
        _log = loggers.CreateLogger<NodeRole>();
        _file = new(options.StateDirectory);
        _mirrors = new(options, cluster, time, _log);
        _path = new(new KernelTables(options.Namespace, options.Table), _metrics, _log);
        _services = new(_path);
        _interests = new(cluster, _services, options, time, _log);
        _peers = new(_path, options, _log);
        _instances = new(_path, _file, options, _log);
        _flows = new(options, _metrics);
        _flowEnds = new(_flows, _path.Marks, options.Limits.SecondSweep, time, _log);
        _reconciler = new(_instances, _mirrors.Instances, cluster, new(_file, options), _flows, _file, options, time, _log);
        _exposures = new(_path, _services, _interests, _flows, options, _log);
        _reporter = new(_exposures, cluster, time, _log);
        _survey = new(_flows, _services, _interests, _instances, cluster, () => _exposures.Services);
        Connect();
    }

    /// <summary>Completes when packets pass: the subnetwork is known, devices and tables are in the kernel.</summary>
    public Task Ready => _ready.Task;

    /// <summary>The instances here, for those who attach them.</summary>
    internal InstanceHost Instances => _instances;

    internal ServiceBook Services => _services;

    internal InterestBook Interests => _interests;

    internal PeerSync Peers => _peers;

    internal DataPath Path => _path;

    internal InstanceReconciler Reconciler => _reconciler;

    internal FlowTable Flows => _flows;

    /// <summary>Runs until cancelled. Faults of the cluster and of the network never end it; a fault of the kernel that nobody can mend does.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var scope = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var loops = new List<Task>();
        try
        {
            await LoadAsync();
            loops.AddRange(Loops(scope.Token));
            await await Task.WhenAny(loops);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }
        finally
        {
            await scope.CancelAsync();
            await Task.WhenAll(loops.Select(Quietly));
        }
    }

    /// <summary>Removes everything of this worker from the kernel, and sets the host's settings back. Instances' own namespaces stay, unless the node made them.</summary>
    public static async Task TearDownAsync(NodeOptions options)
    {
        var file = new NodeStateFile(options.StateDirectory);
        file.Load();
        await OwnedProcesses.StopAllAsync(file.State, options);
        OverlayDevices.Remove(options);
        using var tables = new KernelTables(options.Namespace, options.Table);
        tables.Unload();
        HostSettings.Restore(options, file);
    }

    public async ValueTask DisposeAsync()
    {
        await _mirrors.DisposeAsync();
        _devices?.Dispose();
        _peers.Dispose();
        _instances.Dispose();
        _flowEnds.Dispose();
        _flows.Dispose();
        _path.Dispose();
        _metrics.Dispose();
    }

    /// <summary>Everything from disk; no network yet.</summary>
    private async Task LoadAsync()
    {
        if (_file.Load() is { } refusal) _log.StateRefused(refusal);
        _mirrors.Load();
        await _peers.TakeAsync([.. _mirrors.Peers.Load().Select(p => (p.Metadata.Name, (Peer?)p))]);
        await _interests.LoadAsync(_mirrors.Interests.Load());
        await _exposures.LoadAsync(_mirrors.Exposures?.Load() ?? []);
        if (_file.State.Subnetwork is { } range) await BringUpAsync(range);
    }

    private IEnumerable<Task> Loops(CancellationToken cancellation) =>
    [
        .. _mirrors.Run(cancellation),
        RegisterAsync(cancellation),
        KeepFactsAsync(cancellation),
        FollowWorkerAsync(cancellation),
        FollowPeersAsync(cancellation),
        FollowInterestsAsync(cancellation),
        ReadSlowPathAsync(cancellation),
        .. AfterReady(cancellation),
        .. _options.SocketPath is null ? Array.Empty<Task>() : [ServeLocallyAsync(cancellation)],
    ];

    private IEnumerable<Task> AfterReady(CancellationToken cancellation)
    {
        yield return _flowEnds.RunAsync(cancellation);
        yield return ReconcileInstancesAsync(cancellation);
        yield return SurveyAsync(cancellation);
        yield return MeasureAsync(cancellation);
        yield return RepairAsync(cancellation);
        yield return WatchKernelAsync(cancellation);
        yield return WatchTablesAsync(cancellation);
        if (_options.RunsProcesses) yield return TrimLogsAsync(cancellation);
        if (_mirrors.Exposures is { } exposures)
        {
            yield return FollowExposuresAsync(exposures, cancellation);
            yield return ReportExposuresAsync(cancellation);
            yield return ResolveExposuresAsync(cancellation);
        }
    }

    /// <summary>Devices, tables, peers and instances, in the order in which each needs the one before.</summary>
    private async Task BringUpAsync(SubnetworkRange range)
    {
        var addresses = OverlayAddresses.From(range);
        HostSettings.Ensure(_options, _file);
        if (_devices is null) LeftBehind.TakeIn(_file, addresses, _options, _mirrors.Instances.Snapshot, _log);
        if (_devices is null) _devices = OverlayDevices.Open(_options, addresses);
        else _devices.Ensure(addresses);
        TellIpv6();
        _addresses = addresses;
        await _instances.LoadAsync(addresses);
        _path.Load(Shape(addresses));
        _peers.Start(_devices, addresses);
        foreach (var lost in await _instances.StartAsync(_devices, addresses)) await _instances.DetachAsync(lost.Name);
        _flows.DeleteByMark(_flows.Orphans(_path.Marks()));
        _ready.TrySetResult();
    }

    private RulesetShape Shape(OverlayAddresses addresses) => new()
    {
        Table = _options.Table,
        Devices = new(_options.DevicePrefix),
        Underlay = _options.Underlay,
        TunnelPort = _options.TunnelPort,
        Bridge4 = addresses.Bridge4,
        Bridge6 = addresses.Bridge6,
        Subnetwork4 = addresses.Subnetwork4,
        Subnetwork6 = addresses.Subnetwork6,
        ManagementPort = _options.Gateway ? _options.ManagementPort : null,
    };

    private async Task FollowPeersAsync(CancellationToken cancellation)
    {
        await foreach (var batch in _mirrors.Peers.ChangesAsync(1_024, cancellation))
        {
            await _peers.TakeAsync([.. batch.Where(e => e.Object is not null).Select(e => (e.Object!.Metadata.Name, e.Type == ObjectEventType.Deleted ? null : e.Object))]);
        }
    }

    private async Task FollowInterestsAsync(CancellationToken cancellation)
    {
        // A batch has each object once: all its changes go into the kernel together.
        await foreach (var batch in _mirrors.Interests.ChangesAsync(1_024, cancellation))
            await Task.WhenAll(batch.Select(change => AtCluster("taking in a resolution", () => _interests.TakeAsync(change))));
    }

    private async Task ReadSlowPathAsync(CancellationToken cancellation)
    {
        await Ready.WaitAsync(cancellation);
        _slowPath = new(_devices!.Tun, _interests, _path, _options, _metrics, _log);
        await _slowPath.RunAsync(cancellation);
    }

    /// <summary>An act that needs the cluster: what fails is logged and comes again with the next change or survey.</summary>
    private async Task AtCluster(string act, Func<Task> run)
    {
        try
        {
            await run();
        }
        catch (ApiUnreachableException fault)
        {
            _log.ClusterUnreachable(act, fault.Message);
        }
        catch (ApiStatusException fault)
        {
            _log.ClusterRefused(act, fault.Message);
        }
    }

    private static async Task Quietly(Task task)
    {
        try
        {
            await task;
        }
        catch (OperationCanceledException)
        {
        }
        catch (Exception e) when (e is LinuxException or IOException or ObjectDisposedException)
        {
            // The first fault ended the run and is thrown by it; this one came of the same end.
        }
    }
}
