using System.Globalization;
using Gatehouse.Bench.Proxy.Load;

namespace Gatehouse.Bench.Proxy;

/// <summary>What the engine's loops allocate for a request, as the engine itself counts it.</summary>
internal static class Allocation
{
    private const string Metric = "gatehouse_proxy_loop_allocated_bytes_total";
    private const int Requests = 100_000;

    public static async Task RunAsync(ProxyStage stage)
    {
        if (stage.IsNoise)
        {
            stage.Report.Row("alloc: only the engine has this figure");
            return;
        }

        // With everything on that happens for each request: bodies of both kinds and a log line.
        var setup = stage.Setup("alloc") with { Log = true };
        stage.Report.Row($"alloc: {Requests:n0} requests, a fifth of them with 4 KB bodies, with a log line for each");
        await using var proxy = await stage.StartEngineAsync(setup);
        await Probe.RunAsync(proxy, setup, stage.Cancellation);
        byte[][] questions = [.. Question.Many(QuestionKind.Small, 4_000, setup.Hosts), .. Question.Many(QuestionKind.Post, 1_000, setup.Hosts)];
        using var load = new HttpLoad(proxy.Ports.Traffic, 64, questions);
        await load.RunAsync(Requests / 2);
        var before = await ReadAsync(proxy, stage.Cancellation);
        var outcome = await load.RunAsync(Requests);
        if (outcome.Failed > 0) throw new InvalidOperationException($"{outcome.Failed} requests failed: {outcome.Fault}");
        var bytes = await ReadAsync(proxy, stage.Cancellation) - before;
        stage.Report.Row($"  {bytes:n0} bytes in all");
        stage.Report.Figure("proxy.alloc_bytes_per_request", bytes / Requests, "= 0");
    }

    /// <summary>The sum over all loops.</summary>
    private static async Task<double> ReadAsync(ProxyProcess proxy, CancellationToken cancellation)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
        var text = await http.GetStringAsync($"http://127.0.0.1:{proxy.Ports.Admin}/metrics", cancellation);
        var lines = text.Split('\n').Where(l => l.StartsWith(Metric, StringComparison.Ordinal)).ToList();
        return lines.Count > 0 ? lines.Sum(l => double.Parse(l[(l.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture))
            : throw new InvalidOperationException($"/metrics has no {Metric}");
    }
}
