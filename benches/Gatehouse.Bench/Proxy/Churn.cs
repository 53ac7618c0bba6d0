using System.Diagnostics;
using System.Globalization;
using Gatehouse.Bench.Proxy.Load;
using Gatehouse.Bench.Store;

namespace Gatehouse.Bench.Proxy;

/// <summary>Routes that change under load: no request may fail, and each change must be seen by the next request soon.</summary>
internal static class Churn
{
    private const int Hosts = 600; // Of five prefixes: 3,000 routes.
    private const int ChangesPerSecond = 50;
    private const int RequestsPerSecond = 2_000;
    private const int Connections = 20;
    private static readonly TimeSpan Time = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(1);

    public static async Task RunAsync(ProxyStage stage)
    {
        var setup = stage.Setup("churn") with { Hosts = Hosts };
        stage.Report.Row($"churn: {Hosts * ProxySetup.Groups:n0} routes, {ChangesPerSecond} changes a second for {Time.TotalSeconds:0} s, under {RequestsPerSecond:n0} requests a second");
        await using var feed = await stage.StartFedAsync(setup);
        await Probe.RunAsync(feed.Name, feed.Port, setup, stage.Cancellation);
        using var load = new SteadyLoad(feed.Port, Connections, Question.Many(QuestionKind.Small, 4_096, setup.Hosts));
        await load.RunAsync(RequestsPerSecond, TimeSpan.FromSeconds(1), stage.Cancellation);
        var asking = load.RunAsync(RequestsPerSecond, Time + TimeSpan.FromSeconds(1), stage.Cancellation);
        var changes = await ChangeAsync(setup, feed, stage.Cancellation);
        var outcome = await asking;
        var seen = changes.Where(c => c is not null).Select(c => c!.Value).ToList();
        var errors = outcome.Failed + changes.Count - seen.Count;
        stage.Report.Row($"  {outcome.Milliseconds.Count:n0} requests answered, {outcome.Failed} failed{string.Concat(outcome.Faults.Select(f => $", {f.Key}: {f.Value}"))}; {changes.Count - seen.Count} of {changes.Count} changes were not seen within {Patience.TotalSeconds:0} s");
        stage.Report.Row($"  a change is served after p50 {Statistics.Percentile(seen, 0.5):0.0} ms, p99 {Statistics.Percentile(seen, 0.99):0.0} ms; p99 of all requests meanwhile {Statistics.Percentile(outcome.Milliseconds.ToList(), 0.99):0.00} ms");
        stage.Report.Figure("proxy.churn_errors", errors, "= 0");
        stage.Report.Figure("proxy.change_ms_p50", Statistics.Percentile(seen, 0.5));
        stage.Report.Figure("proxy.change_ms_p99", Statistics.Percentile(seen, 0.99), "<= 30");
    }

    /// <summary>At even times, whether or not earlier ones were seen. Milliseconds of each until it was served; null when it was not.</summary>
    private static async Task<IReadOnlyList<double?>> ChangeAsync(ProxySetup setup, ChangeFeed feed, CancellationToken cancellation)
    {
        using var pace = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / ChangesPerSecond));
        var running = new List<Task<double?>>();
        for (var i = 0; i < ChangesPerSecond * Time.TotalSeconds; i++)
        {
            // Each to another host, and never to the group where the route leads already.
            running.Add(SeeAsync(setup, feed, new(i % setup.Hosts, 1 + (i % (ProxySetup.Groups - 1))), cancellation));
            await pace.WaitForNextTickAsync(cancellation);
        }

        return await Task.WhenAll(running);
    }

    private static async Task<double?> SeeAsync(ProxySetup setup, ChangeFeed feed, RouteChange change, CancellationToken cancellation)
    {
        var expected = string.Create(CultureInfo.InvariantCulture, $"\nport: {setup.Backends[change.Group]}\r\n");
        var question = Question.Echo(change.Host, group: 0);
        var started = Stopwatch.GetTimestamp();
        await feed.ApplyAsync(change, cancellation);
        using var pace = new PeriodicTimer(Look);
        while (Stopwatch.GetElapsedTime(started) < Patience)
        {
            var answer = await Probe.AskAsync(feed.Port, setup, question, cancellation);
            if (answer.Contains(expected, StringComparison.Ordinal)) return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            await pace.WaitForNextTickAsync(cancellation);
        }

        return null;
    }
}
