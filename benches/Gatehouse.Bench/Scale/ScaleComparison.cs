using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Gatehouse.Addressing;
using Gatehouse.Bench.Store;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Bench.Scale;

/// <summary>
/// As many workers as the address space has room for, each with a key, a certificate and connections of its own, at 16 cluster managers under one root; every manager is
/// a process of the built program, everything goes over TLS. They register, lease, watch, and then live on for a while.
/// </summary>
internal static class ScaleComparison
{
    public static Comparison Comparison { get; } = new("scale", RunAsync);

    private static async Task RunAsync(BenchContext context)
    {
        // Beside the program: /tmp may be memory, where a sync costs nothing.
        var directory = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, $"scale-bench-{Environment.ProcessId}")).FullName;
        using var end = new CancellationTokenSource();
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            var size = context.Quick ? ScaleSize.Quick : ScaleSize.Full;
            await new ScaleRun(context.Report, size with { Clusters = context.Clusters ?? size.Clusters, WorkersOfCluster = context.Workers ?? size.WorkersOfCluster }, directory).RunAsync(Program(), end.Token);
        }
        catch (Exception e) when (end.IsCancellationRequested)
        {
            // What the end cut off may fail in ways of its own; all of it is over here, and the processes are gone.
            await Console.Error.WriteLineAsync(e is OperationCanceledException ? "interrupted; all processes are gone" : $"interrupted; all processes are gone ({e.Message})");
            Directory.Delete(directory, recursive: true);
            Environment.Exit(130);
        }
        finally
        {
            if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            end.Cancel();
        }
    }

    // artifacts/bin/Gatehouse.Bench/CONFIGURATION/ -> artifacts/bin/Gatehouse/CONFIGURATION/gatehouse
    private static string Program()
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd('/'));
        var program = Path.Combine(own.Parent!.Parent!.FullName, "Gatehouse", own.Name, "gatehouse");
        return File.Exists(program) ? program : throw new FileNotFoundException($"build src/Gatehouse first: there is no {program}");
    }
}

/// <summary>One run.</summary>
internal sealed class ScaleRun(Report report, ScaleSize size, string directory)
{
    private const int ChangeRounds = 5;
    private static readonly TimeSpan Life = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan HearingLimit = TimeSpan.FromSeconds(60);

    public async Task RunAsync(string program, CancellationToken cancellation)
    {
        var started = Stopwatch.GetTimestamp();
        await using var fabric = await Fabric.StartAsync(program, directory, size.Clusters, cancellation);
        report.Row($"1 root and {size.Clusters} cluster managers serve after {Seconds(started):0.0} s; root has {fabric.Root.Process.Megabytes:0} MB, "
            + $"a manager {Median(fabric, p => p.Megabytes):0} MB");
        await using var fleets = await Fleets.StartAsync(fabric, size, cancellation);
        report.Row($"{size.Workers:n0} workers in {fleets.Count} processes, {size.WorkersOfCluster} for each manager, one TLS connection each, "
            + $"{size.InFlight} registrations at a time; {size.Rest:n0} of {Subnetworks.Count:n0} subnetworks are for others");
        report.Row("  simulated: a worker joins, registers, renews its lease and watches itself, its interests, its instances and all peers, as a node does; it has no overlay,");
        report.Row($"  reads of peers only that they came, uses one connection where a node has two, leases for {size.LeaseSeconds} s (a node: 15) and pings every {size.PingSeconds} s (a node: 10);");
        report.Row($"  managers and workers share these {Environment.ProcessorCount} processors, load {File.ReadAllText("/proc/loadavg").Split(' ')[0]} before the first registration");
        try
        {
            await RegisterAsync(fabric, fleets, cancellation);
            await LiveAsync(fabric, fleets, cancellation);
            if (size.AllPeers) await ChangeAsync(fabric, fleets, cancellation);
            await ExhaustAsync(fabric, cancellation);
            await CountAsync(fleets);
        }
        catch when (!cancellation.IsCancellationRequested)
        {
            foreach (var dead in fabric.Dead()) report.Row(dead);
            throw;
        }
    }

