using System.Globalization;

namespace Gatehouse.Lab;

/// <summary>
/// The namespaces of a lab. One process namespace holds everything that runs in it, so that the end of its first process is the end of the lab: processes, mounts,
/// network namespaces and links go with it, whatever else crashed. Each host has its own network, mounts and name inside.
/// </summary>
internal static class LabNamespaces
{
    // The watcher's command line carries this word and the lab's directory: so it is found whatever became of the one who started it, and of the state file.
    private const string Mark = "gatehouse-lab";

    // The first process ignores SIGCHLD, so that the kernel itself waits for the children that are handed to it.
    private const string InitScript = "trap '' CHLD; echo ready; exec sleep infinity </dev/null >/dev/null 2>&1";

    // A host's own /run holds its sockets and named network namespaces; a fresh /sys shows its own interfaces. Both vanish with the host.
    private const string HostScript = """
        mount -t tmpfs -o mode=0755 gatehouse-run /run && mkdir /run/netns /run/gatehouse && mount -t sysfs gatehouse-sys /sys && hostname "$1" || exit 1
        echo $$
        exec sleep infinity </dev/null >/dev/null 2>&1
        """;

    /// <summary>Creates the lab's namespaces.</summary>
    /// <exception cref="LabException">The kernel or its settings forbid them.</exception>
    public static async Task CreateAsync(string directory, bool rootless, CancellationToken cancellation)
    {
        string[] user = rootless ? ["--user", "--map-root-user"] : [];
        string[] command =
        [
            "setsid", "unshare", .. user, "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc",
            "sh", "-c", InitScript, Mark, directory,
        ];
        try
        {
            await Tool.FirstLineAsync("creating the lab's namespaces", command, cancellation);
        }
        catch (LabException e) when (rootless)
        {
            throw new LabException($"{e.Message}; docs/operations/lab.md says what a lab without root needs", e);
        }
    }

    /// <summary>The processes that keep a lab's namespaces; null when it does not run.</summary>
    public static LabKeeper? Find(string directory)
    {
        foreach (var watcher in ProcessTable.Own(words => words.Length > 2 && words[0] == "unshare" && words[^2] == Mark && words[^1] == directory))
        {
            if (ProcessTable.ChildOf(watcher.Pid) is { } init) return new LabKeeper(watcher, init);
        }

        return null;
    }

    /// <summary>Makes a host's namespaces inside the lab.</summary>
    /// <returns>The process id, inside the lab, that stands for them.</returns>
    public static async Task<int> CreateHostAsync(string directory, LabState lab, string host, CancellationToken cancellation)
    {
        string[] command = [.. Enter(directory, lab, host: null), "setsid", "--fork", "unshare", "--net", "--mount", "--uts", "sh", "-c", HostScript, "sh", host];
        var line = await Tool.FirstLineAsync($"creating the host {host}", command, cancellation);
        return int.Parse(line, CultureInfo.InvariantCulture);
    }

    /// <summary>The command words that run the words after them in a host, or beside the hosts' switches when <paramref name="host"/> is null.</summary>
    /// <exception cref="LabException">The lab does not run, or has no such host.</exception>
    public static IReadOnlyList<string> Enter(string directory, LabState lab, string? host)
    {
        var keeper = Find(directory) ?? throw new LabException($"the lab '{lab.Name}' does not run any more: `gatehouse lab down --name {lab.Name}` clears it away");

        // Without --preserve-credentials nsenter calls setgroups, which a user namespace of a plain user forbids (user_namespaces(7)).
        string[] user = lab.Rootless ? ["--user", "--preserve-credentials"] : [];
        string[] enter = ["nsenter", "--target", Number(keeper.Init.Pid), .. user, "--mount", "--net", "--uts", "--ipc", "--pid"];
        if (host is null) return enter;
        if (!lab.Inits.TryGetValue(host, out var init)) throw new LabException($"there is no host '{host}' in the lab '{lab.Name}'; there are: {string.Join(", ", lab.Inits.Keys)}");
        return [.. enter, "nsenter", "--target", Number(init), "--mount", "--net", "--uts"];
    }

    /// <summary>Ends the lab's first process and waits until the kernel has ended the rest.</summary>
    /// <exception cref="LabException">Something still runs when the time is over.</exception>
    public static async Task EndAsync(LabKeeper keeper, TimeProvider time, CancellationToken cancellation)
    {
        // Taken first: when the first process is gone, nothing tells any more which others were its.
        var others = ProcessTable.InNamespaceOf(keeper.Init.Pid).Select(p => p.Stamp).ToList();
        Kill(keeper.Init);
        foreach (var stamp in (ProcessStamp[])[keeper.Init, .. others, keeper.Watcher])
        {
            if (stamp == keeper.Watcher) Kill(stamp);
            for (var tries = 0; ProcessTable.IsAlive(stamp); tries++)
            {
                if (tries == 1000) throw new LabException($"process {stamp.Pid} of the lab did not end within 10 s of SIGKILL");
                await Task.Delay(TimeSpan.FromMilliseconds(10), time, cancellation);
            }
        }
    }

    private static void Kill(ProcessStamp stamp)
    {
        if (!ProcessTable.IsAlive(stamp)) return;
        try
        {
            using var process = System.Diagnostics.Process.GetProcessById(stamp.Pid);
            process.Kill();
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            // It ended in between.
        }
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The two processes without which the lab is gone.</summary>
/// <param name="Watcher">Waits for the lab's first process, and takes it along when it ends.</param>
/// <param name="Init">The first process of the lab's process namespace; when it ends, the kernel ends all others.</param>
internal sealed record LabKeeper(ProcessStamp Watcher, ProcessStamp Init);
