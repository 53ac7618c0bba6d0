using Gatehouse.Linux.Processes;

namespace Gatehouse.Bench.Proxy;

/// <summary>The engine's process is killed again and again under new connections. What it was answering is lost and counted; nobody is refused.</summary>
internal static class Crash
{
    private const int Kills = 5;
    private static readonly TimeSpan Between = TimeSpan.FromSeconds(1);

    public static async Task RunAsync(ProxyStage stage)
    {
        if (stage.IsNoise)
        {
            stage.Report.Row("crash: only the engine has a process that is restarted");
            return;
        }

        var setup = stage.Setup("crash");
        stage.Report.Row($"crash: the engine is killed {Kills} times under connections of one request each");
        await using var proxy = await stage.StartEngineAsync(setup);
        await Probe.RunAsync(proxy, setup, stage.Cancellation);
        var seen = await NewConnections.DuringAsync(proxy, setup, () => KillAsync(proxy, stage.Cancellation));
        stage.Report.Row($"  {seen}");
        stage.Report.Figure("proxy.crash_lost", seen.Lost);
        stage.Report.Figure("proxy.crash_refused", seen.Refused, "= 0");
    }

    private static async Task KillAsync(ProxyProcess proxy, CancellationToken cancellation)
    {
        for (var i = 0; i < Kills; i++)
        {
            await Task.Delay(Between, TimeProvider.System, cancellation);
            if (proxy.Worker is not { } worker || ProcessIdentity.Of(worker) is not { } engine) throw new InvalidOperationException($"{Between.TotalSeconds:0} s after the engine was killed there is no new one");
            engine.Signal(ProcessSignal.Kill);
            await engine.WaitForExitAsync(cancellation);
        }

        await Task.Delay(Between, TimeProvider.System, cancellation);
    }
}
