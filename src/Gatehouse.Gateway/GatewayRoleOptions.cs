using Gatehouse.Api.Gateways;
using Gatehouse.Api.Identity;

namespace Gatehouse.Gateway;

/// <summary>Settings of the gateway role.</summary>
public sealed record GatewayRoleOptions
{
    /// <summary>The worker that it runs on, as its certificate names it.</summary>
    public required string Worker { get; init; }

    /// <summary>The state directory: <c>mirror/</c> keeps what the cluster said last, <c>identity/</c> the management API's certificate.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>TCP port of the management API on the gateway's internal addresses; 0 takes a free one. Default 11022.</summary>
    public int ManagementPort { get; init; } = GatewayProtocol.ManagementPort;

    /// <summary>Bearer tokens for the management API, beside those of <see cref="TokenFile"/>. Default: none.</summary>
    public BearerTokens Tokens { get; init; } = new();

    /// <summary>
    /// A file with bearer tokens (<see cref="Api.Identity.TokenFile"/>), one line for each: <c>NAME TOKEN [EXPIRES]</c>; mode 0600; followed as it changes. Default null: <c>management-tokens</c> in the
    /// state directory, if it is there.
    /// </summary>
    public string? TokenFile { get; init; }

    /// <summary>How often the host's sockets are looked at; the kernel has no event for a new one. Default 2 s.</summary>
    public TimeSpan ScanInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Pause before an address that is not there yet, or a cluster that did not answer, is tried again. Default 1 s.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Where the kernel's socket tables are. Default <c>/proc/net</c>.</summary>
    public string SocketTables { get; init; } = "/proc/net";
}
