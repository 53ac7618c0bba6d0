using Gatehouse.Bench.Proxy.Load;
using Gatehouse.Bench.Store;

namespace Gatehouse.Bench.Proxy;

/// <summary>How long requests take at a rate that leaves the proxy mostly idle.</summary>
internal static class Latency
{
    private const int PerSecond = 2_000;
    private const int Connections = 20;

    // Short, and many: what else runs on the machine spoils some of them, and the median is of those that it did not.
    private static readonly TimeSpan Time = TimeSpan.FromSeconds(0.5);

    public static async Task RunAsync(ProxyStage stage)
    {
        var count = stage.Quick ? 25 : 81;
        var setup = stage.Setup("latency");
        stage.Report.Row($"latency: {PerSecond:n0} requests a second at fixed times, {Connections} connections; p99 of {count} rounds of {Time.TotalSeconds:0.0} s, from when a request was due");
        await using var contenders = await stage.StartAsync(setup, nginx: false);
        var questions = Question.Many(QuestionKind.Small, 4_096, setup.Hosts);
        var loads = new List<SteadyLoad>();
        var medians = contenders.All.Select(_ => new List<double>()).ToList();
        try
        {
            var measures = new List<(string Name, Func<Task<double>> MeasureAsync)>();
            foreach (var (name, proxy) in contenders.All)
            {
                await Probe.RunAsync(proxy, setup, stage.Cancellation);
                using (var warm = new HttpLoad(proxy.Ports.Traffic, Connections, questions)) await warm.RunAsync(20_000);
                var load = new SteadyLoad(proxy.Ports.Traffic, Connections, questions);
                loads.Add(load);
                await load.RunAsync(PerSecond, Time, stage.Cancellation);
                var own = medians[measures.Count];
                measures.Add((name, () => MeasureAsync(stage, name, load, own)));
            }

            var rounds = new Rounds(stage.Report, count);
            var all = await rounds.RunAsync(measures, stage.Cancellation);
            foreach (var (one, own) in all.Zip(medians)) stage.Report.Row($"  {one.Name,-30} p50 {Statistics.Median(own),7:0.000} ms");
            rounds.Tell(all, "ms p99");
            stage.Report.Figure("proxy.latency_p99_ms", all[1].Median);
            stage.Report.Figure("proxy.latency_p99_vs_haproxy", rounds.Ratio(all[1], all[0]), "<= 1.10");
        }
        finally
        {
            loads.ForEach(l => l.Dispose());
        }
    }

    private static async Task<double> MeasureAsync(ProxyStage stage, string name, SteadyLoad load, List<double> medians)
    {
        var outcome = await load.RunAsync(PerSecond, Time, stage.Cancellation);
        if (outcome.Failed > 0) throw new InvalidOperationException($"{outcome.Failed} requests through {name} failed: {string.Join(", ", outcome.Faults.Keys)}");
        medians.Add(Statistics.Percentile(outcome.Milliseconds.ToList(), 0.5));
        return Statistics.Percentile(outcome.Milliseconds.ToList(), 0.99);
    }
}
