using Gatehouse.Store.Ledger;
using Gatehouse.Store.Watch;

namespace Gatehouse.Store.Sqlite;

/// <summary>
/// The default store: one file, durable with every acknowledged write, owned by one process.
/// </summary>
/// <remarks>
/// The present values and the bounded history are also kept in memory, and every read and watch is served from there, without a lock and without the disk:
/// a cluster of 15,360 workers with a few objects of 1 KB each takes about 100 MB, the history at most <see cref="StoreOptions.HistoryBytes"/>. The file
/// is read only when it is opened, whole, which is also when damage is found; it is written by one thread, which gives all writes that wait one sync.
/// </remarks>
public sealed class SqliteStore : IRevisionStore
{
    private readonly StoreLock _lock;
    private readonly Journal _journal;
    private readonly LiveLedger _ledger;
    private readonly WatchHub _hub;
    private readonly WriteQueue _queue;
    private readonly Checkpointer _checkpointer;
    private readonly CommitLoop _loop;
    private volatile string? _commitTrouble;
    private volatile string? _checkpointTrouble;
    private int _disposed;

    private SqliteStore(OpenedFile file, SqliteStoreOptions options, TimeProvider time)
    {
        var metrics = options.Metrics ?? new StoreMetrics();
        _lock = file.Lock;
        Id = $"{file.Contents.Head.StoreId}.{file.Lock.History}";
        _journal = Journal.Continue(file.Database, file.Contents.Head);
        _ledger = new LiveLedger(file.Contents.State, options, metrics);
        _hub = new WatchHub(_ledger, options, metrics, time);
        _queue = new WriteQueue(options.MaxQueuedWrites, metrics);
        _checkpointer = new Checkpointer(file.Checkpoints, options, metrics, time, trouble => _checkpointTrouble = trouble);
        var loop = new CommitLoopOptions(options, metrics, time, trouble => _commitTrouble = trouble);
        _loop = new CommitLoop(_journal, new DeadRows(file.Contents.Dead), _ledger, _hub, _queue, _checkpointer, _lock, loop);
    }

    /// <inheritdoc/>
    public string Id { get; }

    /// <inheritdoc/>
    public long Revision => _ledger.State.Revision;

    /// <inheritdoc/>
    public long CompactedRevision => _ledger.State.History.Compacted;

    /// <summary>What is wrong with the disk at the moment, for status and logs; null when nothing is.</summary>
    public string? Trouble => _commitTrouble ?? _checkpointTrouble;

    /// <summary>Opens or makes the file, reads and checks it whole, and starts the writer.</summary>
    /// <exception cref="ArgumentException">Names every fault of the options.</exception>
    /// <exception cref="StoreInUseException">Another process has it open.</exception>
    /// <exception cref="StoreDamagedException">It was cut, turned, replaced, or is not a store. The file is as it was.</exception>
    /// <exception cref="StoreUnavailableException">The disk or the directory refuses.</exception>
    public static async Task<SqliteStore> OpenAsync(SqliteStoreOptions options, TimeProvider time, CancellationToken cancellation = default)
    {
        StoreOptions.ThrowIfInvalid(options);
        options = options with { Path = Path.GetFullPath(options.Path) };
        var file = await Task.Run(() => OpenedFile.Open(options.Path), cancellation).ConfigureAwait(false);
        var store = new SqliteStore(file, options, time);
        store._checkpointer.Start();
        store._loop.Start();
        return store;
    }

    /// <inheritdoc/>
    public ValueTask<WriteResult> WriteAsync(StoreWrite write, CancellationToken cancellation)
    {
        StoreLimits.ThrowIfOutside(write);
        return _queue.SubmitAsync(new QueuedWrite(write), cancellation);
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
    public async ValueTask CompactAsync(long revision, CancellationToken cancellation)
    {
        if (revision > Revision) throw new RevisionAheadException(revision, Revision);
        await _queue.SubmitAsync(new QueuedWrite(revision), cancellation).ConfigureAwait(false);
    }

    /// <summary>Finishes the writes that wait, moves the log into the file and lets go of it.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        _queue.Close();
        await _loop.Ended.ConfigureAwait(false);
        _hub.Dispose();
        await Task.Run(CloseFiles).ConfigureAwait(false);
        _ledger.Close();
    }

    private void CloseFiles()
    {
        _checkpointer.Dispose();
        _journal.Dispose();
        try
        {
            _lock.Sync();
        }
        catch (IOException)
        {
            // The writes are durable without it; only the watch over the file is behind after a power cut.
        }

        _lock.Dispose();
    }
}
