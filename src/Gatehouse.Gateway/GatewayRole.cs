using System.Net;
using System.Net.NetworkInformation;
using Gatehouse.Api.Client;
using Gatehouse.Api.Gateways;
using Gatehouse.Api.Identity;
using Gatehouse.Gateway.Listeners;
using Gatehouse.Gateway.Management;
using Gatehouse.Gateway.Serving;
using Gatehouse.Objects.Kinds;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway;

/// <summary>
/// The gateway role: registers the worker that was chosen for a gateway host, serves the management API on its internal addresses, reports readiness and the
/// host's listeners. It decides nothing about packets and writes no rules: the cluster decides on exposures, the node role writes them into the kernel.
/// </summary>
public sealed partial class GatewayRole : IGatewayView, IAsyncDisposable
{
    private readonly GatewayRoleOptions _options;
    private readonly GatewayClient _cluster;
    private readonly Informer<GatewayHost> _hosts;
    private readonly Informer<Exposure> _exposures;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ManagementCertificate _certificate;
    private readonly ManagementMetrics _metrics;
    private readonly InternalListeners _listeners;
    private readonly ListenerReport _report;
    private readonly TokenFile _tokens;
    private readonly SemaphoreSlim _signal = new(0, 1);
    private volatile GatewayHost? _gateway;
    private volatile IReadOnlyList<IPEndPoint> _endpoints = [];
    private string? _registeredAs;
    private string _lastFault = "";

    /// <summary>Creates the role; <see cref="RunAsync"/> starts it.</summary>
    /// <param name="options">Settings.</param>
    /// <param name="objects">The cluster's API server, with the worker's certificate. May be away.</param>
    /// <param name="cluster">The same server's surface for gateways. May be away.</param>
    /// <param name="credentials">The worker's identity: the root authority in it says whose certificates are operators'.</param>
    public GatewayRole(GatewayRoleOptions options, IObjectClient objects, GatewayClient cluster, ICredentialSource credentials, TimeProvider time, ILoggerFactory logs)
    {
        _options = options;
        _cluster = cluster;
        _time = time;
        _log = logs.CreateLogger<GatewayRole>();
        var mine = new Selection(Fields: $"status.worker={options.Worker}");
        _hosts = new Informer<GatewayHost>(objects, mine, Mirror("gatewayhosts", logs));
        _exposures = new Informer<Exposure>(objects, mine, Mirror("gateway-exposures", logs));
        _certificate = new ManagementCertificate(Path.Combine(options.StateDirectory, "identity"), time);
        _report = new ListenerReport(new ListenerScan(options.SocketTables), cluster);
        _tokens = new TokenFile(options.TokenFile ?? Path.Combine(options.StateDirectory, "management-tokens"), options.Tokens);
        _metrics = new ManagementMetrics(() => _endpoints.Count, () => _report.Count);
        var endpoints = new ManagementEndpoints(this, cluster, new ManagementCaller(credentials, options.Tokens, time), _metrics);
        _listeners = new InternalListeners(options.ManagementPort, _certificate, endpoints, logs);
    }

    /// <summary>Where the management API listens at present.</summary>
    public IReadOnlyList<IPEndPoint> ManagementEndpoints => _endpoints;

    /// <inheritdoc/>
    GatewayHost? IGatewayView.Gateway => _gateway;

    /// <inheritdoc/>
    IEnumerable<Exposure> IGatewayView.Exposures => _exposures.Snapshot.Values.Where(e => e.Spec.Gateway == _gateway?.Metadata.Name);

    /// <inheritdoc/>
    DateTimeOffset? IGatewayView.AsOf => _exposures.ConfirmedAt;

    /// <summary>Runs until cancelled. Faults of the network and the cluster are reported and tried again; what is served goes on meanwhile.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        NetworkAddressChangedEventHandler onAddress = (_, _) => Signal();
        NetworkChange.NetworkAddressChanged += onAddress;
        try
        {
            var running = Task.WhenAll(_hosts.RunAsync(cancellation), _exposures.RunAsync(cancellation), WatchAsync(cancellation));
            await Task.WhenAny(_hosts.LoadedAsync(cancellation), running);
            while (!cancellation.IsCancellationRequested)
            {
                if (running.IsCompleted) await running;
                await StepAsync(cancellation);
                await PauseAsync(cancellation);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The end that was asked for.
        }
        finally
        {
            NetworkChange.NetworkAddressChanged -= onAddress;
            await StopServingAsync();
        }
    }

    /// <summary>Looks at the gateway host and does what is due.</summary>
    public async Task StepAsync(CancellationToken cancellation)
    {
        RefreshTokens();
        _gateway = _hosts.Snapshot.Values.FirstOrDefault(h => h.Status?.Worker == _options.Worker);

        // Each act may make another one due, and each is tried once: what failed is tried again after the pause.
        var tried = new HashSet<GatewayAct> { GatewayAct.Rest };
        while (GatewayStep.Next(Progress()).Where(tried.Add).Take(1).ToList() is [var act])
        {
            try
            {
                await DoAsync(act, cancellation);
            }
            catch (Exception e) when (e is ApiUnreachableException or ApiStatusException or IOException or System.Security.Cryptography.CryptographicException)
            {
                ReportFault($"{act}: {e.Message}");
            }
        }

        if (_gateway is not null) await TryRefreshListenersAsync(cancellation);
    }

