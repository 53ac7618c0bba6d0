using System.Net;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Server;
using Gatehouse.Cluster;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Store.Memory;
using Gatehouse.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.TestHosts;

/// <summary>A cluster service manager with a real API server over TLS, linked to a root over TLS with a cluster's rights; store and mirror outlive its restarts.</summary>
internal sealed class ClusterHost : IAsyncDisposable
{
    private readonly TimeProvider _time;
    private readonly RootHost? _root;
    private readonly BearerTokens _tokens = new();
    private readonly CertificateAuthority _authority = CertificateAuthority.CreateRoot("test cluster", TimeProvider.System);
    private readonly MemoryStore _store = new(TimeProvider.System);
    private readonly TemporaryDirectory _directory = new();
    private readonly List<HttpObjectClient> _clients = [];
    private CancellationTokenSource _stop = new();
    private Task _run = Task.CompletedTask;
    private ClusterRole _role = null!;
    private int _port;

    private ClusterHost(RootHost? root, ClusterOptions options, TimeProvider time) => (_root, Options, _time) = (root, options, time);

    public ClusterOptions Options { get; set; }

    public ApiServer Server { get; private set; } = null!;

    public IObjectClient Local => Server.Local;

    public Uri Address => new($"https://127.0.0.1:{_port}");

    public Uri Oakestra => new($"http://127.0.0.1:{Server.SideEndpoints[0].Port}");

    /// <summary>Oakestra's surface over TLS, as somebody or as nobody.</summary>
    public HttpClient RawClient(UserInfo? user)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { _authority.Root }, RevocationMode = X509RevocationMode.NoCheck };
        var http = new HttpClient(new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = policy } }) { BaseAddress = new Uri($"https://127.0.0.1:{Server.SideEndpoints[1].Port}") };
        if (user is not null) http.DefaultRequestHeaders.Authorization = new("Bearer", ClientOptions(user).Credentials.Current.BearerToken);
        return http;
    }

    public static async Task<ClusterHost> StartAsync(RootHost? root, string name = "c1", TimeProvider? time = null, Func<ClusterOptions, ClusterOptions>? with = null)
    {
        var options = new ClusterOptions { Name = name, RootRetry = TimeSpan.FromMilliseconds(200) };
        var host = new ClusterHost(root, with?.Invoke(options) ?? options, time ?? TimeProvider.System);
        await host.StartAsync();
        return host;
    }

    /// <summary>A client with a worker's rights, over TLS.</summary>
    public HttpObjectClient WorkerClient(string name) => Client(new UserInfo($"{UserInfo.WorkerPrefix}{name}", [UserInfo.WorkersGroup]));

    public HttpObjectClient Client(UserInfo user)
    {
        var client = new HttpObjectClient(ClientOptions(user));
        _clients.Add(client);
        return client;
    }

    /// <summary>What a client with somebody's rights is made of.</summary>
    public HttpObjectClientOptions ClientOptions(UserInfo user)
    {
        var token = $"token-for-{user.Name}-{string.Join('-', user.Groups)}";
        _tokens.Add(token, user, null);
        return new HttpObjectClientOptions
        {
            Server = Address,
            Credentials = new FixedCredentials(new ApiCredentials { Trust = new X509Certificate2Collection(_authority.Root), BearerToken = token }),
        };
    }

    public async Task StartAsync()
    {
        _stop = new CancellationTokenSource();
        var options = Options with { MirrorDirectory = Path.Combine(_directory.Path, "mirror") };
        _role = new ClusterRole(options, _root?.ClusterClient(options.Name), _time, NullLoggerFactory.Instance);
        Server = await ApiServer.CreateAsync(
            new ApiServerOptions
            {
                Store = _store,
                Time = _time,
                Admissions = _role.Admissions,
                Authorizer = _role.Authorizer,
                Listen = [new IPEndPoint(IPAddress.Loopback, _port)],
                SideListeners = _role.SideListeners,
                MapEndpoints = _role.Map,
                Authority = _authority,
                Tokens = _tokens,
            },
            default);
        await _role.LoadAsync(Server.Local, default);
        await Server.ListenAsync(default);
        _port = Server.Endpoints[0].Port;
        _run = _role.RunAsync(_stop.Token);
    }

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _run;
        await _role.DisposeAsync();
        await Server.DisposeAsync();
    }

    public async Task RestartAsync()
    {
        await StopAsync();
        await StartAsync();
    }

    /// <summary>Registers a worker as its node would: object, lease, subnetwork awaited.</summary>
    public async Task<Worker> JoinAsync(string name, Func<WorkerSpec, WorkerSpec>? with = null, int leaseSeconds = 3_600)
    {
        var spec = new WorkerSpec { Underlay = $"192.0.2.{name.Sum(c => c) % 250 + 1}", RunsProcesses = true };
        await Local.CreateAsync(new Worker { Metadata = new ObjectMeta { Name = name }, Spec = with?.Invoke(spec) ?? spec }, default);
        await RenewAsync(name, leaseSeconds);
        return await Local.UntilThereAsync<Worker>(name, w => w.Status is { Phase: PresencePhase.Ready, Subnetwork: not null });
    }

    /// <summary>Renews a worker's lease.</summary>
    public async Task RenewAsync(string worker, int seconds = 3_600)
    {
        var key = new ObjectKey(Worker.LeaseNamespace, worker);
        var spec = new LeaseSpec { HolderIdentity = worker, LeaseDurationSeconds = seconds, RenewTime = _time.GetUtcNow() };
        var lease = new Lease { Metadata = new ObjectMeta { Name = worker, Namespace = Worker.LeaseNamespace }, Spec = spec };
        if (await Local.GetAsync<Lease>(key, default) is null) await Local.CreateAsync(lease, default);
        else await Local.UpdateAsync(lease, default);
    }

    /// <summary>Reports an instance as running, as its node would.</summary>
    public async Task<FabricInstance> RunAsync(string name, string worker, int slot)
    {
        var placed = await Local.UntilThereAsync<FabricInstance>(name, i => i.Spec.Worker == worker && i.Status?.Instance is not null);
        var index = (await Local.GetAsync<Worker>(worker, default))!.Status!.Subnetwork!.Index;
        var pair = new AddressPair(Addressing.Subnetworks.Namespace4(index, slot).ToString(), Addressing.Subnetworks.Namespace6(index, slot).ToString());
        var status = placed.Status! with { Phase = InstancePhase.Running, NamespaceAddress = pair };
        return await WorkerClient(worker).UpdateStatusAsync(placed with { Metadata = placed.Metadata with { ResourceVersion = null }, Status = status }, default);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients) client.Dispose();
        if (!_stop.IsCancellationRequested) await StopAsync();
        await _store.DisposeAsync();
        _directory.Dispose();
        _authority.Dispose();
        _stop.Dispose();
    }
}
