using System.Diagnostics;

namespace Gatehouse.Bench.Store;

/// <summary>
/// The embedded store against etcd: durable, conditional writes from 64 writers with 1 KB values, on the same disk, in interleaved rounds. Then the delay
/// from a write to 1,000 watchers.
/// </summary>
/// <remarks>
/// Both sync before they acknowledge, both check the key's last revision in the same transaction. etcd is driven by gRPC over HTTP/2 without TLS, as its
/// own clients do, and is never compacted; the store runs with its default options, compacting included.
/// </remarks>
internal static class StoreComparison
{
    private const int Writers = 64;
    private const int ValueBytes = 1024;

    public static Comparison Comparison { get; } = new("store", RunAsync);

    private static async Task RunAsync(BenchContext context)
    {
        // Beside the program: /tmp may be memory, where a sync costs nothing.
        var directory = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, $"store-bench-{Environment.ProcessId}")).FullName;
        try
        {
            context.Report.Row($"disk: {DiskOf(directory)}; {Writers} writers, {ValueBytes}-byte values, every write conditional and synced");
            await WritesAsync(context, directory);
            await WatchDelay.RunAsync(context, Path.Combine(directory, "watch.db"));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task WritesAsync(BenchContext context, string directory)
    {
        var (rounds, duration) = context.Quick ? (5, TimeSpan.FromSeconds(4)) : (9, TimeSpan.FromSeconds(10));
        await using var etcd = await EtcdServer.StartAsync(Path.Combine(directory, "etcd"));
        using var client = await BestClientAsync(context, etcd.Endpoint);
        var ours = new StoreLoad(Path.Combine(directory, "store.db"), Writers, ValueBytes);
        var load = new WriteLoad(Writers, ValueBytes, client.WriteAsync);
        Func<TimeSpan, Task<WriteResults>> theirs = load.RunAsync;
        await ours.RunAsync(TimeSpan.FromSeconds(1));
        await theirs(TimeSpan.FromSeconds(1));
        context.Report.Row("");
        context.Report.Row($"{"round",5}  {"store writes/s",15} {"p50 ms",8} {"p99 ms",8}  {"etcd writes/s",15} {"p50 ms",8} {"p99 ms",8}  {"ratio",6}");
        var results = new List<(WriteResults Ours, WriteResults Theirs)>();
        for (var round = 0; round < rounds; round++)
        {
            // Who goes first alternates, so that a disk that slows down slows both.
            var first = await (round % 2 == 0 ? ours.RunAsync : theirs)(duration);
            var second = await (round % 2 == 0 ? theirs : ours.RunAsync)(duration);
            var (a, b) = round % 2 == 0 ? (first, second) : (second, first);
            results.Add((a, b));
            context.Report.Row($"{round + 1,5}  {a.PerSecond,15:n0} {a.P50,8:0.0} {a.P99,8:0.0}  "
                + $"{b.PerSecond,15:n0} {b.P50,8:0.0} {b.P99,8:0.0}  {a.PerSecond / b.PerSecond,6:0.00}");
        }

        context.Report.Figure("store.writes_vs_etcd", Statistics.Median(results.Select(r => r.Ours.PerSecond / r.Theirs.PerSecond)), ">= 1.5");
        context.Report.Figure("store.writes_per_s", Statistics.Median(results.Select(r => r.Ours.PerSecond)));
        context.Report.Figure("store.write_ms_p50", Statistics.Median(results.Select(r => r.Ours.P50)));
        context.Report.Figure("store.write_ms_p99", Statistics.Median(results.Select(r => r.Ours.P99)));
        context.Report.Figure("store.etcd_writes_per_s", Statistics.Median(results.Select(r => r.Theirs.PerSecond)));
        context.Report.Figure("store.etcd_write_ms_p99", Statistics.Median(results.Select(r => r.Theirs.P99)));
    }

    // etcd gets the number of connections with which it is fastest.
    private static async Task<EtcdClient> BestClientAsync(BenchContext context, Uri endpoint)
    {
        var tried = new List<(int Connections, double PerSecond)>();
        foreach (var connections in (int[])[1, 1, 2, 4, 8, 16])
        {
            using var client = new EtcdClient(endpoint, connections);
            var load = new WriteLoad(Writers, ValueBytes, client.WriteAsync, $"try-{tried.Count}");
            tried.Add((connections, (await load.RunAsync(TimeSpan.FromSeconds(context.Quick ? 1.5 : 3))).PerSecond));
        }

        // The first one warmed up.
        tried.RemoveAt(0);
        var best = tried.MaxBy(t => t.PerSecond).Connections;
        context.Report.Row($"etcd by connections: {string.Join(", ", tried.Select(t => $"{t.Connections}: {t.PerSecond:n0}/s"))}; {best} taken");
        return new EtcdClient(endpoint, best);
    }

    private static string DiskOf(string directory)
    {
        using var df = Process.Start(new ProcessStartInfo("df", ["--output=source,fstype", directory]) { RedirectStandardOutput = true })!;
        var lines = df.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return string.Join(' ', lines[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries));
    }
}
