using System.Text.Json;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Objects.Tests.Kinds;

public class ExposureRulesTests
{
    private static readonly ExposureSpec Good = new() { Gateway = "gw", Port = 8080, ServiceAddress = "10.30.0.1", ServicePort = 80 };

    public static TheoryData<string, string> BadSpecs => new()
    {
        { """{"gateway":"gw","port":0,"serviceAddress":"10.30.0.1","servicePort":80}""", "spec.port: '0'" },
        { """{"gateway":"gw","port":65536,"serviceAddress":"10.30.0.1","servicePort":80}""", "spec.port: '65536'" },
        { """{"gateway":"gw","port":1,"serviceAddress":"10.30.0.1","servicePort":-1}""", "spec.servicePort: '-1'" },
        { """{"port":1,"serviceAddress":"10.30.0.1","servicePort":1}""", "spec.gateway" },
        { """{"gateway":"gw","port":1,"serviceAddress":"10.31.0.1","servicePort":1}""", "inside 10.30.0.0/16 or fdff::/16" },
        { """{"gateway":"gw","port":1,"serviceAddress":"fdfe::1","servicePort":1}""", "inside 10.30.0.0/16 or fdff::/16" },
        { """{"gateway":"gw","port":1,"serviceAddress":"10.30.1","servicePort":1}""", "must be an IPv4 or IPv6 address" },
        { """{"gateway":"gw","port":1,"servicePort":1}""", "spec.serviceAddress" },
        { """{"gateway":"gw","port":1,"serviceAddress":"10.30.0.1","publicAddress":"2001:db8::1","servicePort":1}""", "must be an IPv4 address" },
        { """{"gateway":"gw","port":1,"serviceAddress":"fdff:2000::1","publicAddress":"192.0.2.1","servicePort":1}""", "must be an IPv6 address" },
        { """{"gateway":"gw","port":1,"serviceAddress":"10.30.0.1","servicePort":1,"drainSeconds":86401}""", "spec.drainSeconds" },
    };

    [Theory]
    [MemberData(nameof(BadSpecs))]
    public void Validate_BadSpec_NamesFieldAndWhatWouldBeRight(string spec, string expected)
    {
        using var json = JsonDocument.Parse($$"""{"apiVersion":"gatehouse.dev/v1","kind":"Exposure","metadata":{"name":"e"},"spec":{{spec}}}""");

        Assert.Contains(Exposure.Info.Validate(json.RootElement), f => f.ToString().Contains(expected, StringComparison.Ordinal));
    }

    [Fact]
    public void CheckAddresses_SeveralFaults_AllAreReported()
    {
        var faults = ExposureRules.CheckAddresses(Good with { PublicAddress = "nonsense", ServiceAddress = "192.168.0.1" }).ToList();

        Assert.Equal(["spec.publicAddress", "spec.serviceAddress"], faults.Select(f => f.Field));
    }

    [Theory]
    [InlineData("10.30.0.0")]
    [InlineData("10.30.255.255")]
    [InlineData("fdff::")]
    [InlineData("fdff:5800:ffff::1")]
    public void CheckAddresses_InRange_IsGood(string address) => Assert.Empty(ExposureRules.CheckAddresses(Good with { ServiceAddress = address }));

    public static TheoryData<string, ExposureSpec> Changes => new()
    {
        { "spec.gateway", Good with { Gateway = "other" } },
        { "spec.protocol", Good with { Protocol = Protocol.Udp } },
        { "spec.port", Good with { Port = 22 } },
        { "spec.publicAddress", Good with { PublicAddress = "192.0.2.1" } },
        { "spec.serviceAddress", Good with { ServiceAddress = "fdff:2000::1" } },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void CheckChange_OfThePlace_IsRefused(string field, ExposureSpec after) => Assert.Equal([field], ExposureRules.CheckChange(Good, after).Select(f => f.Field));

    [Fact]
    public void CheckChange_OfTarget_IsAllowedAndWithdrawalIsFinal()
    {
        Assert.Empty(ExposureRules.CheckChange(Good, Good with { ServiceAddress = "10.30.0.9", ServicePort = 81, KeepClientAddress = true, Withdraw = true }));
        Assert.Equal(["spec.withdraw"], ExposureRules.CheckChange(Good with { Withdraw = true }, Good).Select(f => f.Field));
    }

    [Theory]
    [InlineData("127.0.0.1", "loopback")]
    [InlineData("::1", "loopback")]
    [InlineData("0.0.0.0", "every address")]
    [InlineData("::", "every address")]
    [InlineData("224.0.0.1", "multicast")]
    [InlineData("ff02::1", "multicast")]
    [InlineData("255.255.255.255", "reserved or broadcast")]
    [InlineData("169.254.1.1", "link-local")]
    [InlineData("fe80::1", "link-local")]
    [InlineData("10.16.0.1", "overlay")]
    [InlineData("10.31.255.254", "overlay")]
    [InlineData("fc00::1", "overlay")]
    [InlineData("fdff::1", "overlay")]
    [InlineData("::ffff:192.0.2.1", "IPv6 notation")]
    [InlineData("192.0.2", "must be an IPv4 or IPv6 address")]
    [InlineData("192.0.2.1/24", "must be an IPv4 or IPv6 address")]
    [InlineData("0xc0.0.2.1", "must be an IPv4 or IPv6 address")]
    [InlineData("", "is required")]
    public void PublicAddress_ThatNoOutsiderReaches_IsRefusedWithReason(string address, string expected)
    {
        var fault = Assert.Single(PublicAddressRules.Check("spec.publicAddresses", [address]));

        Assert.Equal("spec.publicAddresses[0]", fault.Field);
        Assert.Contains(expected, fault.Expected, StringComparison.Ordinal);
    }

    [Fact]
    public void PublicAddresses_ManyFaults_AllAreReportedAtTheirPlaces()
    {
        var faults = PublicAddressRules.Check("f", ["192.0.2.1", "2001:db8::1", "192.0.2.1", "x", "2001:DB8:0::1"]).ToList();

        Assert.Equal(["f[2]", "f[3]", "f[4]"], faults.Select(f => f.Field));
        Assert.Contains("f[0]", faults[0].Expected, StringComparison.Ordinal);
        Assert.Contains("f[1]", faults[2].Expected, StringComparison.Ordinal);
    }

    [Fact]
    public void PublicAddresses_NoneOrTooMany_IsRefused()
    {
        Assert.Single(PublicAddressRules.Check("f", []));
        var many = Enumerable.Range(0, PublicAddressRules.MaxAddresses + 1).Select(i => $"192.0.2.{i}").ToList();
        Assert.Contains("at most 64", Assert.Single(PublicAddressRules.Check("f", many)).Expected, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.18.0.0/26", "fc00::/120", "10.18.0.1", "fc00::1")]
    [InlineData("10.29.255.192/26", "fc00::2:ff00/120", "10.29.255.193", "fc00::2:ff01")]
    public void Subnetwork_Internal_IsTheFirstOfEachRange(string v4, string v6, string internal4, string internal6) =>
        Assert.Equal(new AddressPair(internal4, internal6), new SubnetworkRange(0, v4, v6).Internal);
}
