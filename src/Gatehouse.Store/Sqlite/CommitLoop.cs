using Gatehouse.Store.Ledger;
using Gatehouse.Store.Watch;

namespace Gatehouse.Store.Sqlite;

/// <summary>
/// The one thread that writes: takes what waits, judges it against memory, appends it in one transaction with one sync, then shows it to readers, answers
/// the writers and tells the watchers.
/// </summary>
internal sealed class CommitLoop(
    Journal journal,
    DeadRows dead,
    LiveLedger ledger,
    WatchHub hub,
    WriteQueue queue,
    Checkpointer checkpointer,
    StoreLock mark,
    CommitLoopOptions options)
{
    // Dead rows that go with each commit, beside twice as many as it has writes: faster than writes can make new ones.
    private const int DeadPortion = 256;
    private static readonly TimeSpan Idle = TimeSpan.FromMilliseconds(200);

    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<QueuedWrite> _taken = [];
    private readonly List<WriteResult> _results = [];
    private Func<StoreException>? _failed;

    /// <summary>Completes when the queue is closed and everything in it was answered.</summary>
    public Task Ended => _ended.Task;

    public void Start() => new Thread(Run) { IsBackground = true, Name = "store-writer" }.Start();

    private void Run()
    {
        var expected = 1;
        while (queue.Take(_taken, options.Store.MaxCommitWrites, expected, dead.Count > 0 ? Idle : Timeout.InfiniteTimeSpan))
        {
            expected = Math.Max(1, _taken.Count);
            Step();
            _taken.Clear();
        }

        _ended.SetResult();
    }

    private void Step()
    {
        if (_failed is not null)
        {
            Fail(_failed);
            return;
        }

        var batch = new LedgerBatch(ledger.State, options.Store.MaxBytes, options.Store.Path);
        _results.Clear();
        var compactTo = ledger.CompactionDue() ?? journal.Head.Compacted;
        foreach (var queued in _taken)
        {
            _results.Add(Judge(batch, queued));
            compactTo = Math.Max(compactTo, Math.Min(queued.CompactTo ?? 0, batch.Base.Revision));
        }

        try
        {
            Write(batch, compactTo);
        }
        catch (SqliteFault fault)
        {
            Fault(fault);
            return;
        }

        // Those that the limit refused have their answer.
        for (var i = 0; i < _taken.Count; i++) _taken[i].TrySetResult(_results[i]);
        hub.Publish(batch.Changes);
    }

    private static WriteResult Judge(LedgerBatch batch, QueuedWrite queued)
    {
        if (queued.CompactTo is not null) return default;
        try
        {
            return batch.Add(queued.Write.Key, queued.Write.Value, queued.Write.ExpectedRevision);
        }
        catch (StoreFullException full)
        {
            queued.SetException(full);
            return default;
        }
    }

    // Durable first, then visible.
    private void Write(LedgerBatch batch, long compactTo)
    {
        var started = options.Time.GetTimestamp();
        var portion = dead.Count == 0 ? [] : dead.Portion(DeadPortion + (2 * batch.Changes.Count));
        if (batch.Changes.Count > 0 || portion.Length > 0 || compactTo > journal.Head.Compacted)
        {
            var pages = journal.Commit(batch.Changes, compactTo, portion);
            if (batch.Changes.Count > 0) Mark();
            dead.Taken(portion.Length);
            ledger.Apply(batch);
            Forget(compactTo);
            checkpointer.Committed(pages);
            options.Report(null);
        }

        options.Metrics.Commit(batch.Changes.Count, _taken.Count - batch.Changes.Count, options.Time.GetElapsedTime(started));
    }

    private void Forget(long compactTo)
    {
        if (compactTo <= ledger.State.History.Compacted) return;
        dead.Add(ledger.State.History, compactTo);
        ledger.Compact(compactTo);
    }

    private void Mark()
    {
        try
        {
            mark.WriteMark(journal.Head.StoreId, journal.Head.Revision);
        }
        catch (IOException e)
        {
            // The write itself is durable; only the watch over the file is behind.
            options.Metrics.Fault("mark");
            options.Report($"noting the last revision: {e.Message}");
        }
    }

    private void Fault(SqliteFault fault)
    {
        options.Metrics.Fault("commit");
        var path = options.Store.Path;
        Func<StoreException> failure = fault switch
        {
            { IsDamage: true } => () => new StoreDamagedException(path, fault.Message, fault),
            { LeavesDiskUnknown: true } => () => new StoreUnavailableException(
                path,
                $"the disk failed to sync ({fault.Message}): it is unknown whether the last writes are there. Check the disk, then restart",
                permanent: true,
                fault),
            { IsFull: true } => () => new StoreUnavailableException(
                path, "the disk is full: the write was not kept. Free space, and writes go on by themselves", cause: fault),
            _ => () => new StoreUnavailableException(path, $"the write was not kept: {fault.Message}", cause: fault),
        };
        if (fault.IsDamage || fault.LeavesDiskUnknown) _failed = failure;
        options.Report(failure().Message);
        Fail(failure);
    }

    private void Fail(Func<StoreException> failure)
    {
        foreach (var queued in _taken) queued.TrySetException(failure());
        options.Metrics.WritesFailed(_taken.Count);
    }
}

/// <summary>What the loop needs beside its parts.</summary>
/// <param name="Report">Takes what is wrong with the disk at the moment; null when nothing is.</param>
internal sealed record CommitLoopOptions(SqliteStoreOptions Store, StoreMetrics Metrics, TimeProvider Time, Action<string?> Report);
