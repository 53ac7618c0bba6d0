using Gatehouse.Api.Client;
using Gatehouse.Api.Gateways;
using Gatehouse.Api.Identity;
using Gatehouse.Gateway;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Serve;

/// <summary>The gateway role, which acts as the worker that it runs on.</summary>
internal sealed class GatewayProcess(ServeSettings settings, TimeProvider time, ILoggerFactory logs) : IServedRole
{
    private readonly string _state = settings.StateOf(ServeOptions.Gateway);
    private SharedIdentity? _identity;
    private HttpObjectClient? _objects;
    private GatewayClient? _cluster;
    private GatewayRole? _role;

    public async Task StartAsync(CancellationToken cancellation)
    {
        StateDirectory.Make(_state);
        var join = MemberIdentity.Options(settings.ClusterUrl, EnrollmentProtocol.WorkerRole, settings.Name, settings.Identity, time, logs);
        _identity = new SharedIdentity(join, time, logs.CreateLogger<SharedIdentity>());
        await _identity.LoadAsync(cancellation);
        var client = MemberIdentity.Client(settings.ClusterUrl, _identity, time, logs);
        _objects = new HttpObjectClient(client);
        _cluster = new GatewayClient(client);
        _role = new GatewayRole(new GatewayRoleOptions { Worker = settings.Name, StateDirectory = _state }, _objects, _cluster, _identity, time, logs);
    }

    public Task RunAsync(CancellationToken cancellation) => Loops.UntilFirstEndsAsync([_role!.RunAsync, _identity!.RunAsync], cancellation);

    public async ValueTask DisposeAsync()
    {
        if (_role is not null) await _role.DisposeAsync();
        _cluster?.Dispose();
        _objects?.Dispose();
    }
}
