using System.Globalization;

namespace Gatehouse.Lab;

/// <summary>A process id with the time of its start, which tells it from a later one of the same number.</summary>
/// <param name="Pid">As the machine numbers it.</param>
/// <param name="StartTime">Clock ticks since boot (proc(5), <c>/proc/PID/stat</c> field 22).</param>
public readonly record struct ProcessStamp(int Pid, long StartTime);

/// <summary>One process, as the machine and as the lab number it.</summary>
/// <param name="Stamp">As the machine numbers it.</param>
/// <param name="InnerPid">As the lab's process namespace numbers it.</param>
/// <param name="Ended">Ended and not yet waited for (a zombie).</param>
public sealed record ProcessRow(ProcessStamp Stamp, int InnerPid, bool Ended);

/// <summary>Reads <c>/proc</c>: which processes live in a lab.</summary>
internal static class ProcessTable
{
    /// <summary>The stamp of a process; null when there is none or it has ended.</summary>
    public static ProcessStamp? Stamp(int pid) => Read(pid) is { Ended: false } row ? row.Stamp : null;

    /// <summary>Whether this very process still runs.</summary>
    public static bool IsAlive(ProcessStamp stamp) => Stamp(stamp.Pid) == stamp;

    /// <summary>The only child of a process; null when it has none.</summary>
    public static ProcessStamp? ChildOf(int pid) => Pids().Where(p => Field(p, "PPid:") == pid).Select(Stamp).FirstOrDefault(s => s is not null);

    /// <summary>The caller's own processes with a command line that satisfies the condition.</summary>
    /// <remarks>Only the caller's own: anybody can start a process with any command line, and would have it entered or ended by root.</remarks>
    public static IEnumerable<ProcessStamp> Own(Func<string[], bool> commandLine)
    {
        var user = Field(System.Environment.ProcessId, "Uid:");
        return Pids().Where(p => commandLine(Text(p, "cmdline").TrimEnd('\0').Split('\0')) && Field(p, "Uid:") == user).Select(Stamp).OfType<ProcessStamp>();
    }

    /// <summary>Every process of the process namespace that <paramref name="init"/> is the first of.</summary>
    public static IReadOnlyList<ProcessRow> InNamespaceOf(int init)
    {
        var space = Namespace(init);
        return space is null ? [] : [.. Pids().Where(p => Namespace(p) == space).Select(Read).OfType<ProcessRow>()];
    }

    private static IEnumerable<int> Pids()
    {
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var pid)) yield return pid;
        }
    }

    private static string? Namespace(int pid)
    {
        try
        {
            return File.ResolveLinkTarget($"/proc/{pid}/ns/pid", returnFinalTarget: false)?.Name;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>proc(5): the name in parentheses may hold spaces and parentheses, so fields count from the last ')'.</summary>
    private static ProcessRow? Read(int pid)
    {
        var stat = Text(pid, "stat");
        var end = stat.LastIndexOf(')');
        if (end < 0) return null;
        var fields = stat[(end + 2)..].Split(' ');
        var started = long.Parse(fields[19], CultureInfo.InvariantCulture);
        return new ProcessRow(new ProcessStamp(pid, started), Field(pid, "NSpid:") ?? pid, fields[0] is "Z" or "X");
    }

    /// <summary>The last number of a line of <c>/proc/PID/status</c>; for <c>NSpid</c> that is the innermost namespace's.</summary>
    private static int? Field(int pid, string name)
    {
        var line = Text(pid, "status").Split('\n').FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal));
        return line is not null && int.TryParse(line.Split('\t', ' ')[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
    }

    private static string Text(int pid, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/{file}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
