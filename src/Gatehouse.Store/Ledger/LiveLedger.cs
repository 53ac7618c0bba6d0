namespace Gatehouse.Store.Ledger;

/// <summary>
/// The whole store in memory: present values and the bounded history. One writer replaces <see cref="State"/> after each commit; reads take it as it is and
/// wait for nobody.
/// </summary>
internal sealed class LiveLedger(LedgerState first, StoreOptions options, StoreMetrics metrics)
{
    // Trimming a fifth at a time keeps the cost of a compaction off most writes.
    private const double Slack = 1.25;

    private LedgerState _state = Counted(first, options, metrics);

    public LedgerState State => Volatile.Read(ref _state);

    /// <summary>Makes a batch visible.</summary>
    public void Apply(LedgerBatch batch) => Replace(batch.Finish());

    /// <summary>Forgets what was overwritten at or before a revision.</summary>
    public void Compact(long revision)
    {
        var state = State;
        metrics.Compacted(revision - state.History.Compacted);
        Replace(state with { History = state.History.Compact(revision) });
    }

    /// <summary>Where to compact to, when the history has outgrown its bounds; null when it has not.</summary>
    public long? CompactionDue()
    {
        var history = State.History;
        if (history.Count <= options.HistoryRevisions * Slack && history.Bytes <= options.HistoryBytes * Slack) return null;
        var revision = history.CompactionFor(options.HistoryRevisions, options.HistoryBytes);
        return revision > history.Compacted ? revision : null;
    }

    /// <summary>Takes this ledger's share out of the gauges.</summary>
    public void Close()
    {
        metrics.History(-State.History.Count, -State.History.Bytes);
        metrics.Size(-State.Bytes);
        metrics.SizeLimit(-options.MaxBytes);
    }

    private static LedgerState Counted(LedgerState state, StoreOptions options, StoreMetrics metrics)
    {
        metrics.History(state.History.Count, state.History.Bytes);
        metrics.Size(state.Bytes);
        metrics.SizeLimit(options.MaxBytes);
        return state;
    }

    private void Replace(LedgerState next)
    {
        var (history, bytes) = (State.History, State.Bytes);
        metrics.History(next.History.Count - history.Count, next.History.Bytes - history.Bytes);
        metrics.Size(next.Bytes - bytes);
        Volatile.Write(ref _state, next);
    }
}
