using System.Globalization;

namespace Gatehouse.TestKit;

/// <summary>What a lab has on the machine while it runs, and what of that is there later.</summary>
/// <param name="Processes">By id, with the time of their start, which tells them from later ones of the same number.</param>
/// <param name="Namespaces">Network, mount and process namespaces, as <c>/proc/PID/ns</c> names them.</param>
public sealed record LabTrace(string Directory, IReadOnlyDictionary<int, string> Processes, IReadOnlySet<string> Namespaces)
{
    /// <summary>Command lines, for the text of a failure.</summary>
    public IReadOnlyDictionary<int, string> Commands { get; private init; } = new Dictionary<int, string>();

    /// <summary>Clock ticks since the machine's start, as processes' starts are told.</summary>
    private long Taken { get; } = (long)(double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], CultureInfo.InvariantCulture) * 100);

    private static readonly string[] Kinds = ["net", "mnt", "pid"];

    /// <summary>Looks at the lab of a directory: everything in the process namespace whose first process was started for it.</summary>
    public static LabTrace Take(string directory)
    {
        var watcher = Pids().Single(p => Text(p, "cmdline").TrimEnd('\0').Split('\0') is ["unshare", .., "gatehouse-lab", var named] && named == directory);
        var own = Kinds.Select(k => Namespace(Environment.ProcessId, k)).ToHashSet();
        var inner = Pids().Where(p => Text(p, "status").Contains($"\nPPid:\t{watcher}\n", StringComparison.Ordinal)).Select(p => Namespace(p, "pid")).Single(n => n is not null && !own.Contains(n));
        // A process without a command line is on its way out: its memory is gone, and it is no longer the lab's to end.
        var members = Pids().Where(p => Namespace(p, "pid") == inner && StartOf(p).Length > 0 && Text(p, "cmdline").Length > 0).Append(watcher).ToList();
        var spaces = members.SelectMany(p => Kinds.Select(k => Namespace(p, k))).OfType<string>().Where(n => !own.Contains(n)).ToHashSet(StringComparer.Ordinal);
        return new LabTrace(directory, members.ToDictionary(p => p, StartOf), spaces) { Commands = members.ToDictionary(p => p, p => Text(p, "cmdline").Replace('\0', ' ')) };
    }

    /// <summary>What is still there, for the failure's text; empty when nothing is.</summary>
    /// <remarks>An ended process that nobody waits for (a zombie) holds nothing; a machine whose first process does not wait keeps it for ever.</remarks>
    public IReadOnlyList<string> Remains()
    {
        List<string> found = [];
        if (System.IO.Directory.Exists(Directory)) found.Add(Directory);
        found.AddRange(Processes.Where(p => StartOf(p.Key) == p.Value).Select(p => $"process {p.Key}: {Commands[p.Key]}: {Text(p.Key, "stat")}"));
        // The kernel gives the number of a namespace that ended to the next one at once: only who was there at the time of the look can still hold the lab's.
        var alive = Pids().Where(p => long.TryParse(StartOf(p), NumberStyles.None, CultureInfo.InvariantCulture, out var start) && start <= Taken).SelectMany(p => Kinds.Select(k => Namespace(p, k))).OfType<string>().ToHashSet(StringComparer.Ordinal);
        found.AddRange(Namespaces.Where(alive.Contains));
        found.AddRange(File.ReadLines("/proc/self/mountinfo").Where(l => l.Contains(Directory, StringComparison.Ordinal) || Namespaces.Any(n => l.Contains(n, StringComparison.Ordinal))));
        return found;
    }

    private static IEnumerable<int> Pids() => System.IO.Directory.EnumerateDirectories("/proc")
        .Select(d => int.TryParse(Path.GetFileName(d), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0).Where(p => p > 0).ToList();

    /// <summary>Empty when it has ended.</summary>
    private static string StartOf(int pid)
    {
        var stat = Text(pid, "stat");
        var fields = stat[(stat.LastIndexOf(')') + 1)..].TrimStart().Split(' ');
        return fields.Length < 20 || fields[0] is "Z" or "X" ? "" : fields[19];
    }

    private static string? Namespace(int pid, string kind)
    {
        try
        {
            return File.ResolveLinkTarget($"/proc/{pid}/ns/{kind}", returnFinalTarget: false)?.Name;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
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
