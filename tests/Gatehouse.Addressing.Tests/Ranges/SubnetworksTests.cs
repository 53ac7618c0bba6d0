using System.Net;

namespace Gatehouse.Addressing.Tests.Ranges;

public sealed class SubnetworksTests
{
    [Theory]
    [InlineData(0, "10.18.0.0/26", "fc00::/120")]
    [InlineData(1, "10.18.0.64/26", "fc00::100/120")]
    [InlineData(3, "10.18.0.192/26", "fc00::300/120")]
    [InlineData(4, "10.18.1.0/26", "fc00::400/120")]
    [InlineData(1031, "10.19.1.192/26", "fc00::4:700/120")]
    [InlineData(12_286, "10.29.255.128/26", "fc00::2f:fe00/120")]
    [InlineData(12_287, "10.29.255.192/26", "fc00::2f:ff00/120")]
    [InlineData(12_288, "10.31.0.0/26", "fc00::30:0/120")]
    [InlineData(13_311, "10.31.255.192/26", "fc00::33:ff00/120")]
    [InlineData(13_312, "10.16.0.0/26", "fc00::34:0/120")]
    [InlineData(15_359, "10.17.255.192/26", "fc00::3b:ff00/120")]
    public void An_index_has_its_ranges(int index, string ipv4, string ipv6)
    {
        Assert.Equal(IPNetwork.Parse(ipv4), Subnetworks.Ipv4(index));
        Assert.Equal(IPNetwork.Parse(ipv6), Subnetworks.Ipv6(index));
    }

    [Fact]
    public void All_15360_are_different_lie_in_the_platform_and_lead_back_to_their_index()
    {
        HashSet<IPNetwork> seen = [];
        for (var i = 0; i < Subnetworks.Count; i++)
        {
            var (four, six) = (Subnetworks.Ipv4(i), Subnetworks.Ipv6(i));
            Assert.True(seen.Add(four) && seen.Add(six));
            Assert.True(Subnetworks.Platform4.Contains(four.BaseAddress) && Subnetworks.Platform6.Contains(six.BaseAddress));
            Assert.False(SemanticRange.Services4.Contains(four.BaseAddress));
            Assert.Equal(i, Subnetworks.IndexOf(four.BaseAddress));
            Assert.Equal(i, Subnetworks.IndexOf(Addresses.Ipv4((uint)Addresses.ToNumber(four.BaseAddress) + 63)));
            Assert.Equal(i, Subnetworks.IndexOf(Addresses.Ipv6(Addresses.ToNumber(six.BaseAddress) + 255)));
        }
    }

    [Theory]
    [InlineData("10.30.0.1")]
    [InlineData("10.15.255.255")]
    [InlineData("10.32.0.0")]
    [InlineData("11.18.0.0")]
    [InlineData("192.168.18.1")]
    [InlineData("fbff::1")]
    [InlineData("fc00::3c:0")]
    [InlineData("fc00:0:0:0:0:1:0:0")]
    [InlineData("fdff::1")]
    [InlineData("::")]
    [InlineData("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    public void Other_addresses_have_no_index(string address) => Assert.Null(Subnetworks.IndexOf(IPAddress.Parse(address)));

    [Fact]
    public void Inside_a_subnetwork_the_bridge_is_first_and_61_instances_follow()
    {
        Assert.Equal("10.18.0.65", Subnetworks.Bridge4(1).ToString());
        Assert.Equal("fc00::101", Subnetworks.Bridge6(1).ToString());
        Assert.Equal("10.18.0.66", Subnetworks.Namespace4(1, 0).ToString());
        Assert.Equal("10.18.0.126", Subnetworks.Namespace4(1, Subnetworks.InstancesPerSubnetwork - 1).ToString());
        Assert.Equal("fc00::13e", Subnetworks.Namespace6(1, Subnetworks.InstancesPerSubnetwork - 1).ToString());
    }

    [Fact]
    public void The_tunnel_ends_hardware_address_carries_the_index() => Assert.Equal("02:67:68:00:3b:ff", Subnetworks.TunnelMac(15_359));

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(15_360, 0)]
    [InlineData(0, -1)]
    [InlineData(0, 61)]
    public void What_does_not_exist_has_no_address(int index, int slot) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Subnetworks.Namespace4(index, slot));
}
