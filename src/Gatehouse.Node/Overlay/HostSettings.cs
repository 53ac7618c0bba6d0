using Gatehouse.Linux;

namespace Gatehouse.Node.Overlay;

/// <summary>Kernel settings under <c>/proc/sys</c>. Those of a network namespace belong to the thread that opens the file.</summary>
internal static class HostSettings
{
    /// <summary>Settings of the host that the overlay needs and that are not ours alone; <c>doctor</c> lists them, and tear-down sets them back.</summary>
    public static IReadOnlyList<(string Path, string Value)> Needed { get; } =
    [
        ("net/ipv4/ip_forward", "1"),
        ("net/ipv6/conf/all/forwarding", "1"),
    ];

    /// <summary>The value, or null where the kernel has no such setting.</summary>
    public static string? Read(NetworkNamespace? ns, string path) => In(ns, () => File.Exists(Full(path)) ? File.ReadAllText(Full(path)).Trim() : null);

    /// <summary>Sets a value unless it is that already.</summary>
    public static void Write(NetworkNamespace? ns, string path, string value) => In(ns, () =>
    {
        if (File.ReadAllText(Full(path)).Trim() != value) File.WriteAllText(Full(path), value);
        return true;
    });

    private static string Full(string path) => Path.Combine("/proc/sys", path);

    private static T In<T>(NetworkNamespace? ns, Func<T> act) => ns is null ? act() : ns.Run(act);
}
