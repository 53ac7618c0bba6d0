using System.Net;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Root;
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

    public static async Task<RootHost> StartAsync(RootOptions? options = null, TimeProvider? time = null, IRevisionStore? store = null)
    {
        var host = new RootHost(time ?? TimeProvider.System, store ?? new MemoryStore(TimeProvider.System)) { Options = options ?? new RootOptions() };
        await host.ResumeAsync();
        return host;
    }

    /// <summary>Plain HTTPS to root's own listener, without credentials.</summary>
    public HttpClient RawClient() => new(new SocketsHttpHandler
    {
        SslOptions = { CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { Authority.Root }, RevocationMode = X509RevocationMode.NoCheck } },
    })
    {
        BaseAddress = Address,
    };

    /// <summary>A client with a cluster's rights.</summary>
    public HttpObjectClient ClusterClient(string name) => Client(Cluster(name));

    public static UserInfo Cluster(string name) => new($"{UserInfo.ClusterPrefix}{name}", [UserInfo.ClustersGroup]);

    protected override HostedRole MakeRole()
    {
        // The surface keeps its port over a restart, as the API does.
        var listen = new IPEndPoint(IPAddress.Loopback, Server?.SideEndpoints[0].Port ?? 0);
        var role = new RootRole(Options with { Oakestra = Options.Oakestra with { Listen = [listen] } }, Time, NullLoggerFactory.Instance);
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
