using Gatehouse.Linux;
using Gatehouse.Linux.Processes;

namespace Gatehouse.Node.Instances;

/// <summary>Processes that this node started for instances, in network namespaces that it made.</summary>
internal static class OwnedProcesses
{
    /// <summary>Ends all of them and removes their namespaces.</summary>
    public static async Task StopAllAsync(NodeState state, NodeOptions options)
    {
        foreach (var instance in state.Instances.Where(i => i.Owned)) await StopAsync(instance, options.Limits.Stop, TimeProvider.System);
    }

    /// <summary>Ends one, kindly at first, and removes its namespace.</summary>
    public static async Task StopAsync(AttachedInstance instance, TimeSpan grace, TimeProvider time)
    {
        var process = new ProcessIdentity(instance.Pid, instance.StartTime);
        if (instance.Pid != 0 && process.IsAlive) await process.StopAsync(grace, time);
        if (instance.NamespaceName is { } name) NetworkNamespace.Delete(name);
    }
}
