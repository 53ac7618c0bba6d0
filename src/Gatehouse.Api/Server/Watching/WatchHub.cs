using System.Collections.Frozen;
using Gatehouse.Api.Server.Registry;
using Gatehouse.Objects;
using Gatehouse.Store;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Api.Server.Watching;

/// <summary>
/// Reads the store's changes once, for all watches. One loop follows the store and feeds each kind's <see cref="KindFeed"/>; a watch that starts before
/// what is in memory reads the store itself until it has caught up.
/// </summary>
internal sealed partial class WatchHub : IAsyncDisposable
{
    /// <summary>Watches get their bookmarks in this many rounds, so that 15,000 of them do not write in one moment.</summary>
    private const int Slots = 8;

    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    private readonly IRevisionStore _store;
    private readonly ApiServerOptions _options;
    private readonly ApiServerMetrics _metrics;
    private readonly ILogger _logger;
    private readonly FrozenDictionary<RegisteredKind, KindFeed> _feeds;
    private readonly (string Prefix, KindFeed Feed)[] _prefixes;
    private readonly CancellationTokenSource _stop = new();
    private Task _loops = Task.CompletedTask;
    private long _revision;
    private int _nextSlot;
    private int _count;

    public WatchHub(ApiServerOptions options, IReadOnlyCollection<RegisteredKind> kinds, ApiServerMetrics metrics)
    {
        _store = options.Store;
        _options = options;
        _metrics = metrics;
        _logger = options.Logs.CreateLogger<WatchHub>();
        _feeds = kinds.ToFrozenDictionary(static k => k, k => new KindFeed(k, options.Limits, metrics));
        _prefixes = [.. _feeds.Values.Select(static f => (f.Kind.KeyPrefix, f))];
    }

    /// <summary>Every change up to it is in the feeds.</summary>
    public long Revision => Volatile.Read(ref _revision);

    /// <summary>Starts to follow the store, from as far back as the feeds can hold.</summary>
    public void Start()
    {
        Restart(Math.Max(_store.CompactedRevision, _store.Revision - _options.Limits.RecentEvents));
        _loops = Task.WhenAll(Task.Run(FollowAsync), Task.Run(BookmarkAsync));
    }

    /// <summary>Opens a watch. The caller reads <see cref="Watcher.Items"/> and calls <see cref="Close"/>.</summary>
    /// <param name="after">A revision that the store has reached.</param>
    /// <returns>Null and the refusal: the revision is compacted, or there are too many watches.</returns>
    public async ValueTask<(Watcher? Watcher, Status? Refusal)> OpenAsync(
        RegisteredKind kind, ObjectFilter filter, long after, bool bookmarks, CancellationToken cancellation)
    {
        if (after > _store.Revision)
        {
            // Kubernetes waits here; a client of a store that was restored from a backup would wait for ever and believe what it has.
            return (null, Refusals.Expired($"too large resource version: {after}, current: {_store.Revision}; list again"));
        }

        if (Interlocked.Increment(ref _count) > _options.Limits.Watches)
        {
            Interlocked.Decrement(ref _count);
            _metrics.Rejected("watches");
            return (null, Refusals.TooMany("watches"));
        }

        var watcher = new Watcher(kind, filter, bookmarks, _options.Limits.EventsPerWatch)
        {
            After = after,
            Slot = (int)((uint)Interlocked.Increment(ref _nextSlot) % Slots),
        };
        _metrics.Watch(kind, 1);
        var feed = _feeds[kind];
        try
        {
            if (!_stop.IsCancellationRequested && (feed.TryEnter(watcher) || await CatchUpAsync(feed, watcher, cancellation))) return (watcher, null);
            watcher.End();
            return (watcher, null);
        }
        catch (RevisionCompactedException e)
        {
            Close(watcher);
            return (null, Refusals.Expired($"too old resource version: {after} ({e.Oldest})"));
        }
        catch
        {
            Close(watcher);
            throw;
        }
    }

    /// <summary>Ends a watch.</summary>
    public void Close(Watcher watcher)
    {
        _feeds[watcher.Kind].Leave(watcher);
        Interlocked.Decrement(ref _count);
        _metrics.Watch(watcher.Kind, -1);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loops;
        foreach (var feed in _feeds.Values) feed.Reset(Revision);
        _stop.Dispose();
    }

    /// <summary>Reads the store until the feed takes the watcher in.</summary>
    /// <returns>False when the watcher's queue was too short for all that it missed.</returns>
    private async Task<bool> CatchUpAsync(KindFeed feed, Watcher watcher, CancellationToken cancellation)
    {
        // The whole registry, not the kind alone: every revision up to what the feed forgot has an event there, so the loop always comes to its end.
        await foreach (var change in _store.WatchAsync(RegisteredKind.RootPrefix, watcher.After, cancellation))
        {
            if (change.Key is { } key && key.StartsWith(feed.Kind.KeyPrefix, StringComparison.Ordinal))
            {
                if (!watcher.Offer(new WatchChange(feed.Kind, change, _metrics))) break;
            }

            watcher.After = change.Revision;
            if (feed.TryEnter(watcher)) return true;
        }

        _metrics.Overflowed(feed.Kind);
        return false;
    }

    private void Restart(long revision)
    {
        Volatile.Write(ref _revision, revision);
        foreach (var feed in _feeds.Values) feed.Reset(revision);
    }

    private async Task FollowAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await foreach (var change in _store.WatchAsync(RegisteredKind.RootPrefix, Revision, _stop.Token)) Publish(change);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (RevisionCompactedException e)
            {
                FellBehind(_logger, e.Asked, e.Oldest);
                Restart(_store.Revision);
            }
            catch (Exception e)
            {
                FollowFailed(_logger, Revision, e);
                await Task.Delay(RetryDelay, _options.Time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Publish(StoreEvent change)
    {
        if (change.Key is { } key)
        {
            foreach (var (prefix, feed) in _prefixes)
            {
                if (!key.StartsWith(prefix, StringComparison.Ordinal)) continue;
                try
                {
                    feed.Publish(new WatchChange(feed.Kind, change, _metrics));
                }
                catch (System.Text.Json.JsonException e)
                {
                    // Nothing that this server writes; one such value must not stop all watches.
                    Unreadable(_logger, key, change.Revision, e);
                }

                break;
            }
        }

        Volatile.Write(ref _revision, change.Revision);
    }

    private async Task BookmarkAsync()
    {
        try
        {
            for (var slot = 0; ; slot = (slot + 1) % Slots)
            {
                // Measured from the end of the last round: rounds that take long on a busy machine do not pile up, and none is left out.
                await Task.Delay(_options.Limits.BookmarkPeriod / Slots, _options.Time, _stop.Token);
                var revision = Revision;
                foreach (var feed in _feeds.Values) feed.Bookmark(revision, slot);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // the server stops
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Watches end: the server fell behind the store's history (asked for {Asked}, oldest is {Oldest})")]
    private static partial void FellBehind(ILogger logger, long asked, long oldest);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Key} at revision {Revision} is no object; watches do not see it")]
    private static partial void Unreadable(ILogger logger, string key, long revision, Exception fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "Following the store after revision {Revision} failed; trying again")]
    private static partial void FollowFailed(ILogger logger, long revision, Exception fault);
}
