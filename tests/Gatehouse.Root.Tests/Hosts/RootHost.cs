using System.Net;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Root;
using Gatehouse.Root.Oakestra;
using Gatehouse.Store;
using Gatehouse.Store.Memory;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.TestHosts;

/// <summary>A root service manager.</summary>
internal sealed class RootHost : ApiHost
{
    private RootHost(TimeProvider time, IRevisionStore store)
        : base(time, store, "test root")
    {
    }

    public RootOptions Options { get; set; } = new();

    /// <summary>Oakestra's surface over TLS.</summary>
    public Uri OakestraTls => new($"https://127.0.0.1:{Server.SideEndpoints[1].Port}");

    /// <summary>With a system manager that deploys without credentials unless the options say otherwise.</summary>
    public static async Task<RootHost> StartAsync(RootOptions? options = null, TimeProvider? time = null, IRevisionStore? store = null)
    {
        var host = new RootHost(time ?? TimeProvider.System, store ?? new MemoryStore(TimeProvider.System)) { Options = options ?? new RootOptions { Oakestra = new OakestraOptions { AllowAnonymousSystemManager = true } } };
        await host.ResumeAsync();
        return host;
    }

    /// <summary>Plain HTTPS to root's own listener, without credentials.</summary>
    public HttpClient RawClient(Uri? address = null) => new(new SocketsHttpHandler
    {
        SslOptions = { CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { Authority.Root }, RevocationMode = X509RevocationMode.NoCheck } },
    })
    {
        BaseAddress = address ?? Address,
    };

    /// <summary>A client with a cluster's rights.</summary>
    public HttpObjectClient ClusterClient(string name, ServerStore? known = null) => Client(Cluster(name), known);

    public static UserInfo Cluster(string name) => new($"{UserInfo.ClusterPrefix}{name}", [UserInfo.ClustersGroup]);

    protected override HostedRole MakeRole()
    {
        // The surface keeps its port over a restart, as the API does.
        var listen = new IPEndPoint(IPAddress.Loopback, Server?.SideEndpoints[0].Port ?? 0);
        var role = new RootRole(Options with { Oakestra = Options.Oakestra with { Listen = [listen], ListenTls = [new IPEndPoint(IPAddress.Loopback, 0)] } }, Time, NullLoggerFactory.Instance);
        return new(
            o => o with { Admissions = role.Admissions, Authorizer = role.Authorizer, SideListeners = role.SideListeners, MapEndpoints = role.Map },
            local => role.LoadAsync(local, default),
            role.RunAsync,
            () =>
            {
                role.Dispose();
                return ValueTask.CompletedTask;
            });
    }
}
