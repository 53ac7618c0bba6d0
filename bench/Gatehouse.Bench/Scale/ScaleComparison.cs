using System.Diagnostics;
using System.Globalization;
using Gatehouse.Api.Client;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Bench.Scale;

/// <summary>
/// As many workers as there are subnetworks register at 16 cluster managers under one root: object, lease, subnetwork, and two open watches for each (on itself and on
/// its interests). Root and each cluster manager are processes of their own with SQLite stores on disk; everything passes HTTPS over HTTP/2.
/// </summary>
internal static class ScaleComparison
{
    public const int Clusters = 16;
    public const int Workers = Addressing.Subnetworks.Count;
    private const int AtOnce = 256;

    public static Comparison Comparison { get; } = new("scale", RunAsync);

    private static async Task RunAsync(BenchContext context)
    {
        // Beside the program: /tmp may be memory, where a sync costs nothing.
        var directory = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, $"scale-bench-{Environment.ProcessId}")).FullName;
        try
        {
            await using var root = await ScalePart.StartAsync(directory, ScalePart.Root);
            var clusters = await Task.WhenAll(Enumerable.Range(0, Clusters).Select(i => ScalePart.StartAsync(directory, ScalePart.NameOf(i))));
            try
            {
                await MeasureAsync(context, directory, root, clusters);
            }
            finally
            {
                foreach (var cluster in clusters) await cluster.DisposeAsync();
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task MeasureAsync(BenchContext context, string directory, ScalePart root, IReadOnlyList<ScalePart> clusters)
    {
        // One TCP and TLS connection for each worker takes a third longer and measures .NET's handshakes; --quick shares one among the workers of a rack.
        var perConnection = context.Quick ? 40 : 1;
        context.Report.Row($"{Workers:n0} workers, {Clusters} cluster managers, 1 root; {perConnection} worker(s) on a connection, {AtOnce} registrations at once");
        await using var fleet = await WorkerFleet.ConnectAsync(directory, perConnection);
        var watch = Stopwatch.StartNew();
        using var progress = new Timer(_ => context.Report.Row($"  {watch.Elapsed:mm\\:ss}  {fleet.Registered,6:n0} registered"), null, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(10));
        await Parallel.ForEachAsync(Enumerable.Range(0, Workers), new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (i, ct) => await fleet.RegisterAsync(i, ct));
        var took = watch.Elapsed;
        progress.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        using var client = ScalePart.Client(directory, ScalePart.Root, ScalePart.Operator);
        var leased = (await client.ListAsync<Subnetwork>(Selection.All, default)).Items
            .Where(s => s.Status is { Phase: AddressPhase.Leased, Range: not null }).Select(s => s.Status!.Range!.Ipv4).Distinct().Count();
        var told = await fleet.TouchAsync();
        var open = fleet.OpenWatches;
        var whole = Math.Min(Math.Min(fleet.Registered, leased), Math.Min(told, open / 2));
        context.Report.Row($"registered {fleet.Registered:n0}, different subnetworks at root {leased:n0}, open watches {open:n0}, workers told of a change by their watch {told:n0}");
        context.Report.Row($"from the first request to the last subnetwork: {took.TotalSeconds:0.0} s; slowest registration {fleet.Slowest.TotalMilliseconds:0} ms, median {fleet.Median.TotalMilliseconds:0} ms");
        context.Report.Figure("scale.workers", whole, "= 15360");
        context.Report.Figure("scale.register_per_s", Workers / took.TotalSeconds);
        context.Report.Figure("scale.rss_mb_root", root.ResidentMegabytes);
        context.Report.Row(string.Create(CultureInfo.InvariantCulture, $"resident memory: root {root.ResidentMegabytes:0} MB, cluster managers {clusters.Average(c => c.ResidentMegabytes):0} MB each"));
    }
}
