using System.Collections.Concurrent;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Api.Reconciling;

/// <summary>Settings of a <see cref="ReconcileLoop{TKey}"/>.</summary>
public sealed record ReconcileOptions
{
    /// <summary>For logs and metrics, for example <c>root.subnetworks</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Steps at the same time, each on another key. Default 1.</summary>
    public int Parallel { get; init; } = 1;

    /// <summary>Pause after a key's first failure; doubles with each. Default 20 ms: most failures are conflicts with a writer that is done by then.</summary>
    public TimeSpan BackoffFirst { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>The longest pause. Default 5 s.</summary>
    public TimeSpan BackoffMax { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest pause after a refusal (invalid, forbidden), which only a change of something else can end. Default 1 min.</summary>
    public TimeSpan RefusedMax { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Clock of pauses.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Spreads the pauses over half of their length. Default: the process's shared source.</summary>
    public Random Random { get; init; } = Random.Shared;

    /// <summary>Default: none.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;
}

/// <summary>
/// Looks at keys that were marked, one step each: read, plan, apply. What a server refuses or does not answer is tried again later, for that key alone; any other
/// exception is a bug and ends the loop, and with it the role.
/// </summary>
public sealed partial class ReconcileLoop<TKey> : IDisposable
    where TKey : notnull
{
    private readonly ReconcileOptions _options;
    private readonly Func<TKey, CancellationToken, Task<DateTimeOffset?>> _step;
    private readonly DirtyQueue<TKey> _queue;
    private readonly ConcurrentDictionary<TKey, Failures> _failures = new();
    private readonly IDisposable _watched;

    /// <param name="step">Brings one key to its desired state. Returns when to look again even if nothing changes; null for never.</param>
    public ReconcileLoop(ReconcileOptions options, Func<TKey, CancellationToken, Task<DateTimeOffset?>> step)
    {
        (_options, _step, _queue) = (options, step, new DirtyQueue<TKey>(options.Time));
        _watched = ReconcileMetrics.Watch(options.Name, () => _queue.Count, () => _failures.Count);
    }

    /// <summary>Keys that wait or are being looked at.</summary>
    public int Pending => _queue.Count;

    /// <summary>Keys whose last step failed.</summary>
    public int Failing => _failures.Count;

    /// <summary>Something about the key changed.</summary>
    public void Mark(TKey key) => _queue.Mark(key);

    /// <summary>Something about these keys changed.</summary>
    public void Mark(IEnumerable<TKey> keys)
    {
        foreach (var key in keys) _queue.Mark(key);
    }

    /// <summary>The key has to be looked at then.</summary>
    public void MarkAt(TKey key, DateTimeOffset due) => _queue.MarkAt(key, due);

    /// <summary>For a step to call with its own key: no other begins for so long, and what changes meanwhile is one step.</summary>
    public void Rest(TKey key, TimeSpan duration) => _queue.Rest(key, _options.Time.GetUtcNow() + duration);

    /// <summary>Tries the failed keys again without their pause: whatever was away is back.</summary>
    public void RetryNow() => Mark(_failures.Keys);

    /// <summary>Works until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var workers = Enumerable.Range(0, _options.Parallel).Select(_ => Task.Run(() => WorkAsync(stop.Token), CancellationToken.None)).ToList();
        // The first to end failed or was cancelled: either way the others have to end too.
        await Task.WhenAny(workers);
        await stop.CancelAsync();
        await Task.WhenAll(workers);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _watched.Dispose();
        _queue.Dispose();
    }

    private async Task WorkAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            TKey key;
            try
            {
                key = await _queue.TakeAsync(cancellation);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }

            try
            {
                await StepAsync(key, cancellation);
            }
            finally
            {
                _queue.Done(key);
            }
        }
    }

    private async Task StepAsync(TKey key, CancellationToken cancellation)
    {
        var start = _options.Time.GetTimestamp();
        try
        {
            var again = await _step(key, cancellation);
            _failures.TryRemove(key, out _);
            if (again is { } due) _queue.MarkAt(key, due);
            ReconcileMetrics.Step(_options.Name, "done", _options.Time.GetElapsedTime(start));
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }
        catch (ApiUnreachableException e)
        {
            Fail(key, e, "unreachable", start);
        }
        catch (ApiStatusException e)
        {
            Fail(key, e, e.Status.Reason ?? "refused", start);
        }
    }

    private void Fail(TKey key, Exception cause, string outcome, long start)
    {
        var refused = cause is ApiStatusException { Status.Reason: StatusReason.Invalid or StatusReason.Forbidden };
        var isNews = !_failures.TryGetValue(key, out var before) || before.Last != cause.Message;
        var failures = _failures.AddOrUpdate(key, _ => new(1, cause.Message), (_, f) => new(f.Count + 1, cause.Message)).Count;
        var most = refused ? _options.RefusedMax : _options.BackoffMax;
        var full = Math.Min(most.Ticks, _options.BackoffFirst.Ticks * Math.Pow(2, Math.Min(failures - 1, 30)));
        var pause = TimeSpan.FromTicks((long)(full * (0.5 + _options.Random.NextDouble() / 2)));
        _queue.MarkAt(key, _options.Time.GetUtcNow() + pause);
        ReconcileMetrics.Step(_options.Name, outcome, _options.Time.GetElapsedTime(start));
        var expected = cause is ApiStatusException { Status.Reason: StatusReason.Conflict or StatusReason.AlreadyExists };
        if ((expected && failures < 5) || (refused && !isNews)) LogRetry(_options.Logger, _options.Name, key, failures, cause.Message);
        else LogFailure(_options.Logger, _options.Name, key, failures, pause, cause.Message);
    }

    /// <param name="Last">What the last one said: the same refusal again is no news.</param>
    private readonly record struct Failures(int Count, string Last);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Loop}: {Key} is tried again after attempt {Attempt}: {Fault}")]
    private static partial void LogRetry(ILogger logger, string loop, object key, int attempt, string fault);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Loop}: {Key} failed {Attempt} times, next attempt in {Pause}: {Fault}")]
    private static partial void LogFailure(ILogger logger, string loop, object key, int attempt, TimeSpan pause, string fault);
}
