using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Api.Identity;

/// <summary>How a machine becomes a member, and where it keeps what it got.</summary>
public sealed record JoinOptions
{
    /// <summary>The API server that issues: root for a cluster, the cluster for a worker. <c>https</c>.</summary>
    public required Uri Server { get; init; }

    /// <summary><c>STATE/identity</c>: ca.pem, cert.pem, key.pem (0600), and for a cluster issuer.pem and issuer-key.pem (0600).</summary>
    public required string Directory { get; init; }

    /// <summary><c>cluster</c>, <c>worker</c> or <c>operator</c>.</summary>
    public required string Role { get; init; }

    /// <summary>The member's name.</summary>
    public required string Name { get; init; }

    /// <summary>The join token, <c>gh1.ID.SECRET.PIN</c>. Needed once; null when the folder holds an identity.</summary>
    public string? Token { get; init; }

    /// <summary>Default: the system's clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Jitter of renewals. Default: the process's shared source.</summary>
    public Random Random { get; init; } = Random.Shared;

    /// <summary>Of one request. Default 10 s.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Default: none.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;
}

/// <summary>A join or renewal can't succeed as asked: no identity and no token, a token that is none, a server that is not the pinned one.</summary>
public sealed class IdentityException(string message, Exception? cause = null) : Exception(message, cause);
