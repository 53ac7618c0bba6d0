using System.Net;
using Gatehouse.Linux.Conntrack;
using Gatehouse.Linux.Netlink;
using Gatehouse.Linux.Nftables;
using Gatehouse.Linux.Tun;
using Gatehouse.Wire;

namespace Gatehouse.Linux;

/// <summary>One thing that the data path wants from the kernel, and whether this kernel does it.</summary>
/// <param name="Name">Short, for a table: <c>vxlan</c>.</param>
/// <param name="Purpose">What Gatehouse does with it.</param>
/// <param name="Works">Whether it was done just now.</param>
/// <param name="IsRequired">False: there is another way, only slower.</param>
/// <param name="Missing">What to do about it, and the kernel's own words; null if it works.</param>
public sealed record KernelFeature(string Name, string Purpose, bool Works, bool IsRequired, string? Missing);

/// <summary>
/// Finds out what this kernel can do by doing it, in a network namespace without a name that is gone afterwards. Nothing
/// outside of it is touched.
/// </summary>
public static class KernelFeatures
{
    private const string ProbeTable = "gatehouse_probe";

    private static readonly Probe[] Probes =
    [
        new("bridge", "joins the instances of a worker", "CONFIG_BRIDGE", static (_, route) => route.CreateBridge(new BridgeOptions("ghp0"))),
        new("veth", "leads into an instance's namespace", "CONFIG_VETH", static (_, route) => route.CreateVeth(new VethOptions("ghp1", "ghp2"))),
        new("vxlan", "carries packets between workers", "CONFIG_VXLAN", static (_, route) => ProbeVxlan(route)),
        new("tun", "hands the first packet to user space", "CONFIG_TUN and /dev/net/tun", static (ns, _) => ProbeTun(ns)),
        new("rules", "leads replies back to the gateway that they came by", "CONFIG_IP_MULTIPLE_TABLES", static (_, route) => ProbeRules(route)),
        new("nftables", "holds the rules", "CONFIG_NF_TABLES and libnftables1", static (ns, _) => Run(ns, "")),
        new("nft nat", "translates service addresses", "CONFIG_NFT_NAT",
            static (ns, _) => Run(ns, "chain c { type nat hook prerouting priority -100; dnat to 192.0.2.1; }")),
        new("nft nat ip6", "translates IPv6 service addresses", "CONFIG_NFT_NAT and CONFIG_NF_TABLES_IPV6",
            static (ns, _) => Run(ns, "chain c { type nat hook prerouting priority -100; dnat to 2001:db8::1; }", "ip6")),
        new("nft numgen", "takes instances in turn", "CONFIG_NFT_NUMGEN",
            static (ns, _) => Run(ns, Slots("numgen inc mod 3"))),
        new("nft hash", "keeps a client at its instance", "CONFIG_NFT_HASH",
            static (ns, _) => Run(ns, Slots("jhash ip saddr mod 3 seed 0x5eed"))),
        new("nft vmap", "finds the policy of a service", "CONFIG_NF_TABLES",
            static (ns, _) => Run(ns, "map m { type ipv4_addr : verdict; }; chain c { ip daddr vmap @m; }")),
        new("nft dup", "copies the first packet", "CONFIG_NFT_DUP_IPV4", static (ns, _) => Run(ns, "chain c { dup to ip daddr device \"lo\"; }")),
        new("nft dup ip6", "copies the first IPv6 packet", "CONFIG_NFT_DUP_IPV6",
            static (ns, _) => Run(ns, "chain c { dup to ip6 daddr device \"lo\"; }", "ip6")),
        new("nft fib", "finds out where a packet would leave", "CONFIG_NFT_FIB_IPV4",
            static (ns, _) => Run(ns, "chain c { type filter hook prerouting priority -90; fib daddr oifname \"lo\" drop; }")),
        new("nft ct", "marks the flows of an instance", "CONFIG_NFT_CT and CONFIG_NF_CONNTRACK_MARK",
            static (ns, _) => Run(ns, "map m { type ipv4_addr : mark; }; chain c { ct status dnat ct mark set ip daddr map @m; }")),
        new("nft payload", "reads inner addresses of tunnel packets", "CONFIG_NF_TABLES",
            static (ns, _) => Run(ns, "set s { typeof ip saddr . @th,336,32; }; chain c { ip saddr . @th,336,32 & 0xffffffc0 @s accept; }")),
        new("nft notrack", "keeps tunnel packets out of conntrack", "CONFIG_NFT_CT",
            static (ns, _) => Run(ns, "chain c { type filter hook prerouting priority -300; udp dport 4789 notrack; }")),
        new("nft maxseg", "fits TCP into the tunnel", "CONFIG_NF_TABLES",
            static (ns, _) => Run(ns, "chain c { type filter hook forward priority 0; tcp flags syn tcp option maxseg size set rt mtu; }")),
        new("conntrack", "ends the flows of a dead instance", "CONFIG_NF_CT_NETLINK", static (ns, _) => ProbeConntrack(ns)),
        new("elements", "changes maps without a program", "CONFIG_NF_TABLES", static (ns, _) => ProbeElements(ns)),
        new("forwarding", "lets packets pass from device to device", "CONFIG_INET", static (ns, _) => Sysctl.Set("net.ipv4.ip_forward", "1", ns)),
    ];

