using System.Net;
using FsCheck;
using FsCheck.Fluent;

namespace Gatehouse.Addressing.Tests.Ranges;

public sealed class SemanticRangeTests
{
    [Theory]
    [InlineData(AddressUse.Instance, "fdff::", "fdff:800::")]
    [InlineData(AddressUse.Closest, "fdff:1000::", "fdff:1800::")]
    [InlineData(AddressUse.RoundRobin, "fdff:2000::", "fdff:2800::")]
    [InlineData(AddressUse.LeastLoaded, "fdff:3000::", "fdff:3800::")]
    [InlineData(AddressUse.Weighted, "fdff:4000::", "fdff:4800::")]
    [InlineData(AddressUse.Sticky, "fdff:5000::", "fdff:5800::")]
    public void Each_use_has_its_two_ranges(AddressUse use, string first, string second)
    {
        var range = SemanticRange.ForIpv6(use);
        Assert.Equal(IPAddress.Parse(first), range.At(0));
        Assert.Equal(IPAddress.Parse(second), range.At(range.Count / 2));
        Assert.Equal($"{first}/21, {second}/21", range.ToString());
        Assert.Equal(use, SemanticRange.UseOf(range.At(range.Count - 1)));
    }

    [Theory]
    [InlineData("fdfe:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    [InlineData("fdff:6000::")]
    [InlineData("10.30.0.1")]
    public void Other_addresses_have_no_use(string address) => Assert.Null(SemanticRange.UseOf(IPAddress.Parse(address)));

    [Fact]
    public void An_address_of_one_policy_is_outside_the_others()
    {
        var address = IPAddress.Parse("fdff:2fff:ffff:ffff:ffff:ffff:ffff:ffff");
        Assert.All(Enum.GetValues<AddressUse>(), use => Assert.Equal(use == AddressUse.RoundRobin, SemanticRange.ForIpv6(use).OffsetOf(address) is not null));
    }

    [Fact]
    public void Ipv4_is_all_of_10_30()
    {
        Assert.Equal("10.30.0.0", SemanticRange.ForIpv4.At(0).ToString());
        Assert.Equal("10.30.255.255", SemanticRange.ForIpv4.At(65_535).ToString());
        Assert.Null(SemanticRange.ForIpv4.OffsetOf(IPAddress.Parse("10.31.0.0")));
        Assert.Null(SemanticRange.ForIpv4.OffsetOf(IPAddress.Parse("10.29.255.255")));
        Assert.Null(SemanticRange.ForIpv4.OffsetOf(IPAddress.Parse("::ffff:10.30.0.1")));
        Assert.Throws<ArgumentOutOfRangeException>(() => SemanticRange.ForIpv4.At(65_536));
    }

    [Fact]
    public void Offsets_beyond_64_bits_come_back_whole() =>
        Prop.ForAll<ulong, ulong, int>((high, low, which) =>
        {
            var range = SemanticRange.ForIpv6(Enum.GetValues<AddressUse>()[Math.Abs(which % 6)]);
            var offset = new UInt128(high, low) % range.Count;
            return range.OffsetOf(range.At(offset)) == offset;
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("10.30.0.1", true)]
    [InlineData("fdff:2000::1", true)]
    [InlineData("FDFF:2000::1", true)]
    [InlineData("10.30.300.1", false)]
    [InlineData("10.30.1", false)]
    [InlineData("010.30.0.1", false)]
    [InlineData("10.30.0.1 ", false)]
    [InlineData("10.30.0.1/32", false)]
    [InlineData("0x0a1e0001", false)]
    [InlineData("169738241", false)]
    [InlineData("fe80::1%eth0", false)]
    [InlineData("[fdff::1]", false)]
    [InlineData("[fdff::1]:80", false)]
    [InlineData("None", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void Addresses_are_read_strictly(string? text, bool valid) => Assert.Equal(valid, Addresses.TryParse(text, out _));
}
