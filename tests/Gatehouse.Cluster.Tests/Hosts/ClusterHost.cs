using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Cluster;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Store.Memory;
using Gatehouse.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.TestHosts;

/// <summary>A cluster service manager, linked to a root over TLS with a cluster's rights; its mirror outlives its restarts too.</summary>
internal sealed class ClusterHost : ApiHost
{
    private readonly RootHost? _root;
    private readonly TemporaryDirectory _directory = new();

    private ClusterHost(RootHost? root, ClusterOptions options, TimeProvider time)
        : base(time, new MemoryStore(TimeProvider.System), "test cluster") => (_root, Options) = (root, options);

    public ClusterOptions Options { get; set; }

    /// <summary>Where the cluster remembers root's store.</summary>
    public string RootStoreNote => Path.Combine(_directory.Path, "root-store");

    /// <summary>One question to root, as the cluster asks it.</summary>
    public async Task AskRootAsync()
    {
        using var client = new HttpObjectClient(_root!.ClientOptions(RootHost.Cluster(Options.Name)) with { Store = new ServerStore(RootStoreNote) });
        await client.ListAsync<Subnetwork>(new Selection(Fields: $"spec.cluster={Options.Name}"), default);
    }

    /// <summary>Oakestra's surface over TLS, as somebody or as nobody.</summary>
    public HttpClient RawClient(UserInfo? user)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { Authority.Root }, RevocationMode = X509RevocationMode.NoCheck };
        var http = new HttpClient(new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = policy } }) { BaseAddress = new Uri($"https://127.0.0.1:{Server.SideEndpoints[1].Port}") };
        if (user is not null) http.DefaultRequestHeaders.Authorization = new("Bearer", Token(user));
        return http;
    }

    public static async Task<ClusterHost> StartAsync(RootHost? root, string name = "c1", TimeProvider? time = null, Func<ClusterOptions, ClusterOptions>? with = null)
    {
        var options = new ClusterOptions { Name = name, RootRetry = TimeSpan.FromMilliseconds(200) };
        var host = new ClusterHost(root, with?.Invoke(options) ?? options, time ?? TimeProvider.System);
        await host.ResumeAsync();
        return host;
    }

    /// <summary>A client with a worker's rights, over TLS.</summary>
    public HttpObjectClient WorkerClient(string name) => Client(new UserInfo($"{UserInfo.WorkerPrefix}{name}", [UserInfo.WorkersGroup]));

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
        var spec = new LeaseSpec { HolderIdentity = worker, LeaseDurationSeconds = seconds, RenewTime = Time.GetUtcNow() };
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

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _directory.Dispose();
    }

    protected override HostedRole MakeRole()
    {
        var options = Options with { MirrorDirectory = Path.Combine(_directory.Path, "mirror") };
        var role = new ClusterRole(options, _root?.ClusterClient(options.Name, new ServerStore(RootStoreNote)), Time, NullLoggerFactory.Instance);
        return new(
            o => o with { Admissions = role.Admissions, Authorizer = role.Authorizer, SideListeners = role.SideListeners, MapEndpoints = role.Map },
            local => role.LoadAsync(local, default),
            role.RunAsync,
            role.DisposeAsync);
    }
}