    /// <summary>Tries everything; takes some 100 ms.</summary>
    public static IReadOnlyList<KernelFeature> Check() => Check(Probes);

    internal static IReadOnlyList<KernelFeature> Check(IReadOnlyList<Probe> probes)
    {
        NetworkNamespace ns;
        try
        {
            ns = NetworkNamespace.CreateUnnamed();
        }
        catch (LinuxException fault)
        {
            const string hint = "run as root, or inside `unshare --user --map-root-user --net --mount`; the kernel needs CONFIG_NET_NS";
            return [new KernelFeature("namespaces", "parts instances from the host", false, true, $"{hint} ({fault.Message})")];
        }

        using (ns)
        using (var route = RouteSocket.Open(ns))
        {
            var features = new List<KernelFeature> { new("namespaces", "parts instances from the host", true, true, null) };
            features.AddRange(probes.Select(probe => Try(probe, ns, route)));
            return features;
        }
    }

    private static KernelFeature Try(Probe probe, NetworkNamespace ns, RouteSocket route)
    {
        try
        {
            probe.Act(ns, route);
            return new KernelFeature(probe.Name, probe.Purpose, true, true, null);
        }
        catch (LinuxException fault)
        {
            var words = fault.Message.ReplaceLineEndings(" ");
            var reason = fault.Errno is Errno.EPERM or Errno.EACCES
                ? "it is not allowed here: run as root, or give this user the right"
                : $"this kernel does not do it: {probe.Needs} is needed";
            return new KernelFeature(probe.Name, probe.Purpose, false, true, $"{reason} ({words})");
        }
    }

    private static string Slots(string slot)
        => $"map m {{ typeof ip daddr . {slot} : ip daddr; }}; "
            + $"chain c {{ type nat hook prerouting priority -100; dnat to ip daddr . {slot} map @m; }}";

    /// <summary>Loads a table for the probe, and takes it away again.</summary>
    internal static void Run(NetworkNamespace ns, string body, string family = "ip")
    {
        using var nft = NftContext.Open(ns);
        nft.Run($"table {family} {ProbeTable} {{ {body}\n}}\n");
        nft.Run($"delete table {family} {ProbeTable}\n");
    }

    private static void ProbeVxlan(RouteSocket route)
    {
        var vxlan = route.CreateVxlan(new VxlanOptions("ghp3", 1016) { Local = IPAddress.Loopback });
        route.Apply(new RouteBatch().Add(new FdbEntry(new MacAddress(0x026768000001), vxlan, IPAddress.Parse("192.0.2.1")))).ThrowIfFailed();
    }

    private static void ProbeTun(NetworkNamespace ns)
    {
        using var tun = TunDevice.OpenOrCreate("ghp4", persistent: false, ns);
    }

    private static void ProbeRules(RouteSocket route)
    {
        var rule = new Rule(System.Net.Sockets.AddressFamily.InterNetwork, 1003) { InputDevice = "lo", Mark = 0x770003 };
        route.Apply(new RouteBatch().Add(rule).Delete(rule)).ThrowIfFailed();
    }

    private static void ProbeConntrack(NetworkNamespace ns)
    {
        using var conntrack = ConntrackSocket.Open(ns);
        conntrack.DeleteByMark(1);
        _ = conntrack.Usage();
    }

    private static void ProbeElements(NetworkNamespace ns)
    {
        using var nft = NftContext.Open(ns);
        nft.Run($"table ip {ProbeTable} {{ set s {{ type ipv4_addr; }}\n}}\n");
        using var elements = NftElements.Open(NftFamily.Ip, ProbeTable, ns);
        var key = NftValue.Address(IPAddress.Loopback);
        elements.Apply([new ElementChange(ElementAction.Add, "s", key), new ElementChange(ElementAction.Delete, "s", key)]).ThrowIfFailed();
        nft.Run($"delete table ip {ProbeTable}\n");
    }

    /// <summary>One thing to try.</summary>
    internal sealed record Probe(string Name, string Purpose, string Needs, Action<NetworkNamespace, RouteSocket> Act);
}
