using System.Diagnostics.Metrics;

namespace Gatehouse.Store;

/// <summary>The store's figures, in the meter <c>Gatehouse.Store</c>. One instance for each process is enough; several stores may share it.</summary>
public sealed class StoreMetrics
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Gatehouse.Store";

    private static readonly KeyValuePair<string, object?> Written = new("outcome", "written");
    private static readonly KeyValuePair<string, object?> Unchanged = new("outcome", "unchanged");
    private static readonly KeyValuePair<string, object?> Failed = new("outcome", "failed");

    private readonly Counter<long> _writes;
    private readonly Histogram<double> _commitDuration;
    private readonly Histogram<int> _commitSize;
    private readonly UpDownCounter<long> _queued;
    private readonly UpDownCounter<long> _watchers;
    private readonly Counter<long> _overflows;
    private readonly Counter<long> _lost;
    private readonly Counter<long> _events;
    private readonly UpDownCounter<long> _size;
    private readonly UpDownCounter<long> _sizeLimit;
    private readonly UpDownCounter<long> _historyRevisions;
    private readonly UpDownCounter<long> _historyBytes;
    private readonly Counter<long> _compacted;
    private readonly Histogram<double> _checkpointDuration;
    private readonly Counter<long> _faults;

    /// <param name="factory">Null for a meter of its own.</param>
    public StoreMetrics(IMeterFactory? factory = null)
    {
        var meter = factory?.Create(MeterName) ?? new Meter(MeterName);
        _writes = meter.CreateCounter<long>("gatehouse.store.writes", "{write}", "Writes by outcome: written, unchanged (conflict), failed.");
        _commitDuration = meter.CreateHistogram<double>("gatehouse.store.commit.duration", "s", "One durable commit.");
        _commitSize = meter.CreateHistogram<int>("gatehouse.store.commit.writes", "{write}", "Writes that shared one commit.");
        _queued = meter.CreateUpDownCounter<long>("gatehouse.store.queue", "{write}", "Writes that wait for a commit.");
        _watchers = meter.CreateUpDownCounter<long>("gatehouse.store.watchers", "{watcher}", "Open watches.");
        _overflows = meter.CreateCounter<long>("gatehouse.store.watch.overflows", "{overflow}", "A watcher's buffer was full; it reads the history.");
        _lost = meter.CreateCounter<long>("gatehouse.store.watch.lost", "{watcher}", "Watchers that the compaction passed; they list again.");
        _events = meter.CreateCounter<long>("gatehouse.store.watch.events", "{event}", "Events put into watchers' buffers.");
        _size = meter.CreateUpDownCounter<long>("gatehouse.store.size", "By", "Keys and values that are there now.");
        _sizeLimit = meter.CreateUpDownCounter<long>("gatehouse.store.size.limit", "By", "What they may take; at this size writes are refused.");
        _historyRevisions = meter.CreateUpDownCounter<long>("gatehouse.store.history.revisions", "{revision}", "Revisions that can be read and watched.");
        _historyBytes = meter.CreateUpDownCounter<long>("gatehouse.store.history.size", "By", "Keys and values of the history.");
        _compacted = meter.CreateCounter<long>("gatehouse.store.compacted", "{revision}", "Revisions that were forgotten.");
        _checkpointDuration = meter.CreateHistogram<double>("gatehouse.store.checkpoint.duration", "s", "One pass from the log into the file.");
        _faults = meter.CreateCounter<long>("gatehouse.store.faults", "{fault}", "What the disk refused, by act.");
    }

    internal void Commit(int written, int unchanged, TimeSpan duration)
    {
        if (written > 0)
        {
            _writes.Add(written, Written);
            _commitSize.Record(written);
            _commitDuration.Record(duration.TotalSeconds);
        }

        if (unchanged > 0) _writes.Add(unchanged, Unchanged);
    }

    internal void WritesFailed(int count) => _writes.Add(count, Failed);

    internal void Queued(int change) => _queued.Add(change);

    internal void Watchers(int change) => _watchers.Add(change);

    internal void Overflow() => _overflows.Add(1);

    internal void WatcherLost() => _lost.Add(1);

    internal void EventsOffered(int count) => _events.Add(count);

    internal void Size(long bytes) => _size.Add(bytes);

    internal void SizeLimit(long bytes) => _sizeLimit.Add(bytes);

    internal void History(long revisions, long bytes)
    {
        _historyRevisions.Add(revisions);
        _historyBytes.Add(bytes);
    }

    internal void Compacted(long revisions) => _compacted.Add(revisions);

    internal void Checkpoint(TimeSpan duration) => _checkpointDuration.Record(duration.TotalSeconds);

    internal void Fault(string act) => _faults.Add(1, new KeyValuePair<string, object?>("act", act));
}
