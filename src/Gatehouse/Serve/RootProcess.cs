using Gatehouse.Api.Identity;
using Gatehouse.Api.Server;
using Gatehouse.Root;
using Gatehouse.Root.Oakestra;
using Gatehouse.Store.Sqlite;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Serve;

/// <summary>The root role with its store, its authority and its API server.</summary>
internal sealed class RootProcess(ServeSettings settings, TimeProvider time, ILoggerFactory logs) : IServedRole
{
    private readonly string _state = settings.StateOf(ServeOptions.Root);
    private CertificateAuthority? _authority;
    private SqliteStore? _store;
    private RootRole? _role;
    private ApiServer? _server;
    private AdminKubeconfig? _kubeconfig;
    private ApiTokens? _tokens;

    /// <summary>For a cluster in the same process.</summary>
    public JoinTokens? Tokens => _server?.JoinTokens;

    public async Task StartAsync(CancellationToken cancellation)
    {
        StateDirectory.Make(_state);
        _authority = CertificateAuthority.OpenRoot(Path.Combine(_state, "identity"), "gatehouse root", time);
        _store = await SqliteStore.OpenAsync(new SqliteStoreOptions { Path = Path.Combine(_state, "store.db") }, time, cancellation);
        _role = new RootRole(
            new RootOptions
            {
                Oakestra = new OakestraOptions
                {
                    Listen = settings.OakestraListen,
                    ListenTls = settings.OakestraTlsListen,
                    AllowAnonymousSystemManager = settings.OakestraAnonymous,
                },
            },
            time, logs);
        _tokens = new ApiTokens(_state, time, logs.CreateLogger<ApiTokens>());
        _server = await ApiServer.CreateAsync(
            new ApiServerOptions
            {
                Store = _store,
                Time = time,
                Logs = logs,
                Authority = _authority,
                Listen = settings.RootListen,
                SideListeners = _role.SideListeners,
                Admissions = _role.Admissions,
                Authorizer = _role.Authorizer,
                Tokens = _tokens.Known,
                MapEndpoints = _role.Map,
                ServerNames = ServerNames.Of(settings.RootListen, settings.Advertise),
                Enrollment = new EnrollmentOptions
                {
                    Roles = [EnrollmentProtocol.ClusterRole, EnrollmentProtocol.OperatorRole],
                    LeaseNamespace = Objects.Kinds.Cluster.LeaseNamespace,
                    MemberSince = async (objects, name, ct) => EnrollmentOptions.SinceOf((await objects.GetAsync<Objects.Kinds.Cluster>(name, ct))?.Metadata),
                },
            },
            cancellation);
        await _role.LoadAsync(_server.Local, cancellation);
        await _server.ListenAsync(cancellation);
        _kubeconfig = new AdminKubeconfig(Path.Combine(_state, "admin.kubeconfig"), settings.RootListen[0], time);
        _kubeconfig.Write(_authority);
    }

    public Task RunAsync(CancellationToken cancellation) => Loops.UntilFirstEndsAsync(
        [_role!.RunAsync, _tokens!.RunAsync, token => _kubeconfig!.RunAsync(() => _authority!, token)], cancellation);

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
        _role?.Dispose();
        if (_store is not null) await _store.DisposeAsync();
        _authority?.Dispose();
    }
}
