using Gatehouse.Objects;

namespace Gatehouse.Store;

/// <summary>What an operator can set for any store. Every bound has a metric in <see cref="StoreMetrics"/>.</summary>
public record StoreOptions
{
    /// <summary>
    /// How many revisions stay readable and watchable. 1 to 100,000,000; default 100,000. A quarter beyond it the
    /// oldest are compacted down to it; who asks for them lists again.
    /// </summary>
    public long HistoryRevisions { get; init; } = 100_000;

    /// <summary>
    /// How much memory the history's keys and values may take, in bytes. At least 64 KiB; default 128 MiB. Compacts like <see cref="HistoryRevisions"/>.
    /// What the oldest of them replaced is kept too and not counted: at worst as much again.
    /// </summary>
    public long HistoryBytes { get; init; } = 128L << 20;

    /// <summary>
    /// How much the present keys and values may take, in bytes, on disk and in memory. At least 64 KiB; default 2 GiB. A write that would go beyond is
    /// refused (<see cref="StoreFullException"/>); deletes always pass.
    /// </summary>
    public long MaxBytes { get; init; } = 2L << 30;

    /// <summary>How many events wait for one watcher before it is fed from the history instead. 1 to 1,000,000; default 4,096.</summary>
    public int WatchBuffer { get; init; } = 4096;

    /// <summary>How often an idle watcher hears how far the store is. Default 10 seconds; <see cref="Timeout.InfiniteTimeSpan"/> for never.</summary>
    public TimeSpan ProgressInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Where figures go; null for a meter that nobody shares.</summary>
    public StoreMetrics? Metrics { get; init; }

    /// <summary>Throws with every fault.</summary>
    internal static void ThrowIfInvalid(StoreOptions options)
    {
        var faults = new List<Fault>();
        options.Check(faults);
        if (faults.Count > 0) throw new ArgumentException($"store options: {string.Join("; ", faults)}", nameof(options));
    }

    /// <summary>Adds what is wrong.</summary>
    private protected virtual void Check(List<Fault> faults)
    {
        Between(faults, "historyRevisions", HistoryRevisions, 1, 100_000_000);
        Between(faults, "historyBytes", HistoryBytes, 64 << 10, 1L << 40);
        Between(faults, "maxBytes", MaxBytes, 64 << 10, 1L << 40);
        Between(faults, "watchBuffer", WatchBuffer, 1, 1_000_000);
        if (ProgressInterval != Timeout.InfiniteTimeSpan && (ProgressInterval < TimeSpan.FromMilliseconds(1) || ProgressInterval > TimeSpan.FromDays(1)))
        {
            faults.Add(new Fault("progressInterval", ProgressInterval.ToString(), "1 millisecond to 1 day, or infinite for never"));
        }
    }

    private protected static void Between(List<Fault> faults, string field, long value, long least, long most)
    {
        if (value < least || value > most) faults.Add(new Fault(field, $"{value}", $"{least} to {most}"));
    }
}
