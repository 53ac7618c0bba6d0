using System.Globalization;
using Gatehouse.Linux;
using Gatehouse.Linux.Processes;

namespace Gatehouse.Node.Instances;

/// <summary>Processes that this node started for instances, in network namespaces that it made.</summary>
internal static class OwnedProcesses
{
    /// <summary>Ends all of them and removes their namespaces, also those that bear this node's tag and that no state knows.</summary>
    public static async Task StopAllAsync(NodeState state, NodeOptions options)
    {
        foreach (var instance in state.Instances.Where(i => i.Owned)) await StopAsync(instance, options.Limits.Stop, TimeProvider.System);
        foreach (var name in NetworkNamespace.List().Where(n => n.StartsWith(NamespaceFor(state, ""), StringComparison.Ordinal)))
        {
            EndAll(name);
            NetworkNamespace.Delete(name);
        }
    }

    /// <summary>Ends one, kindly at first, and removes its namespace.</summary>
    public static async Task StopAsync(AttachedInstance instance, TimeSpan grace, TimeProvider time)
    {
        var process = new ProcessIdentity(instance.Pid, instance.StartTime);
        if (instance.Pid != 0 && process.IsAlive) await process.StopAsync(grace, time);
        if (instance.NamespaceName is { } name) NetworkNamespace.Delete(name);
    }

    /// <summary>The name of the namespace that is made for an instance.</summary>
    public static string NamespaceFor(NodeState state, string instance) => $"gatehouse-{state.Tag}-{instance}";

    /// <summary>Kills whatever runs in a namespace; nothing when there is none of that name.</summary>
    public static void EndAll(string name)
    {
        foreach (var process in In(name)) process.Signal(ProcessSignal.Kill);
    }

    /// <summary>What runs in a namespace, in the order in which it was started; nothing when there is none of that name.</summary>
    public static IReadOnlyList<ProcessIdentity> In(string name)
    {
        if (!NetworkNamespace.Exists(name)) return [];
        using var target = NetworkNamespace.Open(name);
        var identity = $"net:[{target.Identity}]";
        var found = new List<ProcessIdentity>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var pid)) continue;
            if (NamespaceOf(folder) == identity && ProcessIdentity.Of(pid) is { IsAlive: true } process) found.Add(process);
        }

        return [.. found.OrderBy(p => p.StartTime).ThenBy(p => p.Pid)];
    }

    /// <summary>Null when the process ended meanwhile.</summary>
    private static string? NamespaceOf(string folder)
    {
        try
        {
            return new FileInfo(Path.Combine(folder, "ns", "net")).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
