using System.Globalization;

namespace Gatehouse.Lab;

/// <summary>Starts and stops the roles of a lab. Each is a process of its own, detached from whoever started it.</summary>
internal sealed class LabProcesses(LabPaths paths, TimeProvider time)
{
    private const int QuotedLogLines = 15;

    // The shell says its process id, which exec keeps, and only then gives the streams away.
    private const string StartScript = "log=$1; shift; echo $$; exec \"$@\" </dev/null >>\"$log\" 2>&1";

    // .NET's diagnostic port is a socket under /tmp, which a killed process leaves behind.
    private static readonly string[] Settings = ["DOTNET_EnableDiagnostics=0", "DOTNET_GCgen0size=0x4000000"];

    /// <summary>Starts a process and waits until it says that it is ready.</summary>
    /// <param name="started">Gets the process id, as the lab numbers it, before the wait.</param>
    /// <exception cref="LabException">It ended before it was ready, or the time is over; the message quotes the end of its log.</exception>
    public async Task StartAsync(LabState lab, LabProcess process, TimeSpan patience, Action<int> started, CancellationToken cancellation)
    {
        var socket = Path.Combine(paths.Notifications, $"{process.Host}-{process.Role}.sock");
        using var readiness = new Readiness(socket);
        string[] command =
        [
            .. LabNamespaces.Enter(paths.Directory, lab, process.Host), "setsid", "--fork", "env", .. Settings, $"NOTIFY_SOCKET={socket}", $"GATEHOUSE_PROGRAM={Path.Combine(paths.Binaries, "gatehouse")}", $"PATH={paths.Binaries}:{SystemPath}",
            "sh", "-c", StartScript, "sh", process.Log, .. process.Command,
        ];
        var line = await Tool.FirstLineAsync($"starting {process.Role} on {process.Host}", command, cancellation);
        var pid = int.Parse(line, CultureInfo.InvariantCulture);
        started(pid);

        var outcome = await readiness.WaitAsync(() => Find(pid) is null, patience, time, cancellation);
        if (outcome == ReadinessOutcome.Ready) return;
        var why = outcome == ReadinessOutcome.Ended ? "ended before it was ready" : $"was not ready within {patience.TotalSeconds:0} s";
        throw new LabException($"{process.Role} on {process.Host} {why}; {process.Log} ends with:\n{LogEnd(process.Log)}");
    }

    /// <summary>The running process of a number inside the lab; null when it ended.</summary>
    public ProcessRow? Find(int innerPid) =>
        LabNamespaces.Find(paths.Directory) is { } keeper ? ProcessTable.InNamespaceOf(keeper.Init.Pid).FirstOrDefault(p => p.InnerPid == innerPid && !p.Ended) : null;

    /// <summary>Sends a signal from inside the lab, where the number means what it should, and waits until the process ended.</summary>
    public async Task StopAsync(LabState lab, LabProcess process, string signal, TimeSpan patience, CancellationToken cancellation)
    {
        if (Find(process.Pid) is not { } row) return;
        await Tool.RunAsync(
            $"stopping {process.Role} on {process.Host}",
            [.. LabNamespaces.Enter(paths.Directory, lab, host: null), "sh", "-c", "kill -s \"$1\" \"$2\"", "sh", signal, process.Pid.ToString(CultureInfo.InvariantCulture)], null, cancellation);
        var start = time.GetTimestamp();
        while (ProcessTable.IsAlive(row.Stamp))
        {
            if (time.GetElapsedTime(start) > patience) throw new LabException($"{process.Role} on {process.Host} still runs {patience.TotalSeconds:0} s after SIG{signal}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), time, cancellation);
        }
    }

    /// <summary>What Debian gives root; the caller's own may lack the sbin directories.</summary>
    public const string SystemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private static string LogEnd(string log)
    {
        try
        {
            return string.Join('\n', File.ReadLines(log).TakeLast(QuotedLogLines).Select(l => $"    {l}"));
        }
        catch (IOException e)
        {
            return $"    ({e.Message})";
        }
    }
}
