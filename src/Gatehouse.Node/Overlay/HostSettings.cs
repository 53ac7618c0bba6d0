using Gatehouse.Linux;

namespace Gatehouse.Node.Overlay;

/// <summary>Settings of the host that the overlay needs and that are not ours alone: named exceptions, which <c>doctor</c> lists and tear-down sets back.</summary>
internal static class HostSettings
{
    private static readonly (string Name, string Value)[] Needed = [("net/ipv4/ip_forward", "1"), ("net/ipv6/conf/all/forwarding", "1")];

    /// <summary>Sets what is not set, and remembers in the state what was there before the first time.</summary>
    public static void Ensure(NodeOptions options, NodeStateFile file)
    {
        foreach (var (name, value) in Needed)
        {
            if (Sysctl.Get(name, options.Namespace) is not { } now || now == value) continue;
            if (!file.State.FormerSettings.ContainsKey(name))
                file.Update(s => s with { FormerSettings = new Dictionary<string, string>(s.FormerSettings, StringComparer.Ordinal) { [name] = now } });
            Sysctl.Set(name, value, options.Namespace);
        }
    }

    /// <summary>Sets back what was changed.</summary>
    public static void Restore(NodeOptions options, NodeStateFile file)
    {
        foreach (var (name, value) in file.State.FormerSettings) Sysctl.Set(name, value, options.Namespace);
        file.Update(s => s with { FormerSettings = new Dictionary<string, string>(StringComparer.Ordinal) });
    }
}
