using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Api.Client;

/// <summary>Settings of <see cref="Informer{T}"/>.</summary>
public sealed record InformerOptions
{
    /// <summary>Where the last state is kept, for example <c>STATE/mirror/workers.json</c>; its folder is made. Null: not on disk.</summary>
    public string? StateFile { get; init; }

    /// <summary>Default: the system's clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Jitter. Default: the process's shared source.</summary>
    public Random Random { get; init; } = Random.Shared;

    /// <summary>The longest pause before the first new attempt; doubles with each failure. Default 200 ms.</summary>
    public TimeSpan BackoffFirst { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// The longest pause between attempts while the server is away (unreachable, or 5xx). Default 5 s, spread over its upper half. The informers of one client take turns, and
    /// all go on as soon as the server answers any request of it.
    /// </summary>
    public TimeSpan AwayMax { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest pause between attempts after refusals. Default 30 s.</summary>
    public TimeSpan BackoffMax { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A watch that lasted this long was healthy: the next failure is the first again. Default 10 s.</summary>
    public TimeSpan HealthyAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>From a change to the state file that holds it, at least; many changes make one write. Default 1 s.</summary>
    public TimeSpan SaveDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The same at most: a large state is written less often, so that writing takes a twentieth of the time. Default 30 s.</summary>
    public TimeSpan SaveDelayMax { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Deletes that are remembered, to tell a late event from a repeated one. Past it the informer lists again when in doubt. Default 4,096.</summary>
    public int Tombstones { get; init; } = 4_096;

    /// <summary>Default: none.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;
}
