using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Api.Identity;

/// <summary>How a machine becomes a member, and where it keeps what it got.</summary>
public sealed record JoinOptions
{
    /// <summary>The API server that issues: root for a cluster, the cluster for a worker. <c>https</c>.</summary>
    public required Uri Server { get; init; }

    /// <summary><c>STATE/identity</c>; see <see cref="IdentityFiles"/> for the files.</summary>
    public required string Directory { get; init; }

    /// <summary>One of the roles of <see cref="EnrollmentProtocol"/>.</summary>
    public required string Role { get; init; }

    /// <summary>The member's name: a DNS label (RFC 1123).</summary>
    public required string Name { get; init; }

    /// <summary>The join token, <c>gh1.ID.SECRET.PIN</c>. Needed once; not looked at while the folder holds an identity that is not over.</summary>
    public string? Token { get; init; }

    /// <summary>Default: the system's clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Jitter of renewals. Default: the process's shared source.</summary>
    public Random Random { get; init; } = Random.Shared;

    /// <summary>Of one request. Default 10 s.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest pause before the first new attempt of a renewal that failed; doubles with each failure. Default 5 s.</summary>
    public TimeSpan RetryFirst { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest pause between such attempts. Default 5 min.</summary>
    public TimeSpan RetryMax { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Default: none.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;
}

/// <summary>A join or renewal can't succeed as asked: no identity and no token, a token that is none, a server that is not the pinned one, an answer that does not fit.</summary>
public sealed class IdentityException(string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>Whether the same attempt may succeed later: the two clocks differ. Default false.</summary>
    public bool MayPass { get; init; }
}
