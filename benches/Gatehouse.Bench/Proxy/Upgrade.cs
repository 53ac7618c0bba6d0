using System.Globalization;
using System.Text.RegularExpressions;
using Gatehouse.Linux.Processes;

namespace Gatehouse.Bench.Proxy;

/// <summary>The program takes over from itself again and again under new connections: none may fail, and each predecessor must end by itself.</summary>
internal static partial class Upgrade
{
    private const int Times = 3;
    private static readonly TimeSpan Between = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    public static async Task RunAsync(ProxyStage stage)
    {
        if (stage.IsNoise)
        {
            stage.Report.Row("upgrade: only the engine is replaced in this way");
            return;
        }

        var setup = stage.Setup("upgrade");
        stage.Report.Row($"upgrade: the program takes over from itself {Times} times under connections of one request each");
        await using var proxy = await stage.StartEngineAsync(setup);
        await Probe.RunAsync(proxy, setup, stage.Cancellation);
        var serving = ProcessIdentity.Of(proxy.Id) ?? throw new InvalidOperationException($"{proxy.Name} is gone");
        try
        {
            var seen = await NewConnections.DuringAsync(proxy, setup, async () =>
            {
                for (var i = 0; i < Times; i++)
                {
                    await Task.Delay(Between, TimeProvider.System, stage.Cancellation);
                    var predecessor = serving;
                    serving = await ReplaceAsync(proxy, predecessor, i, stage.Cancellation);
                    await EndAsync(predecessor, stage.Cancellation);
                }
            });
            stage.Report.Row($"  {seen}; each predecessor ended by itself");
            if (seen.Refused + seen.Lost > 0) stage.Report.Row($"  what it said:\n    {string.Join("\n    ", File.ReadLines(proxy.Errors).TakeLast(8))}");
            stage.Report.Figure("proxy.upgrade_errors", seen.Refused + seen.Lost, "= 0");
        }
        finally
        {
            // A successor leads a session of its own: it does not end with who was started here.
            if (serving.Pid != proxy.Id) await serving.StopAsync(Grace, TimeProvider.System, CancellationToken.None);
        }
    }

    /// <summary>Who serves now.</summary>
    private static async Task<ProcessIdentity> ReplaceAsync(ProxyProcess proxy, ProcessIdentity predecessor, int before, CancellationToken cancellation)
    {
        if (!predecessor.Signal(ProcessSignal.User2)) throw new InvalidOperationException($"{proxy.Name} ended before it was replaced");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (true)
        {
            // Successors write to the same file, and each is named there by its predecessor.
            if (Successor().Matches(await File.ReadAllTextAsync(proxy.Errors, limit.Token)) is { } all && all.Count > before)
            {
                var pid = int.Parse(all[before].Groups["pid"].ValueSpan, CultureInfo.InvariantCulture);
                return ProcessIdentity.Of(pid) ?? throw new InvalidOperationException($"the successor {pid} is gone already");
            }

            await pace.WaitForNextTickAsync(limit.Token);
        }
    }

    private static async Task EndAsync(ProcessIdentity predecessor, CancellationToken cancellation)
    {
        try
        {
            await predecessor.WaitForExitAsync(cancellation).WaitAsync(Patience, cancellation);
        }
        catch (TimeoutException)
        {
            throw new InvalidOperationException($"the predecessor {predecessor.Pid} did not end within {Patience.TotalSeconds:0} s of being replaced, without a connection that lasts");
        }
    }

    [GeneratedRegex(@"takes over as (?<pid>\d+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Successor();
}
