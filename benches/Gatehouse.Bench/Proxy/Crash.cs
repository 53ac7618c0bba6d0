using System.Diagnostics;
using Gatehouse.Bench.Proxy.Load;

namespace Gatehouse.Bench.Proxy;

/// <summary>The engine's process is killed again and again under new connections. What it was answering is lost and counted; nobody is refused.</summary>
internal static class Crash
{
    private const int Kills = 5;
    private const int AtOnce = 32;
    private const int Batch = 500;
    private static readonly TimeSpan Between = TimeSpan.FromSeconds(1);

    public static async Task RunAsync(ProxyStage stage)
    {
        if (stage.IsNoise)
        {
            stage.Report.Row("crash: only the engine has a process that is restarted");
            return;
        }

        var setup = stage.Setup("crash");
        stage.Report.Row($"crash: the engine is killed {Kills} times under connections of one request each, {AtOnce} at a time");
        await using var proxy = await stage.StartEngineAsync(setup);
        await Probe.RunAsync(proxy, setup, stage.Cancellation);
        using var load = new HttpLoad(proxy.Ports.Traffic, AtOnce, Question.Many(QuestionKind.Small, 4_096, setup.Hosts), connectEachTime: true);
        var outcomes = new List<LoadOutcome>();
        var killing = KillAsync(proxy, stage.Cancellation);
        while (!killing.IsCompleted) outcomes.Add(await load.RunAsync(Batch));
        await killing;
        outcomes.Add(await load.RunAsync(Batch));
        var faults = outcomes.SelectMany(o => o.Faults).GroupBy(f => f.Key).ToDictionary(g => g.Key, g => g.Sum(f => f.Value));
        var refused = faults.Where(f => f.Key.Contains(LoadConnection.Refused, StringComparison.Ordinal)).Sum(f => f.Value);
        stage.Report.Row($"  {outcomes.Sum(o => o.Requests):n0} answered, {outcomes.Sum(o => o.Failed) - refused:n0} lost with the engine that had them, {refused:n0} refused; {string.Join(", ", faults.Select(f => $"{f.Key}: {f.Value:n0}"))}");
        stage.Report.Figure("proxy.crash_lost", outcomes.Sum(o => o.Failed) - refused);
        stage.Report.Figure("proxy.crash_refused", refused, "= 0");
    }

    private static async Task KillAsync(ProxyProcess proxy, CancellationToken cancellation)
    {
        for (var i = 0; i < Kills; i++)
        {
            await Task.Delay(Between, TimeProvider.System, cancellation);
            if (proxy.Worker is not { } worker) throw new InvalidOperationException($"{Between.TotalSeconds:0} s after the engine was killed there is no new one");
            using var engine = Process.GetProcessById(worker);
            engine.Kill();
            await engine.WaitForExitAsync(cancellation);
        }

        await Task.Delay(Between, TimeProvider.System, cancellation);
    }
}
