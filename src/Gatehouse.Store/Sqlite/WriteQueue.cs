using System.Diagnostics.CodeAnalysis;

namespace Gatehouse.Store.Sqlite;

/// <summary>A write or a compaction on its way to the disk; completes when it is durable.</summary>
internal sealed class QueuedWrite : TaskCompletionSource<WriteResult>
{
    /// <summary>Values beyond this wait for one of fewer places, so that the queue's memory is bounded too.</summary>
    public const int LargeBytes = 64 << 10;

    public QueuedWrite(StoreWrite write)
        : base(TaskCreationOptions.RunContinuationsAsynchronously) => Write = write;

    public QueuedWrite(long compactTo)
        : base(TaskCreationOptions.RunContinuationsAsynchronously) => CompactTo = compactTo;

    public StoreWrite Write { get; private set; }

    public int Bytes => Write.Value?.Length ?? 0;

    public bool IsLarge => Bytes > LargeBytes;

    /// <summary>Null for a write.</summary>
    public long? CompactTo { get; }

    /// <summary>Takes its own copy of the value, which the caller may change afterwards.</summary>
    public void Own() => Write = Write with { Value = StoreLimits.Copy(Write.Value) };
}

/// <summary>Writes that wait for the writer thread. At its bound further callers wait, and can give up while they do.</summary>
[SuppressMessage("Design", "CA1001", Justification = "Callers that wait for a place when the queue closes still need the semaphores, to be told so; they hold no handle.")]
internal sealed class WriteQueue(int capacity, StoreMetrics metrics)
{
    // How long the writer waits for writers that took part in the last commit and are on their way with their next write: far less than the sync that
    // a commit of its own would cost them.
    private const int GatherMilliseconds = 1;

    // At most 96 MiB in large values, and what fits of them in one commit.
    private const int LargeWrites = 64;
    private const int CommitBytes = 16 << 20;

    // Monitor, since its lock can be waited on.
    private readonly object _gate = new();
    private readonly Queue<QueuedWrite> _writes = new();
    private readonly SemaphoreSlim _free = new(capacity, capacity);
    private readonly SemaphoreSlim _freeLarge = new(LargeWrites, LargeWrites);
    private int _wanted = 1;
    private bool _closed;

    public async ValueTask<WriteResult> SubmitAsync(QueuedWrite write, CancellationToken cancellation)
    {
        // Large ones wait first for their own place: none of them holds a common place while it waits.
        if (write.IsLarge) await _freeLarge.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            await _free.WaitAsync(cancellation).ConfigureAwait(false);
            Enqueue(write);
            return await write.Task.ConfigureAwait(false);
        }
        finally
        {
            if (write.IsLarge) _freeLarge.Release();
        }
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

            for (var bytes = 0; into.Count < most && bytes < CommitBytes && _writes.TryDequeue(out var write); bytes += write.Bytes) into.Add(write);
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

    private void Enqueue(QueuedWrite write)
    {
        write.Own();
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
    }
}
