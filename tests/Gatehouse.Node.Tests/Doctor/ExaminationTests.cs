using System.Net;
using System.Text.Json;
using Gatehouse.Linux;
using Gatehouse.Node.Doctor;

namespace Gatehouse.Node.Tests.Doctor;

public sealed class ExaminationTests
{
    private static readonly NodeOptions Options = new() { Name = "w1", Underlay = IPAddress.Parse("192.0.2.1"), StateDirectory = "/nowhere" };

    private static readonly HostFacts Healthy = new()
    {
        Features = [new("vxlan", "carries packets", true, true, null)],
        Settings = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["net/ipv4/ip_forward"] = "1",
            ["net/ipv6/conf/all/forwarding"] = "1",
            ["net/ipv6/conf/all/disable_ipv6"] = "0",
            ["net/ipv4/conf/all/rp_filter"] = "0",
            ["net/ipv4/conf/gho-tun/rp_filter"] = "0",
            ["net/bridge/bridge-nf-call-iptables"] = "1",
            ["net/netfilter/nf_conntrack_tcp_loose"] = "1",
        },
        DroppingForwardChains = [],
        Conntrack = new(100, 262_144),
        UnderlayMtu = 1_500,
        ClockOffset = TimeSpan.FromMilliseconds(-300),
        HasSubnetwork = true,
    };

    [Fact]
    public void Examine_HealthyHost_FindsNothing() => Assert.All(Examination.Examine(Healthy, Options), f => Assert.Equal(Severity.Good, f.Severity));

    public static TheoryData<string, string, string> Ills => new()
    {
        { "feature", "kernel: vxlan", "Broken" },
        { "optional", "kernel: vxlan", "Warning" },
        { "forward", "forward policy", "Broken" },
        { "ip_forward", "net.ipv4.ip_forward", "Broken" },
        { "ip_forward-missing", "net.ipv4.ip_forward", "Broken" },
        { "v6", "net.ipv6.conf.all.disable_ipv6", "Broken" },
        { "rp", "net.ipv4.conf.gho-tun.rp_filter", "Warning" },
        { "loose", "nf_conntrack_tcp_loose", "Warning" },
        { "full", "nf_conntrack_max", "Broken" },
        { "small", "nf_conntrack_max", "Warning" },
        { "mtu", "mtu", "Broken" },
        { "clock", "clock", "Warning" },
        { "subnetwork", "subnetwork", "Broken" },
    };

    [Theory]
    [MemberData(nameof(Ills))]
    public void Examine_OneIll_IsNamedWithWhatItBreaksAndItsCure(string ill, string name, string severity)
    {
        var found = Examination.Examine(Make(ill), Options);

        var finding = Assert.Single(found, f => f.Severity != Severity.Good);
        Assert.Equal((name, severity), (finding.Name, finding.Severity.ToString()));
        Assert.False(string.IsNullOrEmpty(finding.Breaks));
        Assert.False(string.IsNullOrEmpty(finding.Cure));
    }

    /// <summary>The tunnel adds 50 bytes over IPv4 and 70 over IPv6, and IPv6 needs 1,280 inside.</summary>
    [Theory]
    [InlineData("192.0.2.1", 1_330, true)]
    [InlineData("192.0.2.1", 1_329, false)]
    [InlineData("2001:db8::1", 1_350, true)]
    [InlineData("2001:db8::1", 1_349, false)]
    public void Examine_Mtu_IsBrokenWhereIpv6DoesNotFit(string underlay, int mtu, bool fits)
    {
        var found = Examination.Examine(Healthy with { UnderlayMtu = mtu }, Options with { Underlay = System.Net.IPAddress.Parse(underlay) });

        Assert.Equal(fits ? Severity.Good : Severity.Broken, found.Single(f => f.Name == "mtu").Severity);
    }

    [Fact]
    public void Dropping_ListsForeignForwardChainsThatDrop()
    {
        const string listing = """
            {"nftables":[{"metainfo":{"version":"1.0.6"}},
            {"chain":{"family":"ip","table":"filter","name":"FORWARD","handle":1,"type":"filter","hook":"forward","prio":0,"policy":"drop"}},
            {"chain":{"family":"ip","table":"gatehouse","name":"through","handle":1,"type":"filter","hook":"forward","prio":0,"policy":"drop"}},
            {"chain":{"family":"ip","table":"filter","name":"INPUT","handle":2,"type":"filter","hook":"input","prio":0,"policy":"drop"}},
            {"chain":{"family":"inet","table":"fw","name":"f","handle":2,"type":"filter","hook":"forward","prio":0,"policy":"accept"}},
            {"chain":{"family":"ip","table":"filter","name":"DOCKER","handle":3}}]}
            """;
        Assert.Equal(["ip filter FORWARD"], HostFacts.Dropping(JsonDocument.Parse(listing).RootElement, "gatehouse"));
    }

    private static HostFacts Make(string ill) => ill switch
    {
        "feature" => Healthy with { Features = [new("vxlan", "carries packets", false, true, "load it")] },
        "optional" => Healthy with { Features = [new("vxlan", "carries packets", false, false, "load it")] },
        "forward" => Healthy with { DroppingForwardChains = ["ip filter FORWARD"] },
        "ip_forward" => With("net/ipv4/ip_forward", "0"),
        "ip_forward-missing" => With("net/ipv4/ip_forward", null),
        "v6" => With("net/ipv6/conf/all/disable_ipv6", "1"),
        "rp" => With("net/ipv4/conf/gho-tun/rp_filter", "2"),
        "loose" => With("net/netfilter/nf_conntrack_tcp_loose", "0"),
        "full" => Healthy with { Conntrack = new(250_000, 262_144) },
        "small" => Healthy with { Conntrack = new(10, 8_192) },
        "mtu" => Healthy with { UnderlayMtu = 1_300 },
        "clock" => Healthy with { ClockOffset = TimeSpan.FromMinutes(-3) },
        _ => Healthy with { HasSubnetwork = false },
    };

    private static HostFacts With(string name, string? value) =>
        Healthy with { Settings = new Dictionary<string, string?>(Healthy.Settings, StringComparer.Ordinal) { [name] = value } };
}
