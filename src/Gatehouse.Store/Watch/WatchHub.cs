using System.Runtime.CompilerServices;
using Gatehouse.Store.Ledger;

namespace Gatehouse.Store.Watch;

/// <summary>
/// Hands committed changes to watchers. A watcher reads the history until it is close to the present, is then attached in the same lock that publishes
/// (hence no gap and no repeat), and falls back to the history when its buffer overflows.
/// </summary>
internal sealed class WatchHub(LiveLedger ledger, StoreOptions options, StoreMetrics metrics, TimeProvider time) : IDisposable
{
    // Revisions looked through under the lock when a watcher is attached; more than that is read before, without it.
    private const int AttachGap = 512;

    // Changes copied out of the history at once: a reader that pauses holds no more.
    private const int HistoryChunk = 256;

    private readonly Lock _lock = new();
    private readonly PrefixIndex _index = new();
    private readonly List<HashSet<Watcher>> _interested = [];
    private long _published = ledger.State.Revision;
    private ITimer? _progress;
    private bool _closed;

    /// <summary>Hands over changes in the order of their revisions. Called by the single writer, after they are in the ledger.</summary>
    public void Publish(IReadOnlyList<StoreEvent> changes)
    {
        if (changes.Count == 0) return;
        var offered = 0;
        lock (_lock)
        {
            foreach (var change in changes) offered += Offer(change);
            _published = changes[^1].Revision;
        }

        if (offered > 0) metrics.EventsOffered(offered);
    }

    /// <summary>See <see cref="IRevisionStore.WatchAsync"/>.</summary>
    public async IAsyncEnumerable<StoreEvent> ReadAsync(string prefix, long after, [EnumeratorCancellation] CancellationToken cancellation)
    {
        metrics.Watchers(1);
        try
        {
            var chunk = new List<StoreEvent>();
            for (var cursor = after; ;)
            {
                cancellation.ThrowIfCancellationRequested();
                if (TryAttach(prefix, cursor) is not { } watcher)
                {
                    cursor = ReadHistory(prefix, cursor, after, chunk);
                    foreach (var change in chunk) yield return change;
                    continue;
                }

                try
                {
                    while (await watcher.Events.WaitToReadAsync(cancellation).ConfigureAwait(false))
                    {
                        while (watcher.Events.TryRead(out var change)) yield return change;
                    }
                }
                finally
                {
                    Detach(watcher);
                }

                if (watcher.MissedAfter is not { } missedAfter) yield break;
                cursor = missedAfter;
            }
        }
        finally
        {
            metrics.Watchers(-1);
        }
    }

    /// <summary>Ends every watch.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _closed = true;
            _progress?.Dispose();
            foreach (var watcher in _index.All()) watcher.End();
        }
    }

    private long ReadHistory(string prefix, long cursor, long start, List<StoreEvent> chunk)
    {
        chunk.Clear();
        try
        {
            return ledger.State.Collect(prefix, cursor, HistoryChunk, chunk);
        }
        catch (RevisionCompactedException) when (cursor != start)
        {
            metrics.WatcherLost();
            throw;
        }
    }

    // Null while the cursor is far behind the present.
    private Watcher? TryAttach(string prefix, long cursor)
    {
        lock (_lock)
        {
            if (cursor < _published - AttachGap || cursor < ledger.State.History.Compacted) return null;
            var watcher = new Watcher(prefix, cursor, options.WatchBuffer);
            if (_closed)
            {
                watcher.End();
                return watcher;
            }

            Seed(watcher, cursor);
            _index.Add(watcher);
            _progress ??= options.ProgressInterval == Timeout.InfiniteTimeSpan
                ? null
                : time.CreateTimer(static hub => ((WatchHub)hub!).TellProgress(), this, options.ProgressInterval, options.ProgressInterval);
            return watcher;
        }
    }

    // The ledger may be ahead of what is published; the rest comes by Publish, and Told keeps the watcher from hearing it twice.
    private void Seed(Watcher watcher, long cursor)
    {
        if (cursor >= _published) return;
        var changes = new List<StoreEvent>();
        ledger.State.Collect(watcher.Prefix, cursor, int.MaxValue, changes);
        foreach (var change in changes)
        {
            if (!watcher.Offer(change)) break;
        }
    }

    private void Detach(Watcher watcher)
    {
        lock (_lock) _index.Remove(watcher);
    }

    private int Offer(StoreEvent change)
    {
        _interested.Clear();
        _index.Find(change.Key!, _interested);
        var offered = 0;
        foreach (var group in _interested)
        {
            offered += group.Count;
            foreach (var watcher in group)
            {
                if (!watcher.Offer(change)) metrics.Overflow();
            }
        }

        return offered;
    }

    private void TellProgress()
    {
        lock (_lock)
        {
            if (_closed) return;
            foreach (var watcher in _index.All()) watcher.OfferProgress(_published);
        }
    }
}