    /// <inheritdoc/>
    public Task RefreshListenersAsync(CancellationToken cancellation) =>
        _gateway is { Status: { GatewayId: { } id } status } ? _report.SendIfChangedAsync(id, status.PublicAddresses, cancellation) : Task.CompletedTask;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _hosts.DisposeAsync();
        await _exposures.DisposeAsync();
        await _listeners.DisposeAsync();
        _report.Dispose();
        _certificate.Dispose();
        _metrics.Dispose();
        _signal.Dispose();
    }

    private InformerOptions Mirror(string name, ILoggerFactory logs) => new()
    {
        StateFile = Path.Combine(_options.StateDirectory, "mirror", $"{name}.json"),
        Time = _time,
        Logger = logs.CreateLogger($"Gatehouse.Gateway.Mirror.{name}"),
    };

    private GatewayProgress Progress()
    {
        var addresses = Internal(_gateway);
        return new GatewayProgress(
            _gateway,
            _registeredAs,
            IsListening: addresses.Count > 0 && _listeners.Has(addresses[0]),
            IsWhole: addresses.Count > 0 && addresses.All(_listeners.Has) && !_certificate.IsDue(addresses));
    }

    private async Task DoAsync(GatewayAct act, CancellationToken cancellation)
    {
        switch (act)
        {
            case GatewayAct.Stop:
                await StopServingAsync();
                break;
            case GatewayAct.Register:
                _registeredAs = (await _cluster.RegisterAsync(cancellation)).GatewayId;
                LogRegistered(_gateway!.Metadata.Name, _registeredAs);
                break;
            case GatewayAct.Serve:
                await ServeAsync(cancellation);
                break;
            case GatewayAct.ReportReady:
                await _report.SendReadyAsync(_gateway!.Status!.GatewayId!, _gateway.Status.PublicAddresses, cancellation);
                LogReady(_gateway.Metadata.Name);
                break;
            case GatewayAct.Rest:
            default:
                break;
        }
    }

    private async Task ServeAsync(CancellationToken cancellation)
    {
        var addresses = Internal(_gateway);
        if (_certificate.Current is null) _certificate.Load(addresses);
        if (_certificate.IsDue(addresses)) await RenewAsync(addresses, cancellation);
        if (_certificate.Current is null) return;
        var faults = await _listeners.SetAsync(addresses, cancellation);
        PublishEndpoints();
        if (faults.Count > 0) ReportFault(string.Join("; ", faults));
    }

    private async Task RenewAsync(IReadOnlyList<string> addresses, CancellationToken cancellation)
    {
        try
        {
            // The cluster says which addresses the certificate names: those that it answers here.
            var id = _gateway!.Status!.GatewayId!;
            var ip = await _cluster.IpAsync(id, cancellation);
            if (addresses.All(a => a == ip.Ipv4 || a == ip.Ipv6)) await _certificate.RenewAsync(_cluster, id, cancellation);
        }
        catch (Exception e) when (e is ApiUnreachableException or ApiStatusException && _certificate.Current is { } current && current.Until > _time.GetUtcNow())
        {
            ReportFault($"the management API's certificate was not renewed: {e.Message}");
        }
    }

    private async Task StopServingAsync()
    {
        await _listeners.SetAsync([], CancellationToken.None);
        PublishEndpoints();
        _registeredAs = null;
        _report.Forget();
    }

    private async Task TryRefreshListenersAsync(CancellationToken cancellation)
    {
        try
        {
            await RefreshListenersAsync(cancellation);
        }
        catch (Exception e) when (e is ApiUnreachableException or ApiStatusException or IOException)
        {
            ReportFault($"reporting the host's listeners: {e.Message}");
        }
    }

    private void RefreshTokens()
    {
        try
        {
            foreach (var fault in _tokens.Refresh()) LogFault(fault.ToString());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            ReportFault($"reading the management API's tokens: {e.Message}");
        }
    }

    private void PublishEndpoints() => _endpoints = _listeners.Endpoints;

    private static IReadOnlyList<string> Internal(GatewayHost? gateway) =>
        gateway?.Status?.Internal is { } pair ? [.. new[] { pair.Ipv4, pair.Ipv6 }.OfType<string>()] : [];

    private async Task WatchAsync(CancellationToken cancellation)
    {
        try
        {
            await foreach (var _ in _hosts.ChangeBatchesAsync(64, cancellation)) Signal();
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The end that was asked for.
        }
    }

    private async Task PauseAsync(CancellationToken cancellation)
    {
        var progress = Progress();
        var settled = progress.Gateway is null || (progress.IsWhole && progress.RegisteredAs is not null);
        using var wait = new CancellationTokenSource(settled ? _options.ScanInterval : _options.RetryDelay, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellation, wait.Token);
        await _signal.WaitAsync(both.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private void Signal()
    {
        try
        {
            if (_signal.CurrentCount == 0) _signal.Release();
        }
        catch (SemaphoreFullException)
        {
            // Two signals at once are one.
        }
        catch (ObjectDisposedException)
        {
            // A last event of the kernel's after the end.
        }
    }

    /// <summary>The same fault is reported once, not with every try.</summary>
    private void ReportFault(string fault)
    {
        if (fault == _lastFault) return;
        _lastFault = fault;
        LogFault(fault);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Gateway {Gateway} is registered as {Id}.")]
    private partial void LogRegistered(string gateway, string id);

    [LoggerMessage(Level = LogLevel.Information, Message = "Gateway {Gateway} forwards.")]
    private partial void LogReady(string gateway);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Fault}")]
    private partial void LogFault(string fault);
}
