using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Api.Client;

/// <summary>Settings of <see cref="HttpObjectClient"/>.</summary>
public sealed record HttpObjectClientOptions
{
    /// <summary>The server, <c>https</c>, with an optional path before <c>/api</c>.</summary>
    public required Uri Server { get; init; }

    /// <summary>Whom to trust and what to show.</summary>
    public required ICredentialSource Credentials { get; init; }

    /// <summary>Default: the system's clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>From the call until the whole answer of one request (of one page of a list). Default 10 s.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Of the TCP and TLS handshakes. Default 5 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A watch without event and bookmark for this long is dead and ends. Default 90 s; the server sends bookmarks more often.</summary>
    public TimeSpan WatchIdleTimeout { get; init; } = TimeSpan.FromSeconds(90);

    /// <summary>How long the server is asked to keep a watch open; each watch takes a random time between this and its double, so that they don't end together. Default 5 min.</summary>
    public TimeSpan WatchDuration { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Between the pings that keep the connection warm and find out that it is dead. Default 10 s.</summary>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>An unanswered ping ends the connection after this. Default 5 s.</summary>
    public TimeSpan PingTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Objects in one page of a list. Default 1,000.</summary>
    public int PageSize { get; init; } = 1_000;

    /// <summary>A longer body of an answer is refused. Bytes; default 64 MiB.</summary>
    public int MaxAnswerBytes { get; init; } = 64 << 20;

    /// <summary>A longer line of a watch ends it with an error. Bytes; default 4 MiB, over twice the largest object.</summary>
    public int MaxWatchLineBytes { get; init; } = 4 << 20;

    /// <summary>The store that the server must have; one that answers from another counts as unreachable. Null: any.</summary>
    public ServerStore? Store { get; init; }

    /// <summary>Opens the connection below TLS, for a server that the process itself can't reach, for example one in another network namespace. Null: TCP as usual.</summary>
    public Func<DnsEndPoint, CancellationToken, ValueTask<Stream>>? Connect { get; init; }

    /// <summary>Spreads the ends of watches. Default: the process's shared source.</summary>
    public Random Random { get; init; } = Random.Shared;

    /// <summary>Default: none.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;
}
