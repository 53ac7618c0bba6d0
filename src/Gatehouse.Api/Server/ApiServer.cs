using System.Collections.Frozen;
using System.Net;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Server.Http;
using Gatehouse.Api.Server.Metrics;
using Gatehouse.Api.Server.Registry;
using Gatehouse.Api.Server.Watching;

namespace Gatehouse.Api.Server;

/// <summary>The Kubernetes-style API over a revisioned store: HTTPS for others, <see cref="Local"/> for the role in this process.</summary>
public sealed class ApiServer : IAsyncDisposable
{
    private readonly ApiServerOptions _options;
    private readonly ApiServerMetrics _metrics = new();
    private readonly PrometheusText _prometheus = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly WatchHub _hub;
    private readonly RequestPipeline _pipeline;
    private readonly List<HttpListenerHost> _hosts = [];
    private bool _disposed;

    private ApiServer(ApiServerOptions options)
    {
        _options = options;
        IAdmission[] admissions = [.. options.Enrollment is { } roles ? [new JoinTokenAdmission(roles)] : Array.Empty<IAdmission>(), .. options.Admissions];
        var kinds = options.Kinds.ToFrozenDictionary(static k => k, k => new RegisteredKind(k, admissions));
        var reader = new ObjectReader(options.Store, options.Authorizer);
        var writer = new ObjectWriter(options.Store, reader, options.Time, options.Limits.ConflictRetries, _metrics);
        _hub = new WatchHub(options, kinds.Values, _metrics);
        Local = new LocalObjectClient(reader, writer, _hub, kinds);
        JoinTokens = AuthorityOf(options) is { } authority ? new JoinTokens(Local, authority, options.Time) : null;
        var desk = options.Enrollment is { } enrollment && JoinTokens is not null
            ? new EnrollmentDesk(enrollment, AuthorityOf(options)!, JoinTokens, Local, options.Time)
            : null;
        var watches = new WatchEndpoint(reader, _hub, options, _metrics, _stopping.Token);
        _pipeline = new RequestPipeline(
            options,
            kinds,
            new Authentication(new ClientTrust(() => IssuersOf(options)), options.Tokens, options.Time),
            new ObjectEndpoints(reader, writer, watches, options),
            new SystemEndpoints(options, _prometheus, desk, _metrics),
            _metrics);
    }

    /// <summary>The registry as <c>system:masters</c>, without network; works before <see cref="ListenAsync"/>.</summary>
    public IObjectClient Local { get; }

    /// <summary>Where the API listens, with the ports that were taken; empty before <see cref="ListenAsync"/>.</summary>
    public IReadOnlyList<IPEndPoint> Endpoints { get; private set; } = [];

    /// <summary>Where the side listeners listen, in the order of the options.</summary>
    public IReadOnlyList<IPEndPoint> SideEndpoints { get; private set; } = [];

    /// <summary>Makes and withdraws join tokens; null without <see cref="ApiServerOptions.Authority"/>.</summary>
    public JoinTokens? JoinTokens { get; }

    /// <summary>Opens the registry on the store.</summary>
    public static Task<ApiServer> CreateAsync(ApiServerOptions options, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var server = new ApiServer(options);
        server._hub.Start();
        return Task.FromResult(server);
    }

    /// <summary>Starts to listen; returns when connections are accepted.</summary>
    /// <exception cref="IOException">An endpoint is taken.</exception>
    /// <exception cref="InvalidOperationException">There is no authority for the server's certificate.</exception>
    public async Task ListenAsync(CancellationToken cancellation)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var authority = AuthorityOf(_options) ?? throw new InvalidOperationException("an API server listens over TLS alone: it needs an authority");
        var certificate = new ServerCertificate(authority, _options.ServerNames, _options.ServerCertificateLife, _options.Time);
        if (_options.Listen.Count > 0)
        {
            var main = await HttpListenerHost.StartAsync(_options, _options.Listen, certificate, _options.MapEndpoints, _pipeline.ServeAsync, cancellation);
            _hosts.Add(main);
            Endpoints = main.Endpoints;
        }

        List<IPEndPoint> sides = [];
        foreach (var side in _options.SideListeners)
        {
            var host = await HttpListenerHost.StartAsync(_options, [side.Listen], side.Tls ? certificate : null, side.Map, (context, roles) => _pipeline.ServeSideAsync(context, roles, side), cancellation);
            _hosts.Add(host);
            sides.AddRange(host.Endpoints);
        }

        SideEndpoints = sides;
    }

    /// <summary>Stops listening, ends watches, and lets requests under way finish for up to 5 seconds.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed) return;
        _disposed = true;
        await _stopping.CancelAsync();
        foreach (var host in _hosts) await host.DisposeAsync();
        await _hub.DisposeAsync();
        _prometheus.Dispose();
        _metrics.Dispose();
        _stopping.Dispose();
    }

    private static Func<CertificateAuthority>? AuthorityOf(ApiServerOptions options) =>
        options.AuthoritySource ?? (options.Authority is { } fixedOne ? () => fixedOne : null);

    private static IReadOnlyList<TrustedIssuer> IssuersOf(ApiServerOptions options) =>
        options.ClientIssuers ?? (AuthorityOf(options) is { } authority ? ClientTrust.DefaultFor(authority()) : []);
}
