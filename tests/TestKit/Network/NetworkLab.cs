using System.Globalization;

namespace Gatehouse.TestKit.Network;

/// <summary>
/// Hosts in network namespaces of a test's own, joined by veth pairs and bridges that live inside those namespaces: the machine's own network is never touched.
/// Names carry the process id, so that runs side by side don't meet, and what a killed run left is removed by the next.
/// </summary>
/// <example><code>
/// await using var lab = await NetworkLab.CreateAsync();
/// var (a, b) = (await lab.AddHostAsync("a"), await lab.AddHostAsync("b"));
/// await lab.ConnectAsync(a, "10.1.0.1/24", b, "10.1.0.2/24");
/// await a.RunAsync("ping", "-c1", "10.1.0.2");
/// </code></example>
public sealed class NetworkLab : IAsyncDisposable
{
    private const string Prefix = "ghtk-";

    private static int _count;

    private readonly List<NetworkHost> _hosts = [];
    private readonly string _name = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}-{Interlocked.Increment(ref _count)}-");
    private int _links;

    private NetworkLab()
    {
    }

    /// <summary>Why there can be no lab here, for <c>Assert.SkipUnless</c>; null when there can.</summary>
    public static string? Refusal { get; } =
        !OperatingSystem.IsLinux() ? "network namespaces are Linux's"
        : Environment.UserName != "root" ? "network namespaces need root"
        : !File.Exists("/usr/sbin/ip") && !File.Exists("/sbin/ip") && !File.Exists("/bin/ip") ? "network namespaces need iproute2"
        : null;

    /// <summary>An empty lab. Removes what labs of dead processes left.</summary>
    public static async Task<NetworkLab> CreateAsync()
    {
        if (Refusal is { } why) throw new InvalidOperationException(why);
        foreach (var stale in await NamespacesAsync())
        {
            if (OwnerOf(stale) is { } owner && !Directory.Exists($"/proc/{owner}")) await NetworkHost.RemoveAsync(stale);
        }

        return new NetworkLab();
    }

    /// <summary>A host with loopback up and IPv6 addresses that are usable at once.</summary>
    /// <param name="name">Unique in the lab.</param>
    public async Task<NetworkHost> AddHostAsync(string name)
    {
        var host = new NetworkHost(name, _name + name);
        await ShellCommand.RequireAsync("ip", ["netns", "add", host.Namespace]);
        _hosts.Add(host);
        await host.RunAsync("sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0");
        await host.RunAsync("ip", "link", "set", "lo", "up");
        return host;
    }

    /// <summary>A cable between two hosts. Addresses may be null (for a bridge's port).</summary>
    /// <param name="firstAddress">With its prefix length, for example <c>10.1.0.1/24</c>.</param>
    /// <returns>The interface's name, the same at both ends.</returns>
    public async Task<string> ConnectAsync(NetworkHost first, string? firstAddress, NetworkHost second, string? secondAddress)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"eth{_links++}");
        await first.RunAsync("ip", "link", "add", name, "type", "veth", "peer", "name", name, "netns", second.Namespace);
        await SetUpAsync(first, name, firstAddress);
        await SetUpAsync(second, name, secondAddress);
        return name;
    }

    /// <summary>A host that is a switch: hosts connected with <see cref="PlugAsync"/> share a network.</summary>
    public async Task<NetworkHost> AddSwitchAsync(string name)
    {
        var host = await AddHostAsync(name);
        await host.RunAsync("ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0");
        await host.RunAsync("ip", "link", "set", "br0", "up");
        return host;
    }

    /// <summary>Connects a host to a switch.</summary>
    /// <returns>The host's interface.</returns>
    public async Task<string> PlugAsync(NetworkHost host, string? address, NetworkHost @switch)
    {
        var name = await ConnectAsync(@switch, null, host, address);
        await @switch.RunAsync("ip", "link", "set", name, "master", "br0");
        return name;
    }

    /// <summary>Ends the processes of every host and removes the hosts with their links, whatever failed before.</summary>
    public async ValueTask DisposeAsync()
    {
        var faults = new List<string>();
        foreach (var host in _hosts)
        {
            await host.DisposeAsync();
            if (await NetworkHost.RemoveAsync(host.Namespace) is { } fault) faults.Add(fault);
        }

        if (faults.Count > 0) throw new InvalidOperationException($"the lab left something behind: {string.Join("; ", faults)}");
    }

    internal static async Task<IReadOnlyList<string>> NamespacesAsync()
    {
        var list = await ShellCommand.RequireAsync("ip", ["netns", "list"]);
        return [.. list.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(' ')[0]).Where(n => n.StartsWith(Prefix, StringComparison.Ordinal))];
    }

    private static int? OwnerOf(string name) =>
        int.TryParse(name[Prefix.Length..].Split('-')[0], CultureInfo.InvariantCulture, out var pid) ? pid : null;

    private static async Task SetUpAsync(NetworkHost host, string name, string? address)
    {
        if (address is not null) await host.RunAsync("ip", "address", "add", address, "dev", name);
        await host.RunAsync("ip", "link", "set", name, "up");
    }
}