    private async Task RegisterAsync(Fabric fabric, Fleets fleets, CancellationToken cancellation)
    {
        var (root, managers, workers) = (fabric.Root.Process.Processor, Sum(fabric), fleets.Processor);
        var started = Stopwatch.GetTimestamp();
        var told = new HashSet<string>(StringComparer.Ordinal);
        await fleets.RegisterAsync(
            n =>
            {
                report.Row($"  {Seconds(started),6:0} s: {n.Complete,6:n0} registered, {n.PeersHeard,12:n0} peers heard, {n.Retries} requests repeated, {n.Failed} failed");
                foreach (var fault in n.Faults.Where(told.Add)) report.Row($"  {fault}");
            },
            cancellation);
        var seconds = Seconds(started);
        var news = await fleets.ReportAsync();
        foreach (var fault in news.Faults.Where(told.Add)) report.Row($"  {fault}");
        var leased = await Exhaustion.LeasedAsync(fabric.Root.Operator, cancellation);
        var agree = news.Subnetworks.Count == news.Subnetworks.Distinct().Count() && leased.SetEquals(news.Subnetworks);
        if (!agree) throw new InvalidOperationException($"root says {leased.Count} subnetworks are leased, the workers were told {news.Subnetworks.Count}, {news.Subnetworks.Distinct().Count()} different ones");
        report.Row($"{news.Complete:n0} joined, registered, leased and watching after {seconds:0.0} s; {leased.Count:n0} subnetworks, all different"
            + (leased.Count == Subnetworks.Count ? ": the whole space" : ""));
        report.Row($"  one registration: p50 {Statistics.Percentile(news.Durations, 0.5):0} ms, p99 {Statistics.Percentile(news.Durations, 0.99):0} ms");
        report.Row($"  processor: root {(fabric.Root.Process.Processor - root).TotalSeconds:0.0} s, managers {(Sum(fabric) - managers).TotalSeconds:0.0} s, "
            + $"simulated workers {(fleets.Processor - workers).TotalSeconds:0.0} s");
        report.Figure("scale.register_per_s", news.Complete / seconds);
        report.Figure("scale.all_leased_s", seconds);
        report.Figure("scale.register_ms_p50", Statistics.Percentile(news.Durations, 0.5));
        report.Figure("scale.register_ms_p99", Statistics.Percentile(news.Durations, 0.99));
        report.Figure("scale.register_cpu_ms_managers", (Sum(fabric) - managers).TotalMilliseconds / size.Workers);
        report.Figure("scale.register_cpu_ms_root", (fabric.Root.Process.Processor - root).TotalMilliseconds / size.Workers);
    }

    /// <summary>What it costs that they are there: leases, pings, open watches.</summary>
    private async Task LiveAsync(Fabric fabric, Fleets fleets, CancellationToken cancellation)
    {
        if (size.AllPeers) await MeshAsync(fleets, cancellation);
        var (root, managers) = (fabric.Root.Process.Processor, Sum(fabric));
        var started = Stopwatch.GetTimestamp();
        await Task.Delay(Life, TimeProvider.System, cancellation);
        var seconds = Seconds(started);
        var (rootCores, managerCores) = ((fabric.Root.Process.Processor - root).TotalSeconds / seconds, (Sum(fabric) - managers).TotalSeconds / seconds);
        report.Row($"at rest, {3.0 * size.Workers / size.LeaseSeconds:n0} leases renewed and {1.0 * size.Workers / size.PingSeconds:n0} connections pinged a second: root uses {rootCores:0.00} cores, all managers {managerCores:0.00}");
        report.Figure("scale.rss_mb_root", fabric.Root.Process.Megabytes);
        report.Figure("scale.rss_mb_cluster", fabric.Clusters.Max(c => c.Process.Megabytes));
        report.Figure("scale.rss_mb_cluster_median", Median(fabric, p => p.Megabytes));
        report.Figure("scale.rest_cores_root", rootCores);
        report.Figure("scale.rest_cores_managers", managerCores);
    }

