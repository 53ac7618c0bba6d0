using System.Globalization;
using Gatehouse.Linux;
using Gatehouse.Linux.Netlink;
using Gatehouse.Node.Overlay;
using Gatehouse.Node.Ruleset;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Node.Instances;

/// <summary>
/// What is in the kernel and in no state file: after the loss of that file, or a crash between making and noting. Programs that this node started bear its tag, and are taken
/// in again as they run; what can't be is ended and removed, so that nothing runs on that nobody knows.
/// </summary>
internal static class LeftBehind
{
    /// <summary>Looks once, before anything is attached.</summary>
    /// <param name="objects">The instances as the cluster had them last.</param>
    public static void TakeIn(NodeStateFile file, OverlayAddresses addresses, NodeOptions options, IReadOnlyDictionary<ObjectKey, FabricInstance> objects, ILogger log)
    {
        using var route = RouteSocket.Open(options.Namespace);
        var names = new DeviceNames(options.DevicePrefix);
        var pairs = route.Links().Where(l => l.Kind == "veth" && l.Name.StartsWith(names.Instance, StringComparison.Ordinal)).ToDictionary(l => l.Name, StringComparer.Ordinal);
        foreach (var (name, instance) in Unknown(file.State))
        {
            if (Find(instance, name, addresses, pairs, names) is { } found && file.State.Instances.All(i => i.Host != found.Host))
            {
                var wanted = objects.GetValueOrDefault(instance);
                log.InstanceFound(instance, found.Pid);
                file.Update(s => With(s, found with { Address = wanted?.Status?.Instance, PortMappings = wanted?.Spec.PortMappings }));
                continue;
            }

            log.LeftoverRemoved($"network namespace {name}");
            OwnedProcesses.EndAll(name);
            NetworkNamespace.Delete(name);
        }

        var known = file.State.Instances.Select(i => names.OfInstance(i.Host)).ToHashSet(StringComparer.Ordinal);
        foreach (var pair in pairs.Values.Where(p => !known.Contains(p.Name)))
        {
            log.LeftoverRemoved($"device {pair.Name}");
            route.DeleteLink(pair.Index);
        }
    }

    /// <summary>Namespaces with this node's tag that the state does not have, with the instances they are of.</summary>
    private static IEnumerable<(string Namespace, string Instance)> Unknown(NodeState state)
    {
        var prefix = OwnedProcesses.NamespaceFor(state, "");
        var known = state.Instances.Select(i => i.NamespaceName).ToHashSet(StringComparer.Ordinal);
        return NetworkNamespace.List().Where(n => n.StartsWith(prefix, StringComparison.Ordinal) && !known.Contains(n)).Select(n => (n, n[prefix.Length..]));
    }

    /// <summary>Null when its program or its pair of devices is gone.</summary>
    private static AttachedInstance? Find(string instance, string name, OverlayAddresses addresses, Dictionary<string, Link> pairs, DeviceNames names)
    {
        var dot = instance.LastIndexOf('.');
        if (dot <= 0 || !int.TryParse(instance.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return null;
        if (OwnedProcesses.In(name) is not [var process, ..]) return null;
        using var target = NetworkNamespace.Open(name);
        using var inside = RouteSocket.Open(target);
        var macs = inside.Links().Where(l => l.Kind == "veth").Select(l => l.Mac).ToHashSet();
        for (var host = HostNumbers.First; host <= HostNumbers.Last; host++)
        {
            if (!macs.Contains(addresses.InstanceMac(host)) || !pairs.ContainsKey(names.OfInstance(host))) continue;
            return new()
            {
                Service = instance[..dot],
                Number = number,
                Host = host,
                Pid = process.Pid,
                StartTime = process.StartTime,
                NamespaceName = name,
                Owned = true,
                // So that its end is seen as such when the cluster has no object of it.
                Declared = true,
            };
        }

        return null;
    }

    /// <summary>With one instance more, whose host number is nobody else's.</summary>
    private static NodeState With(NodeState state, AttachedInstance instance)
    {
        var next = Math.Max(state.NextHost, instance.Host + 1);
        var skipped = Enumerable.Range(state.NextHost, next - state.NextHost);
        return state with
        {
            Instances = [.. state.Instances, instance],
            NextHost = next,
            Freed = [.. state.Freed.Concat(skipped).Where(h => h != instance.Host)],
        };
    }
}
