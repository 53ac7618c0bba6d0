using System.Net;

namespace Gatehouse.Node.Tests;

public sealed class NodeOptionsTests
{
    private static readonly NodeOptions Good = new() { Name = "w1", Underlay = IPAddress.Parse("192.0.2.1"), StateDirectory = "/nowhere" };

    [Fact]
    public void Check_GoodOptions_HaveNoFault() => Assert.Empty(NodeOptionsCheck.Check(Good));

    [Fact]
    public void Throw_NamesEveryFaultAtOnce()
    {
        var bad = Good with
        {
            Name = "W 1",
            Underlay = IPAddress.Parse("10.20.0.1"),
            PublicAddresses = [IPAddress.Parse("198.51.100.1"), IPAddress.Parse("fdff::1")],
            TunnelPort = 0,
            ManagementPort = 70_000,
            Vni = 1 << 24,
            DevicePrefix = "much-too-long-",
            Table = "7; flush ruleset",
        };
        var refused = Assert.Throws<ArgumentException>(() => NodeOptionsCheck.Throw(bad)).Message;

        foreach (var part in new[] { "name: 'W 1'", "underlay: '10.20.0.1'", "publicAddresses[1]: 'fdff::1'", "tunnelPort: '0'", "managementPort: '70000'", "vni: '16777216'", "devicePrefix: 'much-too-long-'", "table: '7; flush ruleset'" })
            Assert.Contains(part, refused, StringComparison.Ordinal);
        Assert.DoesNotContain("publicAddresses[0]", refused, StringComparison.Ordinal);
    }
}
