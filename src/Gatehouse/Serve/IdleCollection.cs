using System.Diagnostics.Metrics;

namespace Gatehouse.Serve;

/// <summary>What the process did, as far as <see cref="IdleCollection"/> needs it.</summary>
/// <param name="Processor">Processor time of all threads since the start.</param>
/// <param name="Allocated">Bytes of all objects that were made since the start.</param>
/// <param name="Collections">Collections since the start.</param>
internal readonly record struct ProcessReading(TimeSpan Processor, long Allocated, int Collections)
{
    public static ProcessReading Now() => new(Environment.CpuUsage.TotalTime, GC.GetTotalAllocatedBytes(), GC.CollectionCount(0));
}

/// <summary>
/// Collects garbage in the moments in which the process has little to do. A collection stops all threads for some milliseconds, more where much was learned since the
/// last one; left to itself it comes in the middle of what makes the most objects: a burst of first packets, a change that many wait for (docs/decisions/0004).
/// </summary>
internal sealed class IdleCollection : IDisposable
{
    /// <summary>How often the process is looked at.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromMilliseconds(200);

    /// <summary>Less than this many bytes since the last collection are not worth one.</summary>
    public const long Worth = 8 << 20;

    /// <summary>A process that used less than this share of one processor since the last look has little to do.</summary>
    public const double IdleShare = 0.25;

    private static readonly Meter Meter = new("gatehouse.process");
    private static readonly Counter<long> Collections = Meter.CreateCounter<long>("gatehouse.process.idle_collections", "{collection}", "Collections of garbage that were made because the process was idle.");

    private readonly Func<ProcessReading> _read;
    private readonly Action _collect;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private ProcessReading _last;
    private long _lookedAt;
    private long _clean;

    /// <param name="read">Default: this process.</param>
    /// <param name="collect">Default: a collection of the two young generations.</param>
    public IdleCollection(TimeProvider time, Func<ProcessReading>? read = null, Action? collect = null)
    {
        (_time, _read, _collect) = (time, read ?? ProcessReading.Now, collect ?? Collect);
        _last = _read();
        (_clean, _lookedAt) = (_last.Allocated, time.GetTimestamp());
        _timer = time.CreateTimer(static c => ((IdleCollection)c!).Look(), this, Every, Timeout.InfiniteTimeSpan);
    }

    public void Dispose() => _timer.Dispose();

    private static void Collect() => GC.Collect(1, GCCollectionMode.Forced, blocking: true);

    private void Look()
    {
        var now = _read();
        var busy = (now.Processor - _last.Processor) / _time.GetElapsedTime(_lookedAt);
        if (now.Collections != _last.Collections) _clean = now.Allocated;
        if (busy < IdleShare && now.Allocated - _clean >= Worth)
        {
            _collect();
            Collections.Add(1);
            now = _read();
            _clean = now.Allocated;
        }

        (_last, _lookedAt) = (now, _time.GetTimestamp());
        _timer.Change(Every, Timeout.InfiniteTimeSpan);
    }
}
