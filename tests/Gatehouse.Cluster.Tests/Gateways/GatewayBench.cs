using Gatehouse.Api.Client;
using Gatehouse.Api.Gateways;
using Gatehouse.Api.Identity;
using Gatehouse.Cluster.Gateways;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Store;
using Gatehouse.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Cluster.Tests.Gateways;

/// <summary>A cluster's API server with the part that does gateways, running, on a clock that stands.</summary>
internal sealed class GatewayBench : IAsyncDisposable
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, ExposureWorker> _nodes = new(StringComparer.Ordinal);
    private readonly ClusterGateways _gateways;
    private readonly Task _running;

    private GatewayBench(TestApi api, ClusterGateways gateways, ManualTimeProvider time)
    {
        (Api, _gateways, Time) = (api, gateways, time);
        _running = gateways.RunAsync(_stop.Token);
    }

    public TestApi Api { get; }

    public ManualTimeProvider Time { get; }

    public static async Task<GatewayBench> StartAsync(IRevisionStore? store = null, ManualTimeProvider? time = null, CertificateAuthority? root = null, IObjectClient? rootClient = null)
    {
        time ??= new ManualTimeProvider();
        ClusterGateways? gateways = null;
        CertificateAuthority? authority = null;
        var api = await TestApi.CreateAsync(
            time,
            (options, a) =>
            {
                authority = a;
                return options with { Admissions = ClusterGateways.Admissions("c1"), Authorizer = new ClusterAuthorizer(), MapEndpoints = e => gateways!.Map(e) };
            },
            store,
            root);
        gateways = new ClusterGateways(new GatewayOptions { Cluster = "c1", Authority = () => authority }, api.Local, rootClient, time, NullLoggerFactory.Instance);
        await api.ListenAsync();
        return new GatewayBench(api, gateways, time);
    }

    /// <summary>A worker as its cluster sees it, with a current lease.</summary>
    public async Task WorkerAsync(string name, int index, params string[] publicAddresses)
    {
        var worker = await Api.Local.CreateAsync(
            new Worker { Metadata = new ObjectMeta { Name = name }, Spec = new WorkerSpec { Underlay = $"198.51.100.{index + 1}", PublicAddresses = publicAddresses, Gateway = true } },
            Ct);
        await Api.Local.UpdateStatusAsync(
            worker with { Status = new WorkerStatus { Phase = PresencePhase.Ready, Subnetwork = new SubnetworkRange(index, $"10.18.0.{index * 64}/26", $"fc00::{index:x}00/120") } },
            Ct);
    }

    /// <summary>A worker's lease ran out, or is current again.</summary>
    public Task PresenceAsync(string worker, PresencePhase phase) =>
        Api.Local.MergePatchAsync<Worker>(worker, "{\"status\":{\"phase\":\"" + phase + "\"}}", "status", Ct);

    public Task GatewayAsync(string name, params string[] addresses) => Api.Local.CreateAsync(
        new GatewayHost { Metadata = new ObjectMeta { Name = name }, Spec = new GatewayHostSpec { Cluster = "c1", PublicAddresses = addresses } },
        Ct);

    /// <summary>A service with a round-robin address.</summary>
    public async Task ServiceAsync(string name, string ipv4, string ipv6)
    {
        var service = await Api.Local.CreateAsync(new FabricService { Metadata = new ObjectMeta { Name = name } }, Ct);
        await Api.Local.UpdateStatusAsync(service with { Status = new FabricServiceStatus { Addresses = [new(BalancingPolicy.RoundRobin, ipv4, ipv6)] } }, Ct);
    }

    /// <summary>A gateway with a worker that registered and reported.</summary>
    /// <param name="serves">Whether the worker's node role runs and says what its kernel holds.</param>
    public async Task<string> ReadyGatewayAsync(string worker = "w1", string gateway = "gw", bool serves = true)
    {
        if (serves) Serve(worker);
        await GatewayIsAsync(gateway, GatewayHostPhase.Scheduled);
        using var client = Gateway(worker);
        var id = (await client.RegisterAsync(Ct)).GatewayId;
        await client.ReadyAsync(id, new GatewayReport([]), Ct);
        await GatewayIsAsync(gateway, GatewayHostPhase.Ready);
        return id;
    }

    /// <summary>A worker's node role runs and says what its kernel holds of exposures.</summary>
    public void Serve(string worker)
    {
        if (!_nodes.ContainsKey(worker)) _nodes[worker] = ExposureWorker.Start(worker, Api.ClientOptions(TestApi.Worker(worker)));
    }

    public GatewayClient Gateway(string worker) => new(Api.ClientOptions(TestApi.Worker(worker)));

    public async Task<GatewayHostStatus> GatewayIsAsync(string name, GatewayHostPhase phase, string? worker = null) =>
        (await Api.UntilAsync<GatewayHost>(name, g => g?.Status?.Phase == phase && (worker is null || g.Status.Worker == worker)))!.Status!;

    public async Task<ExposureStatus> ExposureIsAsync(string name, ExposurePhase phase, string? worker = null) =>
        (await Api.UntilAsync<Exposure>(name, e => e?.Status?.Phase == phase && (worker is null || e.Status.Worker == worker)))!.Status!;

    public Task<Exposure> ExposeAsync(string name, int port, string service = "10.30.0.1", string gateway = "gw", Func<ExposureSpec, ExposureSpec>? change = null)
    {
        var spec = new ExposureSpec { Gateway = gateway, Port = port, ServiceAddress = service, ServicePort = 80 };
        return Api.Local.CreateAsync(new Exposure { Metadata = new ObjectMeta { Name = name }, Spec = change?.Invoke(spec) ?? spec }, Ct);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes.Values) await node.DisposeAsync();
        await _stop.CancelAsync();
        await _running.ContinueWith(_ => { }, TaskScheduler.Default);
        _gateways.Dispose();
        await Api.DisposeAsync();
        _stop.Dispose();
        if (_running.IsFaulted) await _running;
    }
}