    private async Task MeshAsync(Fleets fleets, CancellationToken cancellation)
    {
        var started = Stopwatch.GetTimestamp();
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(200));
        FleetNews news;
        do
        {
            await pace.WaitForNextTickAsync(cancellation);
            news = await fleets.ReportAsync();
        }
        while (news.Meshed < size.Workers && Stopwatch.GetElapsedTime(started) < HearingLimit);
        report.Row($"{news.Meshed:n0} workers know all {size.WorkersOfCluster} peers of their cluster, {news.PeersHeard:n0} in all, {Seconds(started):0.0} s after the last registration");
        report.Figure("scale.peers_heard", news.PeersHeard);
    }

    /// <summary>One worker of each cluster moves to another address; until every other worker of its cluster heard of it.</summary>
    private async Task ChangeAsync(Fabric fabric, Fleets fleets, CancellationToken cancellation)
    {
        var delays = new List<double>();
        for (var round = 0; round < ChangeRounds; round++)
        {
            var address = string.Create(CultureInfo.InvariantCulture, $"203.0.113.{round + 1}");
            await fleets.ExpectAsync($"\"{address}\"");
            var started = Stopwatch.GetTimestamp();
            await Task.WhenAll(fabric.Clusters.Select(c => c.Operator.Objects.MergePatchAsync<Worker>("w00000", $$$"""{"spec":{"underlay":"{{{address}}}"}}""", null, cancellation)));
            using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
            FleetNews news;
            do
            {
                await pace.WaitForNextTickAsync(cancellation);
                news = await fleets.ReportAsync();
            }
            while (news.Heard.Count < size.Workers && Stopwatch.GetElapsedTime(started) < HearingLimit);
            if (news.Heard.Count < size.Workers) report.Row($"  only {news.Heard.Count:n0} of {size.Workers:n0} heard of a change within {HearingLimit.TotalSeconds:0} s");
            delays.AddRange(news.Heard.Select(h => Stopwatch.GetElapsedTime(started, h).TotalMilliseconds));
        }

        var (p50, p99) = (Statistics.Percentile(delays, 0.5), Statistics.Percentile(delays, 0.99));
        report.Row($"a worker of each cluster moves at the same time: all {size.Workers:n0} heard of theirs, p50 {p50:0} ms, p99 {p99:0} ms, last {delays.Max():0} ms");
        report.Figure("scale.change_ms_p50", p50);
        report.Figure("scale.change_ms_p99", p99);
    }

    private async Task ExhaustAsync(Fabric fabric, CancellationToken cancellation)
    {
        if (size.Rest > 0)
        {
            var started = Stopwatch.GetTimestamp();
            await Exhaustion.FillAsync(fabric.Root.Operator, size.Rest, cancellation);
            report.Row($"the other {size.Rest:n0} subnetworks leased by an operator for workers that are not simulated: {size.Rest / Seconds(started):n0} a second");
        }

        var leased = await Exhaustion.LeasedAsync(fabric.Root.Operator, cancellation);
        if (leased.Count != Subnetworks.Count) throw new InvalidOperationException($"{leased.Count} subnetworks are leased, not {Subnetworks.Count}");
        var told = await Exhaustion.AddOneMoreAsync(fabric.Clusters[0], directory, cancellation);
        report.Row($"one worker more is told: {told}");
        if (!told.Contains("no subnetworks left", StringComparison.Ordinal)) throw new InvalidOperationException("that is no clear refusal");
        report.Figure("scale.subnetworks_leased", leased.Count, $"= {Subnetworks.Count}");
        report.Figure("scale.rss_mb_root_full", fabric.Root.Process.Megabytes);
    }

    /// <summary>Last, so that whoever lost a watch on the way does not count.</summary>
    private async Task CountAsync(Fleets fleets)
    {
        var news = await fleets.ReportAsync();
        report.Row($"in the end {news.Complete:n0} workers are registered and watch; {news.Cut} watches were cut, {news.LateRenewals} leases renewed late, {news.Retries} requests repeated");
        foreach (var fault in news.Faults) report.Row($"  {fault}");
        report.Figure("scale.watches_cut", news.Cut);
        report.Figure("scale.workers", news.Complete, $"= {Subnetworks.Count}{(size.Workers < Subnetworks.Count ? $" (with --quick {size.Workers})" : "")}");
    }

    private static double Seconds(long started) => Stopwatch.GetElapsedTime(started).TotalSeconds;

    private static TimeSpan Sum(Fabric fabric) => TimeSpan.FromTicks(fabric.Clusters.Sum(c => c.Process.Processor.Ticks));

    private static double Median(Fabric fabric, Func<ServedProcess, double> of) => Statistics.Median(fabric.Clusters.Select(c => of(c.Process)));
}
