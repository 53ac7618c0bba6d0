using Gatehouse.Api.Client;
using Gatehouse.Api.Server;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Cluster.Gateways;

/// <summary>The cluster's part in gateways: chooses their workers, decides on exposures, and answers gateway roles.</summary>
public sealed class ClusterGateways : IDisposable
{
    private readonly GatewayReconciler _reconciler;
    private readonly ExposureDesk _desk;
    private readonly GatewayEndpoints _endpoints;

    /// <summary>Creates it; <see cref="RunAsync"/> starts it.</summary>
    /// <param name="options">Settings.</param>
    /// <param name="local">The cluster's own API server.</param>
    /// <param name="root">Root's; may be away. Null without root.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logs">Where to log.</param>
    public ClusterGateways(GatewayOptions options, IObjectClient local, IObjectClient? root, TimeProvider time, ILoggerFactory logs)
    {
        _reconciler = new GatewayReconciler(options, local, root, time, logs);
        _desk = new ExposureDesk(options, local, _reconciler, logs.CreateLogger<ExposureDesk>());
        _endpoints = new GatewayEndpoints(new GatewayRegistry(options, local), _desk);
    }

    /// <summary>What takes part in writes at the cluster's API server. Needs no instance: the server is made first.</summary>
    public static IReadOnlyList<IAdmission> Admissions(string cluster) => [new ExposureAdmission(cluster)];

    /// <summary>Adds the endpoints for gateway roles.</summary>
    public void Map(IEndpointRouteBuilder endpoints) => _endpoints.Map(endpoints);

    /// <summary>Runs until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellation) => _reconciler.RunAsync(cancellation);

    /// <inheritdoc/>
    public void Dispose()
    {
        _desk.Dispose();
        _reconciler.Dispose();
    }
}
