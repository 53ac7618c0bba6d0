using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Gatehouse.Bench.Overlay;

/// <summary>
/// The overlay against plain VXLAN between the same namespaces, and how soon a first packet and a change get through it. Everything real: a lab of processes with the
/// kernel's tables, HTTPS between them, a durable store.
/// </summary>
internal static class OverlayComparison
{
    public static Comparison Comparison { get; } = new("overlay", RunAsync);

    private static async Task RunAsync(BenchContext context)
    {
        // The lab must not outlive this program, however it ends.
        using var end = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => Stop(signal, end));
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => Stop(signal, end));
        try
        {
            await MeasureAsync(context, end.Token);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("interrupted; the lab is gone");
            Environment.Exit(130);
        }
    }

    private static async Task MeasureAsync(BenchContext context, CancellationToken cancellation)
    {
        var started = Stopwatch.GetTimestamp();
        context.Report.Row($"machine: {Environment.ProcessorCount} processors, load {Load()} before the start; Linux {Environment.OSVersion.Version}");
        await using var lab = await OverlayLab.StartAsync(workers: 3, cancellation);
        context.Report.Row($"lab: 1 root, 1 cluster manager, 3 workers, up after {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s");
        await using var stage = await OverlayStage.CreateAsync(context, lab, cancellation);
        await stage.RunAsync(cancellation);
        context.Report.Row("");
        context.Report.Row($"load {Load()} at the end; took {Stopwatch.GetElapsedTime(started).TotalSeconds:0} s");
    }

    private static string Load() => File.ReadAllText("/proc/loadavg").Split(' ')[0];

    private static void Stop(PosixSignalContext signal, CancellationTokenSource end)
    {
        signal.Cancel = true;
        end.Cancel();
    }
}
