using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Node;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Serve;

/// <summary>The node role with its identity at the cluster.</summary>
/// <param name="token">Asked when the role has not joined.</param>
internal sealed class NodeProcess(ServeSettings settings, Func<CancellationToken, Task<string?>> token, string ownProgram, TimeProvider time, ILoggerFactory logs) : IServedRole
{
    private readonly string _state = settings.StateOf(ServeOptions.Node);
    private readonly CancellationTokenSource _stopping = new();
    private NodeHold? _hold;
    private MemberCredentials? _identity;
    private HttpObjectClient? _cluster;
    private NodeRole? _role;
    private Task? _running;
    private Task? _renewing;

    public async Task StartAsync(CancellationToken cancellation)
    {
        StateDirectory.Make(_state);
        var options = new NodeOptions
        {
            Name = settings.Name,
            Underlay = settings.Underlay,
            StateDirectory = _state,
            TunnelPort = settings.TunnelPort,
            PublicAddresses = settings.PublicAddresses,
            Gateway = settings.IsGateway,
            RunsProcesses = settings.RunsProcesses,
            OwnProgram = ownProgram,
            SocketPath = settings.Socket,
        };

        // Before it joins: a second node would take the first one's name at the cluster, and its devices here.
        _hold = NodeHold.Take(options);
        var join = MemberIdentity.Options(settings.ClusterUrl, EnrollmentProtocol.WorkerRole, settings.Name, Path.Combine(_state, "identity"), time, logs);
        _identity = await MemberIdentity.JoinAsync(join with { Token = await token(cancellation) }, cancellation);
        // From here on, not once the node is ready: a node whose certificate is over gets its first subnetwork after the renewal.
        _renewing = _identity.RunAsync(_stopping.Token);
        _cluster = new HttpObjectClient(MemberIdentity.Client(settings.ClusterUrl, _identity, time, logs));
        if (Path.GetDirectoryName(settings.Socket) is { Length: > 0 } folder) Directory.CreateDirectory(folder);
        _role = new NodeRole(options, _cluster, time, logs);
        _running = _role.RunAsync(_stopping.Token);

        // A worker waits here for its subnetwork, which only root can give the first time.
        await Task.WhenAny(_role.Ready, _running).WaitAsync(cancellation);
        if (_running.IsCompleted) await _running;
    }

    public async Task RunAsync(CancellationToken cancellation)
    {
        await using var stop = cancellation.Register(_stopping.Cancel);
        await Loops.UntilFirstEndsAsync([_ => _running!, _ => _renewing!], cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        if (_running is not null) await _running.ContinueWith(static _ => { }, TaskScheduler.Default);
        if (_renewing is not null) await _renewing.ContinueWith(static _ => { }, TaskScheduler.Default);
        if (_role is not null) await _role.DisposeAsync();
        _cluster?.Dispose();
        _hold?.Dispose();
        _stopping.Dispose();
    }
}
