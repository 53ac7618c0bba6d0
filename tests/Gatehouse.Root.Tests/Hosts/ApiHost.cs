using System.Net;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Server;
using Gatehouse.Store;
using Gatehouse.Store.Memory;

namespace Gatehouse.TestHosts;

/// <summary>A role's part of a process: a real API server over TLS, on a store, an authority and a port that outlive its restarts.</summary>
internal abstract class ApiHost(TimeProvider time, IRevisionStore store, string authority) : IAsyncDisposable
{
    private readonly BearerTokens _tokens = new();
    private readonly List<HttpObjectClient> _clients = [];
    private CancellationTokenSource _stop = new();
    private Task _run = Task.CompletedTask;
    private HostedRole? _role;
    private int _port;

    public ApiServer Server { get; private set; } = null!;

    public IObjectClient Local => Server.Local;

    public Uri Address => new($"https://127.0.0.1:{_port}");

    /// <summary>Oakestra's surface in plain HTTP.</summary>
    public Uri Oakestra => new($"http://127.0.0.1:{Server.SideEndpoints[0].Port}");

    protected TimeProvider Time => time;

    protected CertificateAuthority Authority { get; } = CertificateAuthority.CreateRoot(authority, TimeProvider.System);

    /// <summary>A bearer token that stands for somebody.</summary>
    public string Token(UserInfo user)
    {
        var token = $"token-for-{user.Name}-{string.Join('-', user.Groups)}";
        _tokens.Add(token, user, null);
        return token;
    }

    /// <summary>What a client with somebody's rights is made of.</summary>
    public HttpObjectClientOptions ClientOptions(UserInfo user) => new()
    {
        Server = Address,
        Credentials = new FixedCredentials(new ApiCredentials { Trust = new X509Certificate2Collection(Authority.Root), BearerToken = Token(user) }),
    };

    /// <summary>A client with somebody's rights, over TLS.</summary>
    public HttpObjectClient Client(UserInfo user, ServerStore? known = null)
    {
        var client = new HttpObjectClient(ClientOptions(user) with { Store = known });
        _clients.Add(client);
        return client;
    }

    /// <summary>Starts, the first time or again on the same store and port.</summary>
    public async Task ResumeAsync()
    {
        _stop = new CancellationTokenSource();
        _role = MakeRole();
        Server = await ApiServer.CreateAsync(
            _role.Configure(new ApiServerOptions { Store = store, Time = time, Listen = [new IPEndPoint(IPAddress.Loopback, _port)], Authority = Authority, Tokens = _tokens }), default);
        await _role.Load(Server.Local);
        await Server.ListenAsync(default);
        _port = Server.Endpoints[0].Port;
        _run = _role.Run(_stop.Token);
    }

    /// <summary>Ends the process's part of it; the store stays.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _run;
        await Server.DisposeAsync();
        await _role!.End();
    }

    /// <summary>Starts again on an empty store.</summary>
    public async Task RestartEmptyAsync()
    {
        await StopAsync();
        await store.DisposeAsync();
        store = new MemoryStore(TimeProvider.System);
        await ResumeAsync();
    }

    public async Task RestartAsync()
    {
        await StopAsync();
        await ResumeAsync();
    }

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var client in _clients) client.Dispose();
        if (!_stop.IsCancellationRequested) await StopAsync();
        await store.DisposeAsync();
        Authority.Dispose();
        _stop.Dispose();
    }

    /// <summary>Makes the role anew for each start.</summary>
    protected abstract HostedRole MakeRole();

    /// <param name="Configure">Adds the role's part to the server's options.</param>
    protected sealed record HostedRole(
        Func<ApiServerOptions, ApiServerOptions> Configure, Func<IObjectClient, Task> Load, Func<CancellationToken, Task> Run, Func<ValueTask> End);
}
