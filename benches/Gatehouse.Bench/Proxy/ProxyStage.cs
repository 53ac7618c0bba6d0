using Gatehouse.Bench.Proxy.Load;
using Gatehouse.Bench.Proxy.Peers;

namespace Gatehouse.Bench.Proxy;

/// <summary>What the parts share.</summary>
internal sealed class ProxyStage(BenchContext context, string folder, Backend backend, CancellationToken cancellation)
{
    private const string StandIn = "haproxy-again";

    public bool Quick => context.Quick;

    public Report Report => context.Report;

    public Backend Backend => backend;

    public CancellationToken Cancellation => cancellation;

    /// <summary>For TLS; made when it is first asked for.</summary>
    public TestCertificate Certificate => field ??= TestCertificate.Create(folder);

    /// <summary>What a part tells its contenders, for the HTTP that most have in common.</summary>
    public ProxySetup Setup(string name, Spoken spoken = Spoken.Http) => new()
    {
        Name = name,
        Folder = folder,
        Spoken = spoken,
        Backends = backend.Ports,
        Certificate = spoken == Spoken.Https ? Certificate : null,
    };

    /// <summary>Whether HAProxy stands in the engine's place.</summary>
    public bool IsNoise => context.Noise;

    /// <summary>For people.</summary>
    public string EngineName => IsNoise ? "haproxy again" : "gatehouse";

    /// <summary>The engine, or what stands in its place, to be told of changes.</summary>
    public Task<ChangeFeed> StartFedAsync(ProxySetup setup) => IsNoise ? ChangeFeed.HaproxyAsync(setup, cancellation) : FedEngine.StartAsync(setup);

    /// <summary>The engine, or what stands in its place.</summary>
    public Task<ProxyProcess> StartEngineAsync(ProxySetup setup) =>
        IsNoise ? Haproxy.StartAsync(StandIn, setup, "", cancellation) : Engine.StartAsync(setup, cancellation);

    /// <summary>Starts HAProxy, the engine and where it is asked for nginx, in this order.</summary>
    public async Task<Contenders> StartAsync(ProxySetup setup, bool nginx)
    {
        var all = new Contenders();
        try
        {
            all.Add("haproxy", await Haproxy.StartAsync(setup, cancellation));
            all.Add(EngineName, await StartEngineAsync(setup));
            if (nginx) all.Add("nginx", await Nginx.StartAsync("nginx", setup, serverForEachHost: false, cancellation));
            if (nginx && !context.Quick) all.Add("nginx, a server for each host", await Nginx.StartAsync("nginx-servers", setup, serverForEachHost: true, cancellation));
            return all;
        }
        catch
        {
            await all.DisposeAsync();
            throw;
        }
    }
}

/// <summary>Proxies that run side by side; all but the one that is measured have nothing to do.</summary>
internal sealed class Contenders : IAsyncDisposable
{
    private readonly List<(string Name, ProxyProcess Proxy)> _all = [];

    public IReadOnlyList<(string Name, ProxyProcess Proxy)> All => _all;

    public void Add(string name, ProxyProcess proxy) => _all.Add((name, proxy));

    public async ValueTask DisposeAsync()
    {
        foreach (var (_, proxy) in _all) await proxy.DisposeAsync();
    }
}
