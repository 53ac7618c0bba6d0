using System.Diagnostics;
using System.Globalization;

namespace Gatehouse.Bench.Scale;

/// <summary>
/// A program that ends with this one, however this one ends: a shell between them holds the other end of a pipe, and ends the program when the pipe closes.
/// </summary>
internal sealed class ServedProcess : IAsyncDisposable
{
    // Ctrl-C at a terminal goes to the whole group: the shell has to outlive it. Caught, not ignored: the program would inherit that, and never end.
    private const string Keeper = """trap : INT TERM; "$@" 2>"$0" & echo $!; read -r _; kill -TERM $! 2>/dev/null; wait $! 2>/dev/null""";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly Process _shell;
    private readonly string _log;

    private ServedProcess(Process shell, int id, string log) => (_shell, Id, _log) = (shell, id, log);

    /// <summary>Of the program, not of its shell.</summary>
    public int Id { get; }

    /// <summary>Processor time so far; zero when it is gone.</summary>
    public TimeSpan Processor => Usage.Processor(Id);

    /// <summary>Memory in RAM, in MB; zero when it is gone.</summary>
    public double Megabytes => Usage.Megabytes(Id);

    public bool IsAlive => Directory.Exists($"/proc/{Id}");

    /// <summary>Starts a program; what it says on standard error goes to the file.</summary>
    public static ServedProcess Start(string log, string program, params IEnumerable<string> arguments)
    {
        var shell = Process.Start(new ProcessStartInfo("sh", ["-c", Keeper, log, program, .. arguments]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        var id = int.Parse(shell.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
        return new ServedProcess(shell, id, log);
    }

    /// <summary>Waits until the file is there, which the program writes when it serves.</summary>
    public async Task WaitForAsync(string file, TimeSpan patience, CancellationToken cancellation)
    {
        var started = Stopwatch.GetTimestamp();
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (!File.Exists(file))
        {
            if (!IsAlive) throw new InvalidOperationException($"the program ended before it served: {Tail()}");
            if (Stopwatch.GetElapsedTime(started) > patience) throw new TimeoutException($"no {file} within {patience.TotalSeconds:0} s: {Tail()}");
            await pace.WaitForNextTickAsync(cancellation);
        }
    }

    /// <summary>The last lines of its log.</summary>
    public string Tail() => File.Exists(_log) ? string.Join('\n', File.ReadLines(_log).TakeLast(5)) : "it said nothing";

    public async ValueTask DisposeAsync()
    {
        _shell.StandardInput.Close();
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            await _shell.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            // Its shell waits for it: the id is nobody else's yet.
            using var program = Process.GetProcessById(Id);
            program.Kill();
            await _shell.WaitForExitAsync(CancellationToken.None);
        }

        _shell.Dispose();
    }
}

/// <summary>What the kernel counts for a process (proc(5)).</summary>
internal static class Usage
{
    private const double TicksPerSecond = 100;

    public static double Megabytes(int id) => Field($"/proc/{id}/status", "VmRSS:") / 1024;

    public static TimeSpan Processor(int id)
    {
        try
        {
            // The name in parentheses may hold spaces; utime and stime are the 14th and 15th of all fields.
            var text = File.ReadAllText($"/proc/{id}/stat");
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return TimeSpan.FromSeconds((double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond);
        }
        catch (IOException)
        {
            return TimeSpan.Zero;
        }
    }

    /// <summary>Descriptors that a process here may open.</summary>
    public static int Descriptors()
    {
        var line = File.ReadLines("/proc/self/limits").First(l => l.StartsWith("Max open files", StringComparison.Ordinal));
        return int.TryParse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3], CultureInfo.InvariantCulture, out var limit) ? limit : int.MaxValue;
    }

    private static double Field(string file, string name)
    {
        try
        {
            var line = File.ReadLines(file).FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal));
            return line is null ? 0 : double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[^2], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
