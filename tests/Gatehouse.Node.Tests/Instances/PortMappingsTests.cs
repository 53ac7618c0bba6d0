using System.Net;
using Gatehouse.Node.Instances;
using Gatehouse.Node.Overlay;

namespace Gatehouse.Node.Tests.Instances;

public sealed class PortMappingsTests
{
    private static readonly NodeOptions Options = new()
    {
        Name = "w1",
        Underlay = IPAddress.Parse("192.0.2.1"),
        PublicAddresses = [IPAddress.Parse("2001:db8::1"), IPAddress.Parse("192.0.2.1")],
        StateDirectory = "/nowhere",
    };

    [Theory]
    [InlineData(null, "")]
    [InlineData("", "")]
    [InlineData("80:8080/tcp;53:53/udp", "80:8080/tcp 53:53/udp")]
    [InlineData(" 80:8080 ; 53:53/UDP ;", "80:8080/tcp 53:53/udp")]
    [InlineData("1:65535", "1:65535/tcp")]
    public void Parse_ReadsWhatOakestraWrites(string? text, string mappings) => Assert.Equal(mappings, string.Join(' ', PortMappings.Parse(text)));

    [Theory]
    [InlineData("80")]
    [InlineData("80:")]
    [InlineData(":80")]
    [InlineData("80:80:80")]
    [InlineData("0:80")]
    [InlineData("80:65536")]
    [InlineData("80:80/icmp")]
    [InlineData("80:80/tcp/udp")]
    [InlineData("-1:80")]
    [InlineData("+1:80")]
    [InlineData("80:8 0")]
    public void Parse_NamesWhatItCannotRead(string text)
    {
        var refused = Assert.Throws<AttachRefusedException>(() => PortMappings.Parse($"1:1;{text};x"));
        Assert.Contains($"'{text}', 'x'", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("22:22", "port 22 itself")]
    [InlineData("11022:1", "port 11022 itself")]
    [InlineData("4789:1/udp", "port 4789 itself")]
    [InlineData("80:1", "other.0 has port 80")]
    [InlineData("7:7;7:8", "port 7 stands twice")]
    public void Check_SaysWhoHasThePort(string text, string why)
    {
        AttachedInstance[] others = [new() { Service = "other", Number = 0, Host = 3, PortMappings = "80:80/tcp" }];
        Assert.Contains(why, Assert.Throws<AttachRefusedException>(() => PortMappings.Check(text, "me.0", others, Options)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("22:1/udp;4789:1/tcp;80:1/udp;7:7/tcp;7:7/udp")]
    [InlineData(null)]
    public void Check_OtherProtocols_AreOtherPorts(string? text) =>
        PortMappings.Check(text, "me.0", [new() { Service = "other", Number = 0, Host = 3, PortMappings = "80:80/tcp" }], Options);

    [Fact]
    public void Of_BindsToTheHostsOwnAddressesOnce()
    {
        var addresses = OverlayAddresses.From(new(0, "10.18.0.0/26", "fc00::/120"));
        var elements = PortMappings.Of(new() { Service = "web", Number = 0, Host = 2, PortMappings = "8080:80/tcp" }, addresses, Options).Select(e => $"{e.Key.Set}: {e.Text}");

        Assert.Equal(
            [
                "ip expose: 192.0.2.1 . 6 . 8080 : 0x67980010", "ip eslots: 192.0.2.1 . 6 . 8080 . 0 : 10.18.0.2 . 80",
                "ip6 expose: 2001:db8::1 . 6 . 8080 : 0x67980010", "ip6 eslots: 2001:db8::1 . 6 . 8080 . 0 : fc00::2 . 80",
            ],
            elements.Order(StringComparer.Ordinal).OrderBy(e => e.StartsWith("ip6", StringComparison.Ordinal)).ThenBy(e => e.Contains("eslots", StringComparison.Ordinal)));
    }
}
