using System.Diagnostics;
using Gatehouse.Store;
using Gatehouse.Store.Sqlite;

namespace Gatehouse.Bench.Store;

/// <summary>
/// 100 writes a second under a prefix that 1,000 watchers follow. The delay is from the acknowledgement of a write until each of them has it in hand. From the
/// call of the write on, which adds the disk's sync, it is told too.
/// </summary>
internal static class WatchDelay
{
    private const int Watchers = 1000;
    private const int WritesPerSecond = 100;

    public static async Task RunAsync(BenchContext context, string path)
    {
        var writes = WritesPerSecond * (context.Quick ? 10 : 30);
        await using var store = await SqliteStore.OpenAsync(new SqliteStoreOptions { Path = path }, TimeProvider.System);
        using var end = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var watching = Enumerable.Range(0, Watchers).Select(_ => Task.Run(() => FollowAsync(store, WritesPerSecond + writes, end.Token))).ToList();
        var acknowledged = await WriteAsync(store, WritesPerSecond + writes);
        var followed = await Task.WhenAll(watching);
        var delays = followed.SelectMany(d => d).ToArray();
        var added = followed.SelectMany(d => d.Select((delay, write) => Math.Max(0, delay - acknowledged[write]))).ToArray();
        var (added50, added99) = (Statistics.Percentile(added, 0.5), Statistics.Percentile(added, 0.99));
        var (p50, p99) = (Statistics.Percentile(delays, 0.5), Statistics.Percentile(delays, 0.99));
        context.Report.Row("");
        context.Report.Row($"watch: {Watchers} watchers, {WritesPerSecond} writes/s, {delays.Length:n0} deliveries");
        context.Report.Row($"  from the acknowledgement of the write: p50 {added50:0.00} ms, p99 {added99:0.00} ms, worst {added.Max():0.00} ms");
        context.Report.Row($"  from the call of the write, sync included: p50 {p50:0.00} ms, p99 {p99:0.00} ms, worst {delays.Max():0.00} ms "
            + $"(the write itself: p50 {Statistics.Percentile(acknowledged, 0.5):0.00} ms, p99 {Statistics.Percentile(acknowledged, 0.99):0.00} ms)");
        context.Report.Figure("store.watch_delay_ms_p99", added99, "<= 10");
        context.Report.Figure("store.watch_delay_ms_p50", added50);
        context.Report.Figure("store.write_to_watch_ms_p99", p99);
        context.Report.Figure("store.write_to_watch_ms_p50", p50);
    }

    // The value carries the time of the call; the first second warms up.
    private static async Task<double[]> WriteAsync(SqliteStore store, int writes)
    {
        var acknowledged = new List<double>();
        using var pace = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / WritesPerSecond));
        for (var i = 0; i < writes; i++)
        {
            await pace.WaitForNextTickAsync();
            var value = new byte[1024];
            var started = Stopwatch.GetTimestamp();
            BitConverter.TryWriteBytes(value, started);
            await store.WriteAsync(new StoreWrite($"/watched/{i % 50}", value, ExpectedRevision: null), default);
            if (i >= WritesPerSecond) acknowledged.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        return [.. acknowledged];
    }

    private static async Task<List<double>> FollowAsync(SqliteStore store, int writes, CancellationToken cancellation)
    {
        var delays = new List<double>(writes);
        await foreach (var change in store.WatchAsync("/watched/", 0, cancellation))
        {
            if (change.Value is not { } value) continue;
            if (change.Revision > WritesPerSecond) delays.Add(Stopwatch.GetElapsedTime(BitConverter.ToInt64(value.Span)).TotalMilliseconds);
            if (change.Revision == writes) break;
        }

        return delays;
    }
}
