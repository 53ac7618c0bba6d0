using System.Net;
using Gatehouse.Api.Identity;
using Gatehouse.Objects;
using Gatehouse.Store;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Api.Server;

/// <summary>What an API server is made of.</summary>
public sealed record ApiServerOptions
{
    /// <summary>Stays the caller's, who disposes it after the server.</summary>
    public required IRevisionStore Store { get; init; }

    /// <summary>Clock of timestamps, certificates and timeouts.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Default: no logs.</summary>
    public ILoggerFactory Logs { get; init; } = NullLoggerFactory.Instance;

    /// <summary>Kinds that this server knows. Default: all of <see cref="KindTable"/>.</summary>
    public IReadOnlyList<KindInfo> Kinds { get; init; } = KindTable.All;

    /// <summary>In the order in which they are asked.</summary>
    public IReadOnlyList<IAdmission> Admissions { get; init; } = [];

    /// <summary>Decides on everybody but <c>system:masters</c>, who may do everything. Null: nobody else may do anything.</summary>
    public IAuthorizer? Authorizer { get; init; }

    /// <summary>Where <see cref="ApiServer.ListenAsync"/> listens, over TLS; port 0 takes a free one.</summary>
    public IReadOnlyList<IPEndPoint> Listen { get; init; } = [];

    /// <summary>Listeners with endpoints of their own.</summary>
    public IReadOnlyList<SideListener> SideListeners { get; init; } = [];

    /// <summary>Signs the server's certificate, and members who join. Needed to listen, unless <see cref="AuthoritySource"/> is set.</summary>
    public CertificateAuthority? Authority { get; init; }

    /// <summary>Asked for the authority with each use, for a cluster whose intermediate is renewed while the server runs. Goes before <see cref="Authority"/>.</summary>
    public Func<CertificateAuthority>? AuthoritySource { get; init; }

    /// <summary>DNS names and addresses in the server's certificate.</summary>
    public IReadOnlyList<string> ServerNames { get; init; } = ["localhost", "127.0.0.1", "::1"];

    /// <summary>Life of the server's certificate, which is renewed at two thirds of it without a restart. Default 24 hours.</summary>
    public TimeSpan ServerCertificateLife { get; init; } = CertificateAuthority.DefaultLeafLife;

    /// <summary>
    /// Whose client certificates are accepted. Default: with a root authority, those that it signed itself for operators, clusters and workers; with an
    /// intermediate, those that it signed for workers and operators, and those that its root signed for operators.
    /// </summary>
    public IReadOnlyList<TrustedIssuer>? ClientIssuers { get; init; }

    /// <summary>Bearer tokens; null for none.</summary>
    public BearerTokens? Tokens { get; init; }

    /// <summary>Null: nobody can join here.</summary>
    public EnrollmentOptions? Enrollment { get; init; }

    /// <summary>A role's own endpoints on the API's listeners. Every caller is authenticated (<see cref="RequestUser"/>), unless the endpoint allows anonymous.</summary>
    public Action<IEndpointRouteBuilder>? MapEndpoints { get; init; }

    /// <summary>Whether the server can do its work, for <c>/readyz</c>: null when it can, otherwise why not.</summary>
    public Func<string?>? RefuseReady { get; init; }

    /// <summary>Bounds.</summary>
    public ApiServerLimits Limits { get; init; } = new();
}

/// <summary>The bounds of an API server and what happens at them.</summary>
public sealed record ApiServerLimits
{
    /// <summary>Bytes of a request body; beyond: 413. Default 1.5 MiB (the store's limit for a value).</summary>
    public int BodyBytes { get; init; } = 1536 * 1024;

    /// <summary>Requests under way, watches not counted; beyond: 429 with Retry-After. Default 1,000.</summary>
    public int RequestsInFlight { get; init; } = 1_000;

    /// <summary>Open watches; beyond: 429 with Retry-After. Default 50,000.</summary>
    public int Watches { get; init; } = 50_000;

    /// <summary>Events that wait for one slow watcher; beyond: its watch ends, and it resumes from the last revision it saw. Default 2,048.</summary>
    public int EventsPerWatch { get; init; } = 2_048;

    /// <summary>Recent events kept in memory for each kind; a watch from an older revision reads the store first. Default 4,096.</summary>
    public int RecentEvents { get; init; } = 4_096;

    /// <summary>Bytes of those recent events for each kind. Default 32 MiB.</summary>
    public long RecentBytes { get; init; } = 32L * 1024 * 1024;

    /// <summary>A watch without <c>timeoutSeconds</c> ends after this to twice this time. Default 30 minutes (as kube-apiserver).</summary>
    public TimeSpan WatchLife { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Time between bookmarks of a watch that asked for them. Default 1 minute.</summary>
    public TimeSpan BookmarkPeriod { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Tries of an update or patch that names no resourceVersion, against concurrent writers; beyond: 409. Default 32.</summary>
    public int ConflictRetries { get; init; } = 32;
}

/// <summary>A listener beside the API's own, with a role's endpoints and nothing else.</summary>
/// <param name="Listen">Port 0 takes a free one.</param>
/// <param name="Tls">False: plain HTTP, for surfaces whose clients speak nothing else.</param>
/// <param name="Map">
/// Adds the endpoints. Over TLS callers are authenticated as on the API's listeners; in plain HTTP nobody is, whatever a request carries: what would cross the network
/// in the clear is no credential. Without credentials they get 401 unless the endpoint allows anonymous.
/// </param>
/// <param name="Refusals">Null: as <see cref="Status"/>.</param>
public sealed record SideListener(IPEndPoint Listen, bool Tls, Action<IEndpointRouteBuilder> Map, RefusalShape? Refusals = null);
