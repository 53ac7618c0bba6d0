using System.Text.Json;
using Gatehouse.Linux;
using Gatehouse.Linux.Conntrack;
using Gatehouse.Linux.Nftables;

namespace Gatehouse.Node.Doctor;

/// <summary>What the host is like, read at one time.</summary>
internal sealed record HostFacts
{
    public required IReadOnlyList<KernelFeature> Features { get; init; }

    /// <summary>Settings by name; null where the kernel has none such.</summary>
    public required IReadOnlyDictionary<string, string?> Settings { get; init; }

    /// <summary>Chains of others on the forward hook that drop what they don't know, as <c>family table chain</c>.</summary>
    public required IReadOnlyList<string> DroppingForwardChains { get; init; }

    public required ConntrackUsage Conntrack { get; init; }

    /// <summary>Bytes; null before the devices are there.</summary>
    public required int? UnderlayMtu { get; init; }

    /// <summary>The cluster's clock less this host's; null while the cluster has not answered.</summary>
    public required TimeSpan? ClockOffset { get; init; }

    public required bool HasSubnetwork { get; init; }

    public static string[] WantedSettings(DeviceSettings devices) =>
    [
        "net/ipv4/ip_forward",
        "net/ipv6/conf/all/forwarding",
        "net/ipv6/conf/all/disable_ipv6",
        "net/ipv4/conf/all/rp_filter",
        "net/bridge/bridge-nf-call-iptables",
        "net/netfilter/nf_conntrack_tcp_loose",
        .. devices.Names.Select(d => $"net/ipv4/conf/{d}/rp_filter"),
    ];

    public static HostFacts Read(NodeOptions options, DeviceSettings devices, ConntrackUsage conntrack, int? underlayMtu, TimeSpan? clockOffset, bool hasSubnetwork) => new()
    {
        Features = KernelFeatures.Check(),
        Settings = WantedSettings(devices).ToDictionary(s => s, s => Sysctl.Get(s, options.Namespace), StringComparer.Ordinal),
        DroppingForwardChains = Dropping(options),
        Conntrack = conntrack,
        UnderlayMtu = underlayMtu,
        ClockOffset = clockOffset,
        HasSubnetwork = hasSubnetwork,
    };

    private static IReadOnlyList<string> Dropping(NodeOptions options)
    {
        using var nft = NftContext.Open(options.Namespace);
        using var json = JsonDocument.Parse(nft.RunJson("list chains"));
        return Dropping(json.RootElement, options.Table);
    }

    internal static IReadOnlyList<string> Dropping(JsonElement listing, string own) =>
    [
        .. listing.GetProperty("nftables").EnumerateArray()
            .Where(e => e.TryGetProperty("chain", out var c) && Is(c, "hook", "forward") && Is(c, "policy", "drop") && !Is(c, "table", own))
            .Select(e => e.GetProperty("chain"))
            .Select(c => $"{c.GetProperty("family").GetString()} {c.GetProperty("table").GetString()} {c.GetProperty("name").GetString()}"),
    ];

    private static bool Is(JsonElement chain, string field, string value) => chain.TryGetProperty(field, out var found) && found.GetString() == value;
}

/// <summary>Devices whose settings matter.</summary>
internal sealed record DeviceSettings(IReadOnlyList<string> Names);
