namespace Gatehouse.Store.Sqlite;

/// <summary>A write or a compaction on its way to the disk; completes when it is durable.</summary>
internal sealed class QueuedWrite : TaskCompletionSource<WriteResult>
{
    public QueuedWrite(StoreWrite write)
        : base(TaskCreationOptions.RunContinuationsAsynchronously) => Write = write;

    public QueuedWrite(long compactTo)
        : base(TaskCreationOptions.RunContinuationsAsynchronously) => CompactTo = compactTo;

    public StoreWrite Write { get; }

    /// <summary>Null for a write.</summary>
    public long? CompactTo { get; }
}

/// <summary>Writes that wait for the writer thread. At its bound further callers wait, and can give up while they do.</summary>
internal sealed class WriteQueue(int capacity, StoreMetrics metrics) : IDisposable
{
    // How long the writer waits for writers that took part in the last commit and are on their way with their next write: far less than the sync that
    // a commit of its own would cost them.
    private const int GatherMilliseconds = 1;

    // Monitor, since its lock can be waited on.
    private readonly object _gate = new();
    private readonly Queue<QueuedWrite> _writes = new();
    private readonly SemaphoreSlim _free = new(capacity, capacity);
    private int _wanted = 1;
    private bool _closed;

    public async ValueTask<WriteResult> SubmitAsync(QueuedWrite write, CancellationToken cancellation)
    {
        await _free.WaitAsync(cancellation).ConfigureAwait(false);
        lock (_gate)
        {
            if (_closed)
            {
                _free.Release();
                throw new ObjectDisposedException("store");
            }

            _writes.Enqueue(write);
            if (_writes.Count >= _wanted) Monitor.Pulse(_gate);
        }

        metrics.Queued(1);
        return await write.Task.ConfigureAwait(false);
    }

    /// <summary>Takes what is there, at most <paramref name="most"/>; waits for the first, and shortly for as many as <paramref name="expected"/>.</summary>
    /// <returns>False when the queue is closed and empty. True with nothing taken after <paramref name="idle"/>.</returns>
    public bool Take(List<QueuedWrite> into, int most, int expected, TimeSpan idle)
    {
        lock (_gate)
        {
            _wanted = 1;
            if (_writes.Count == 0 && !_closed) Monitor.Wait(_gate, idle);
            if (_writes.Count > 0 && _writes.Count < expected && !_closed)
            {
                _wanted = expected;
                Monitor.Wait(_gate, GatherMilliseconds);
            }

            while (into.Count < most && _writes.TryDequeue(out var write)) into.Add(write);
            if (into.Count == 0 && _closed) return false;
        }

        if (into.Count > 0)
        {
            _free.Release(into.Count);
            metrics.Queued(-into.Count);
        }

        return true;
    }

    /// <summary>Refuses further writes; those inside are still taken.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
        }
    }

    public void Dispose() => _free.Dispose();
}
