using Gatehouse.Node.Overlay;

namespace Gatehouse.Node.Doctor;

/// <summary>Facts in, findings out: each says what it breaks and how to cure it. Pure.</summary>
internal static class Examination
{
    /// <summary>Certificates of a day and leases of seconds bear this much.</summary>
    private static readonly TimeSpan MostClockOffset = TimeSpan.FromSeconds(5);

    private const int LeastConntrack = 65_536;

    public static IReadOnlyList<Finding> Examine(HostFacts facts, NodeOptions options) =>
    [
        .. Kernel(facts),
        Forward(facts, options),
        Setting(facts, "net/ipv4/ip_forward", "1", "no packet passes between instances and the tunnel"),
        Setting(facts, "net/ipv6/conf/all/forwarding", "1", "no IPv6 packet passes between instances and the tunnel"),
        Setting(facts, "net/ipv6/conf/all/disable_ipv6", "0", "IPv6 service addresses don't work"),
        .. ReversePath(facts),
        BridgeFilter(facts),
        Loose(facts),
        ConntrackSize(facts),
        Mtu(facts, options),
        Clock(facts),
        facts.HasSubnetwork ? Finding.Fine("subnetwork", "leased")
            : new("subnetwork", Severity.Broken, "none yet", "nothing can be attached", "wait for root, or look at the worker's status at its cluster"),
    ];

    private static IEnumerable<Finding> Kernel(HostFacts facts) => facts.Features.All(f => f.Works)
        ? [Finding.Fine("kernel", $"{facts.Features.Count} features work")]
        : facts.Features.Where(f => !f.Works).Select(f =>
            new Finding($"kernel: {f.Name}", f.IsRequired ? Severity.Broken : Severity.Warning, "missing", $"it {f.Purpose}", f.Missing));

    private static Finding Forward(HostFacts facts, NodeOptions options) => facts.DroppingForwardChains is [var first, ..] all
        ? new("forward policy", Severity.Broken, $"{string.Join(", ", all)} drops what it does not know (container engines set this)",
            "packets between instances and the tunnel are dropped, whatever our own table says",
            $"let ours pass there: nft insert rule {first} iifname \"{options.DevicePrefix}*\" accept; nft insert rule {first} oifname \"{options.DevicePrefix}*\" accept")
        : Finding.Fine("forward policy", "nobody drops what it does not know");

    private static Finding Setting(HostFacts facts, string name, string wanted, string breaks)
    {
        var shown = name.Replace('/', '.');
        var value = facts.Settings.GetValueOrDefault(name);
        return value == wanted ? Finding.Fine(shown, value)
            : new(shown, Severity.Broken, value ?? "this kernel has no such setting", breaks, $"sysctl -w {shown}={wanted}");
    }

    /// <summary>The kernel takes the larger of the value for all and the device's own.</summary>
    private static IEnumerable<Finding> ReversePath(HostFacts facts)
    {
        var strict = facts.Settings.Where(s => s.Key.EndsWith("/rp_filter", StringComparison.Ordinal) && s.Value is not (null or "0")).ToArray();
        if (strict.Length == 0) yield return Finding.Fine("rp_filter", "0");
        foreach (var (name, value) in strict)
        {
            var shown = name.Replace('/', '.');
            yield return new(
                shown, Severity.Warning, value!, "first packets of this host, and clients that keep their address behind a gateway, are dropped as if they were forged",
                $"sysctl -w {shown}=0; the larger of the value for all and of the device counts");
        }
    }

    private static Finding BridgeFilter(HostFacts facts) => facts.Settings.GetValueOrDefault("net/bridge/bridge-nf-call-iptables") == "1"
        ? Finding.Fine("bridge-nf-call-iptables", "1: harmless here, since instances are routed and not bridged")
        : Finding.Fine("bridge-nf-call-iptables", "off");

    private static Finding Loose(HostFacts facts) => facts.Settings.GetValueOrDefault("net/netfilter/nf_conntrack_tcp_loose") == "0"
        ? new("nf_conntrack_tcp_loose", Severity.Warning, "0", "connections whose entry was ended hang until they time out, instead of being reset at once", "sysctl -w net.netfilter.nf_conntrack_tcp_loose=1")
        : Finding.Fine("nf_conntrack_tcp_loose", "1");

    private static Finding ConntrackSize(HostFacts facts)
    {
        var (entries, limit) = facts.Conntrack;
        if (limit == 0) return Finding.Fine("nf_conntrack_max", $"{entries} entries; the kernel does not say how many it holds");
        var seen = $"{entries} of {limit}";
        if (entries > limit * 0.8)
            return new("nf_conntrack_max", Severity.Broken, seen, "new connections are dropped when the table is full", $"sysctl -w net.netfilter.nf_conntrack_max={limit * 4}");
        return limit < LeastConntrack
            ? new("nf_conntrack_max", Severity.Warning, seen, "a busy worker fills the table, and new connections are dropped", $"sysctl -w net.netfilter.nf_conntrack_max={LeastConntrack * 4}")
            : Finding.Fine("nf_conntrack_max", seen);
    }

    private static Finding Mtu(HostFacts facts, NodeOptions options)
    {
        if (facts.UnderlayMtu is not { } mtu) return Finding.Fine("mtu", "not known before the devices are there");
        var overhead = OverlayDevices.OverheadOf(options);
        var (inside, least) = (mtu - overhead, DeviceLife.LeastMtu6 + overhead);
        var seen = $"{mtu} on the underlay, {inside} inside the tunnel";
        return inside >= DeviceLife.LeastMtu6 ? Finding.Fine("mtu", seen)
            : new("mtu", Severity.Broken, seen,
                $"IPv6 needs {DeviceLife.LeastMtu6} bytes inside the tunnel, which adds {overhead}: no IPv6 address of the overlay works on this worker; IPv4 goes on",
                $"raise the MTU of the device that has {options.Underlay} to {least} or more; IPv6 comes back by itself");
    }

    private static Finding Clock(HostFacts facts) => facts.ClockOffset switch
    {
        null => new("clock", Severity.Warning, "the cluster has not answered yet", "nothing is known of how the clocks differ", null),
        var offset when offset.Value.Duration() > MostClockOffset => new(
            "clock", Severity.Warning, $"{offset.Value.TotalSeconds:0} s between the cluster's clock and this host's", "certificates count as not yet valid or as expired, and leases look odd",
            "run a time service (systemd-timesyncd, chrony) on both"),
        var offset => Finding.Fine("clock", $"{offset.Value.TotalSeconds:0.0} s between the cluster's clock and this host's"),
    };
}
