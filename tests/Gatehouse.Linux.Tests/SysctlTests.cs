using Gatehouse.Linux.Netlink;

namespace Gatehouse.Linux.Tests;

public sealed class SysctlTests : IDisposable
{
    private readonly Host _host = new();

    public void Dispose() => _host.Dispose();

    [Fact]
    public void A_setting_belongs_to_its_namespace()
    {
        using var other = new Host();
        Sysctl.Set("net.ipv4.ip_forward", "1", _host.Namespace);
        Sysctl.Set("net.ipv4.ip_forward", "0", other.Namespace);
        Assert.Equal("1", Sysctl.Get("net.ipv4.ip_forward", _host.Namespace));
        Assert.Equal("0", Sysctl.Get("net/ipv4/ip_forward", other.Namespace));
        Assert.Equal("1", _host.Run("sysctl", "-n", "net.ipv4.ip_forward").Trim());
    }

    [Fact]
    public void A_device_with_a_dot_in_its_name_has_settings_too()
    {
        _host.Route.CreateBridge(new BridgeOptions("br0.5"));
        Sysctl.Set("net/ipv4/conf/br0.5/rp_filter", "2", _host.Namespace);
        Assert.Equal("2", Sysctl.Get("net/ipv4/conf/br0.5/rp_filter", _host.Namespace));
    }

    [Fact]
    public void What_is_missing_or_refused_is_said()
    {
        Assert.Null(Sysctl.Get("net.ipv4.no_such_setting"));
        Assert.Null(Sysctl.Get("net.ipv4.conf.absent0.rp_filter", _host.Namespace));
        Assert.Contains("net.ipv4.no_such_setting", Assert.Throws<LinuxException>(() => Sysctl.Set("net.ipv4.no_such_setting", "1")).Message, StringComparison.Ordinal);
        Assert.Contains("nonsense", Assert.Throws<LinuxException>(() => Sysctl.Set("net.ipv4.ip_forward", "nonsense", _host.Namespace)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("net..ipv4")]
    [InlineData("../etc/passwd")]
    [InlineData("/etc/passwd")]
    [InlineData("net/../../../etc/passwd")]
    public void A_name_that_leads_elsewhere_is_refused(string name)
    {
        Assert.Throws<ArgumentException>(() => Sysctl.Get(name));
        Assert.Throws<ArgumentException>(() => Sysctl.Set(name, "1"));
    }
}
