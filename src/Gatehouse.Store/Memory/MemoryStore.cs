using Gatehouse.Store.Ledger;
using Gatehouse.Store.Watch;

namespace Gatehouse.Store.Memory;

/// <summary>A store that lives as long as its process: for tests and for tools. Behaves like the others in everything but durability.</summary>
public sealed class MemoryStore : IRevisionStore
{
    private readonly Lock _lock = new();
    private readonly StoreMetrics _metrics;
    private readonly LiveLedger _ledger;
    private readonly WatchHub _hub;
    private readonly long _maxBytes;
    private bool _disposed;

    /// <param name="time">For progress events.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="ArgumentException">Names every fault of the options.</exception>
    public MemoryStore(TimeProvider time, StoreOptions? options = null)
    {
        options ??= new StoreOptions();
        StoreOptions.ThrowIfInvalid(options);
        _maxBytes = options.MaxBytes;
        _metrics = options.Metrics ?? new StoreMetrics();
        _ledger = new LiveLedger(LedgerState.Empty, options, _metrics);
        _hub = new WatchHub(_ledger, options, _metrics, time);
    }

    /// <inheritdoc/>
    public string Id { get; } = $"{Guid.NewGuid():n}.0";

    /// <inheritdoc/>
    public long Revision => _ledger.State.Revision;

    /// <inheritdoc/>
    public long CompactedRevision => _ledger.State.History.Compacted;

    /// <inheritdoc/>
    public ValueTask<WriteResult> WriteAsync(StoreWrite write, CancellationToken cancellation)
    {
        StoreLimits.ThrowIfOutside(write);
        cancellation.ThrowIfCancellationRequested();
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var batch = new LedgerBatch(_ledger.State, _maxBytes, "in memory");
            var result = batch.Add(write.Key, StoreLimits.Copy(write.Value), write.ExpectedRevision);
            if (result.Written)
            {
                _ledger.Apply(batch);
                _hub.Publish(batch.Changes);
                if (_ledger.CompactionDue() is { } due) _ledger.Compact(due);
            }

            _metrics.Commit(result.Written ? 1 : 0, result.Written ? 0 : 1, TimeSpan.Zero);
            return ValueTask.FromResult(result);
        }
    }

    /// <inheritdoc/>
    public ValueTask<StoreEntry?> GetAsync(string key, long revision, CancellationToken cancellation) =>
        ValueTask.FromResult(_ledger.State.Get(key, revision));

    /// <inheritdoc/>
    public ValueTask<StoreList> ListAsync(ListRequest request, CancellationToken cancellation) => ValueTask.FromResult(_ledger.State.List(request));

    /// <inheritdoc/>
    public IAsyncEnumerable<StoreEvent> WatchAsync(string prefix, long afterRevision, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(afterRevision);
        return _hub.ReadAsync(prefix, afterRevision, cancellation);
    }

    /// <inheritdoc/>
    public ValueTask CompactAsync(long revision, CancellationToken cancellation)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (revision > Revision) throw new RevisionAheadException(revision, Revision);
            if (revision > CompactedRevision) _ledger.Compact(revision);
            return ValueTask.CompletedTask;
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            if (_disposed) return ValueTask.CompletedTask;
            _disposed = true;
            _hub.Dispose();
            _ledger.Close();
            return ValueTask.CompletedTask;
        }
    }
}
