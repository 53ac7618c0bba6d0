using System.Net;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Server;
using Gatehouse.Cluster;
using Gatehouse.Cluster.Gateways;
using Gatehouse.Cluster.Oakestra;
using Gatehouse.Objects.Kinds;
using Gatehouse.Store.Sqlite;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Serve;

/// <summary>The cluster role with its store, its identity at root, and its API server.</summary>
/// <param name="token">Asked when the role has not joined.</param>
internal sealed class ClusterProcess(ServeSettings settings, Func<CancellationToken, Task<string?>> token, TimeProvider time, ILoggerFactory logs) : IServedRole
{
    private readonly string _state = settings.StateOf(ServeOptions.Cluster);
    private readonly CancellationTokenSource _stopping = new();
    private MemberCredentials? _identity;
    private Task? _renewing;
    private HttpObjectClient? _root;
    private SqliteStore? _store;
    private ClusterRole? _role;
    private ApiServer? _server;
    private AdminKubeconfig? _kubeconfig;
    private ApiTokens? _tokens;

    /// <summary>For a node in the same process.</summary>
    public JoinTokens? Tokens => _server?.JoinTokens;

    private CertificateAuthority Authority => _identity!.Authority ?? throw new InvalidOperationException("a cluster's identity has no authority");

    public async Task StartAsync(CancellationToken cancellation)
    {
        StateDirectory.Make(_state);
        var join = MemberIdentity.Options(settings.RootUrl, EnrollmentProtocol.ClusterRole, settings.Name, Path.Combine(_state, "identity"), time, logs);
        _identity = await MemberIdentity.JoinAsync(join with { Token = await token(cancellation) }, cancellation);
        _renewing = _identity.RunAsync(_stopping.Token);
        _root = new HttpObjectClient(MemberIdentity.Client(settings.RootUrl, _identity, time, logs) with { Store = new ServerStore(Path.Combine(_state, "root-store")) });
        _store = await SqliteStore.OpenAsync(new SqliteStoreOptions { Path = Path.Combine(_state, "store.db") }, time, cancellation);
        _role = new ClusterRole(
            new ClusterOptions
            {
                Name = settings.Name,
                Address = AdminKubeconfig.Reachable(settings.ClusterListen[0]).ToString(),
                Listens = [.. settings.ClusterListen.Select(e => e.Address).Where(a => !a.Equals(IPAddress.Any) && !a.Equals(IPAddress.IPv6Any))],
                MirrorDirectory = Path.Combine(_state, "mirror"),
                Gateways = new GatewayOptions { Cluster = settings.Name, Authority = () => _identity.Authority },
                // With root in the same process the listeners are root's.
                Oakestra = settings.Roles.Contains(ServeOptions.Root) ? new OakestraClusterOptions() : new OakestraClusterOptions
                {
                    Listen = settings.OakestraListen,
                    ListenTls = settings.OakestraTlsListen,
                    AllowAnonymousClusterManager = settings.OakestraAnonymous,
                },
            },
            _root, time, logs);
        _tokens = new ApiTokens(_state, time, logs.CreateLogger<ApiTokens>());
        _server = await ApiServer.CreateAsync(
            new ApiServerOptions
            {
                Store = _store,
                Time = time,
                Logs = logs,
                AuthoritySource = () => Authority,
                Listen = settings.ClusterListen,
                Admissions = _role.Admissions,
                Authorizer = _role.Authorizer,
                SideListeners = _role.SideListeners,
                Tokens = _tokens.Known,
                MapEndpoints = _role.Map,
                ServerNames = ServerNames.Of(settings.ClusterListen, settings.Advertise),
                Enrollment = new EnrollmentOptions { Roles = [EnrollmentProtocol.WorkerRole], LeaseNamespace = Worker.LeaseNamespace, MemberSince = async (objects, name, ct) => EnrollmentOptions.SinceOf((await objects.GetAsync<Worker>(name, ct))?.Metadata) },
            },
            cancellation);
        await _role.LoadAsync(_server.Local, cancellation);
        await _server.ListenAsync(cancellation);
        _kubeconfig = new AdminKubeconfig(Path.Combine(_state, "admin.kubeconfig"), settings.ClusterListen[0], time);
        _kubeconfig.Write(Authority);
    }

    public Task RunAsync(CancellationToken cancellation) => Loops.UntilFirstEndsAsync(
        [_role!.RunAsync, _tokens!.RunAsync, t => _renewing!.WaitAsync(t), t => _kubeconfig!.RunAsync(() => Authority, t)], cancellation);

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
        if (_role is not null) await _role.DisposeAsync();
        if (_store is not null) await _store.DisposeAsync();
        await _stopping.CancelAsync();
        if (_renewing is not null) await _renewing.ContinueWith(static _ => { }, TaskScheduler.Default);
        _root?.Dispose();
        _stopping.Dispose();
    }
}
