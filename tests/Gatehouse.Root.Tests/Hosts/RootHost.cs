using System.Net;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Server;
using Gatehouse.Root;
using Gatehouse.Root.Oakestra;
using Gatehouse.Store;
using Gatehouse.Store.Memory;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.TestHosts;

/// <summary>A root service manager with a real API server over TLS, on a store that outlives its restarts.</summary>
internal sealed class RootHost : IAsyncDisposable
{
    private readonly TimeProvider _time;
    private readonly BearerTokens _tokens = new();
    private readonly CertificateAuthority _authority;
    private readonly List<HttpObjectClient> _clients = [];
    private readonly IRevisionStore _store;
    private readonly IPEndPoint?[] _oakestra = [null];
    private CancellationTokenSource _stop = new();
    private Task _run = Task.CompletedTask;
    private RootRole _role = null!;
    private int _port;

    private RootHost(TimeProvider time, IRevisionStore store)
    {
        (_time, _store) = (time, store);
        _authority = CertificateAuthority.CreateRoot("test root", TimeProvider.System);
    }

    public RootOptions Options { get; set; } = new();

    /// <summary>Oakestra's surface over TLS.</summary>
    public Uri OakestraTls => new($"https://127.0.0.1:{Server.SideEndpoints[1].Port}");

    public ApiServer Server { get; private set; } = null!;

    public IObjectClient Local => Server.Local;

    public Uri Address => new($"https://127.0.0.1:{_port}");

    /// <summary>Oakestra's surface in plain HTTP.</summary>
    public Uri Oakestra => new($"http://127.0.0.1:{_oakestra[0]!.Port}");

    /// <summary>With a system manager that deploys without credentials unless the options say otherwise.</summary>
    public static async Task<RootHost> StartAsync(RootOptions? options = null, TimeProvider? time = null, IRevisionStore? store = null)
    {
        var host = new RootHost(time ?? TimeProvider.System, store ?? new MemoryStore(TimeProvider.System)) { Options = options ?? new RootOptions { Oakestra = new OakestraOptions { AllowAnonymousSystemManager = true } } };
        await host.StartAsync();
        return host;
    }

    /// <summary>A client with somebody's rights, over TLS.</summary>
    public HttpObjectClient Client(UserInfo user)
    {
        var client = new HttpObjectClient(new HttpObjectClientOptions
        {
            Server = Address,
            Credentials = new FixedCredentials(new ApiCredentials { Trust = new X509Certificate2Collection(_authority.Root), BearerToken = Token(user) }),
        });
        _clients.Add(client);
        return client;
    }

    /// <summary>Plain HTTPS to root's own listener, without credentials.</summary>
    public HttpClient RawClient(Uri? address = null) => new(new SocketsHttpHandler
    {
        SslOptions = { CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { _authority.Root }, RevocationMode = X509RevocationMode.NoCheck } },
    })
    {
        BaseAddress = address ?? Address,
    };

    /// <summary>A client with a cluster's rights.</summary>
    public HttpObjectClient ClusterClient(string name) => Client(Cluster(name));

    public static UserInfo Cluster(string name) => new($"{UserInfo.ClusterPrefix}{name}", [UserInfo.ClustersGroup]);

    /// <summary>A bearer token that stands for somebody.</summary>
    public string Token(UserInfo user)
    {
        var token = $"token-for-{user.Name}-{string.Join('-', user.Groups)}";
        _tokens.Add(token, user, null);
        return token;
    }

    /// <summary>Ends the process's part of it; the store stays.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _run;
        await Server.DisposeAsync();
        _role.Dispose();
    }

    /// <summary>Starts again on the same store and port.</summary>
    public async Task StartAsync()
    {
        _stop = new CancellationTokenSource();
        var listen = new IPEndPoint(IPAddress.Loopback, _oakestra[0]?.Port ?? 0);
        _role = new RootRole(Options with { Oakestra = Options.Oakestra with { Listen = [listen], ListenTls = [new IPEndPoint(IPAddress.Loopback, 0)] } }, _time, NullLoggerFactory.Instance);
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
        _oakestra[0] = Server.SideEndpoints[0];
        _run = _role.RunAsync(_stop.Token);
    }

    public async Task RestartAsync()
    {
        await StopAsync();
        await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients) client.Dispose();
        if (!_stop.IsCancellationRequested) await StopAsync();
        await _store.DisposeAsync();
        _authority.Dispose();
        _stop.Dispose();
    }
}
