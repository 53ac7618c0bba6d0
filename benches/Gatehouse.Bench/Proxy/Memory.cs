using Gatehouse.Bench.Proxy.Load;
using Gatehouse.Bench.Proxy.Peers;

namespace Gatehouse.Bench.Proxy;

/// <summary>What memory in RAM routes and idle connections take. One proxy at a time, each fresh.</summary>
internal static class Memory
{
    private const int Routes = 5_000;
    private const int AtOnce = 64;
    private const int Warm = 20_000;
    private const int WarmConnections = 2_000;

    // A runtime gives back what it no longer needs a moment later.
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    public static async Task RunAsync(ProxyStage stage)
    {
        stage.Report.Row($"memory: {Routes:n0} routes; then connections that wait after one request each");
        await RoutesAsync(stage);
        var plain = stage.Setup("idle") with { Hosts = 100 };
        var connections = 10_000;
        await IdleAsync(stage, plain, "haproxy", Haproxy.StartAsync(plain, stage.Cancellation), connections);
        stage.Report.Figure("proxy.idle_connection_bytes", await IdleAsync(stage, plain, stage.EngineName, stage.StartEngineAsync(plain), connections), "<= 4096");
        var secured = stage.Setup("idle-tls", Spoken.Https) with { Hosts = 100 };
        var few = stage.Quick ? 2_000 : 5_000;
        var peer = await IdleAsync(stage, secured, "haproxy", Haproxy.StartAsync(secured, stage.Cancellation), few);
        var own = await IdleAsync(stage, secured, stage.EngineName, stage.StartEngineAsync(secured), few);
        stage.Report.Figure("proxy.idle_tls_kb", own / 1024);
        stage.Report.Figure("proxy.idle_tls_kb_vs_haproxy", own / peer, "<= 1.0");
    }

    private static async Task RoutesAsync(ProxyStage stage)
    {
        var setup = stage.Setup("routes") with { Hosts = Routes / ProxySetup.Groups };
        await using var proxy = await stage.StartEngineAsync(setup);
        await Probe.RunAsync(proxy, setup, stage.Cancellation);
        using var load = new HttpLoad(proxy.Ports.Traffic, AtOnce, Question.Many(QuestionKind.Small, 4_096, setup.Hosts));
        await load.RunAsync(Warm);
        await Task.Delay(Quiet, TimeProvider.System, stage.Cancellation);
        stage.Report.Row($"  {stage.EngineName}: {proxy.Megabytes:0.0} MB after {Warm:n0} requests, of which the process that serves has {proxy.EngineMegabytes:0.0} MB");
        stage.Report.Figure("proxy.rss_mb_5000_routes", proxy.Megabytes, "<= 120");
        stage.Report.Figure("proxy.rss_mb_5000_routes_engine", proxy.EngineMegabytes);
    }

    /// <summary>Bytes for each connection.</summary>
    private static async Task<double> IdleAsync(ProxyStage stage, ProxySetup setup, string name, Task<ProxyProcess> starting, int connections)
    {
        await using var proxy = await starting;
        await Probe.RunAsync(proxy, setup, stage.Cancellation);
        var questions = Question.Many(QuestionKind.Small, 4_096, setup.Hosts);
        var server = setup.Spoken == Spoken.Https ? ProxySetup.Host(0) : null;
        // What many requests at a time take is no cost of idle connections.
        using (var warm = new HttpLoad(proxy.Ports.Traffic, AtOnce, questions, server)) Require(await warm.RunAsync(Warm));

        // And neither is what a runtime compiles after it has seen many connections begin.
        using (var warm = new HttpLoad(proxy.Ports.Traffic, AtOnce, questions, server, connectEachTime: true)) Require(await warm.RunAsync(WarmConnections));
        await Task.Delay(Quiet, TimeProvider.System, stage.Cancellation);
        var before = proxy.Megabytes;
        using var load = new HttpLoad(proxy.Ports.Traffic, connections, questions, server);
        Require(await load.FillAsync(AtOnce));
        await Task.Delay(Quiet, TimeProvider.System, stage.Cancellation);
        var bytes = (proxy.Megabytes - before) * 1024 * 1024 / connections;
        stage.Report.Row($"  {name}: {connections:n0} idle connections{(server is null ? "" : " in TLS")} take {bytes:n0} bytes each ({before:0.0} to {proxy.Megabytes:0.0} MB)");
        return bytes;

        void Require(LoadOutcome outcome)
        {
            if (outcome.Failed > 0) throw new InvalidOperationException($"{outcome.Failed} requests through {name} failed: {outcome.Fault}");
        }
    }
}
