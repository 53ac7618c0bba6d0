using System.Diagnostics;
using System.Runtime.InteropServices;
using Gatehouse.Bench.Proxy.Load;

namespace Gatehouse.Bench.Proxy;

/// <summary>
/// The engine against HAProxy and nginx as Debian ships them, in the same run: one thread each, the same backend, interleaved rounds of a fixed number of requests. What is
/// compared is the processor time that a proxy uses for a request, as the kernel counts it for all of the proxy's processes; ratios are taken within a round, and of those the median.
/// </summary>
/// <remarks>
/// A proxy alone has the first processor, the load and the backend have the last: see <see cref="Machine"/>. <c>--noise</c> lets a second HAProxy stand in the engine's place: how
/// far its ratios are from 1 is what the method can't tell apart.
/// </remarks>
internal static class ProxyComparison
{
    // Of 10,000 idle connections, both ends of each are here or in a child.
    private const ulong Descriptors = 40_000;

    public static Comparison Comparison { get; } = new("proxy", RunAsync);

    private static readonly IReadOnlyList<(string Name, Func<ProxyStage, Task> RunAsync)> Parts = [.. RequestCost.Parts, ("tcp", TcpCost.RunAsync), ("latency", Latency.RunAsync), ("alloc", Allocation.RunAsync), ("memory", Memory.RunAsync), ("churn", Churn.RunAsync), ("upgrade", Upgrade.RunAsync), ("crash", Crash.RunAsync), ("fuzz", Fuzzing.RunAsync)];

    /// <summary>What <c>--only</c> takes.</summary>
    public static IEnumerable<string> PartNames => Parts.Select(part => part.Name);

    private static async Task RunAsync(BenchContext context)
    {
        using var end = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        var started = Stopwatch.GetTimestamp();
        context.Report.Row($"machine: {Environment.ProcessorCount} processors, load {Load()} before the start; Linux {Environment.OSVersion.Version}");
        if (!Machine.AllowDescriptors(Descriptors)) context.Report.Row($"this user may not open {Descriptors:n0} descriptors; parts with many connections will say so");
        await using var turn = await TurnAsync(end.Token);
        // In /tmp and with a short name: the path of a Unix socket has room for 107 characters.
        var folder = Directory.CreateTempSubdirectory("gatehouse-bench-").FullName;
        try
        {
            Machine.PutAhead(Environment.ProcessId);
            await using var backend = Backend.Start(ProxySetup.Groups);
            var stage = new ProxyStage(context, folder, backend, end.Token);
            foreach (var (name, run) in Parts.Where(part => context.Has(part.Name))) await RunPartAsync(stage, name, run);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("interrupted; all proxies are gone");
            Environment.ExitCode = 130;
        }
        finally
        {
            Machine.PutBack(Environment.ProcessId);
            Directory.Delete(folder, recursive: true);
        }

        context.Report.Row("");
        context.Report.Row($"load {Load()} at the end; took {Stopwatch.GetElapsedTime(started).TotalSeconds:0} s");

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            end.Cancel();
        }
    }

    /// <summary>Two runs at a time would measure each other: the second waits until the first is over. Null: it was told to end before.</summary>
    private static async Task<FileStream?> TurnAsync(CancellationToken cancellation)
    {
        using var pace = new PeriodicTimer(TimeSpan.FromSeconds(1));
        for (var told = false; !cancellation.IsCancellationRequested; told = true)
        {
            try
            {
                // Held by the kernel (flock(2)) and gone with this process; the file stays, for whoever comes next.
                return new FileStream(Path.Combine(Path.GetTempPath(), "gatehouse-bench-proxy.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (!told)
            {
                await Console.Error.WriteLineAsync("another comparison of proxies is running: waiting for its end");
            }
            catch (IOException)
            {
                // Still.
            }

            await pace.WaitForNextTickAsync(CancellationToken.None);
        }

        return null;
    }

    /// <summary>One part that fails does not take the others with it, but the run fails.</summary>
    private static async Task RunPartAsync(ProxyStage stage, string name, Func<ProxyStage, Task> run)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            stage.Report.Row("");
            await run(stage);
            stage.Report.Row($"  took {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s");
        }
        catch (Exception e) when (!stage.Cancellation.IsCancellationRequested)
        {
            stage.Report.Row($"{name} FAILED: {e.Message}");
            Environment.ExitCode = 1;
        }
    }

    private static string Load() => File.ReadAllText("/proc/loadavg").Split(' ')[0];
}
