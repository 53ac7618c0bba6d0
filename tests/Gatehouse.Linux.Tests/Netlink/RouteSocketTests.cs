using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Gatehouse.Linux.Netlink;
using Gatehouse.Wire;

namespace Gatehouse.Linux.Tests.Netlink;

/// <summary>Everything is made with the socket and looked at with iproute2, or the other way round.</summary>
public sealed class RouteSocketTests : IDisposable
{
    private static readonly MacAddress Mac = MacAddress.Parse("02:67:68:00:00:07");
    private readonly Host _host = new();

    public void Dispose() => _host.Dispose();

    [Fact]
    public void A_bridge_is_as_it_was_asked_for()
    {
        var index = _host.Route.CreateBridge(new BridgeOptions("gh0") { Mac = Mac, Mtu = 1450 });

        var seen = Assert.Single(_host.Json("ip", "-d", "-j", "link", "show", "gh0").EnumerateArray());
        Assert.Equal(index, seen.GetProperty("ifindex").GetInt32());
        Assert.Equal(Mac.ToString(), seen.GetProperty("address").GetString());
        Assert.Equal(1450, seen.GetProperty("mtu").GetInt32());
        Assert.Equal("bridge", seen.GetProperty("linkinfo").GetProperty("info_kind").GetString());
        Assert.Equal(0, seen.GetProperty("linkinfo").GetProperty("info_data").GetProperty("mcast_snooping").GetInt32());

        var link = _host.Route.FindLink("gh0");
        Assert.Equal(new Link(index, "gh0", "bridge", Mac, 1450, IsUp: false, HasCarrier: false, Master: 0, Parent: 0), link);
    }

    [Fact]
    public void A_vxlan_device_is_as_it_was_asked_for()
    {
        var dummy = _host.Route.CreateBridge(new BridgeOptions("under0"));
        _host.Up("under0", "192.0.2.1/24");
        _host.Route.CreateVxlan(new VxlanOptions("vx0", 1016) { Local = IPAddress.Parse("192.0.2.1"), Underlay = dummy, Mac = Mac, Ttl = 64 });

        var seen = _host.Json("ip", "-d", "-j", "link", "show", "vx0")[0].GetProperty("linkinfo").GetProperty("info_data");
        Assert.Equal(1016, seen.GetProperty("id").GetInt32());
        Assert.Equal(4789, seen.GetProperty("port").GetInt32());
        Assert.Equal("192.0.2.1", seen.GetProperty("local").GetString());
        Assert.Equal("under0", seen.GetProperty("link").GetString());
        Assert.False(seen.TryGetProperty("learning", out var learning) && learning.GetBoolean());
        Assert.Equal(64, seen.GetProperty("ttl").GetInt32());

        var link = _host.Route.FindLink("vx0")!;
        Assert.Equal(new VxlanState(1016, 4789, IPAddress.Parse("192.0.2.1"), dummy, Learning: false), link.Vxlan);
        Assert.Equal(1450, link.Mtu);
    }

    [Fact]
    public void A_vxlan_device_over_ipv6()
    {
        var local = IPAddress.Parse("2001:db8::1");
        _host.Route.CreateVxlan(new VxlanOptions("vx6", 7) { Local = local, Port = 14789, Learning = true });
        Assert.Equal(new VxlanState(7, 14789, local, 0, Learning: true), _host.Route.FindLink("vx6")!.Vxlan);
    }

    [Fact]
    public void A_veth_pair_leads_into_another_namespace()
    {
        using var other = new Host();
        var peerMac = MacAddress.Parse("02:67:68:00:00:08");
        _host.Route.CreateVeth(new VethOptions("gh-a", "eth0") { PeerNamespace = other.Namespace, Mac = Mac, PeerMac = peerMac, Mtu = 1400 });

        Assert.Equal(Mac, _host.Route.FindLink("gh-a")!.Mac);
        Assert.Null(_host.Route.FindLink("eth0"));
        var peer = other.Route.FindLink("eth0")!;
        Assert.Equal(("veth", peerMac, 1400), (peer.Kind, peer.Mac, peer.Mtu));

        _host.Up("gh-a", "10.18.0.1/26");
        other.Up("eth0", "10.18.0.2/26");
        _host.WaitForCarrier("gh-a");
        other.WaitForCarrier("eth0");
        _host.Run("ping", "-c", "1", "-w", "10", "10.18.0.2");
    }

    [Fact]
    public void A_change_touches_what_it_names()
    {
        var bridge = _host.Route.CreateBridge(new BridgeOptions("gh0"));
        var port = _host.Route.CreateVeth(new VethOptions("gh-a", "gh-b"));
        _host.Route.SetLink(port, new LinkChange
        {
            Master = bridge,
            Mtu = 1444,
            Mac = Mac,
            Up = true,
            AddressGeneration = AddressGeneration.None,
            Hairpin = true,
            Learning = false,
            Isolated = true,
        });

        var seen = _host.Json("ip", "-d", "-j", "link", "show", "gh-a")[0];
        Assert.Equal("gh0", seen.GetProperty("master").GetString());
        Assert.Equal(1444, seen.GetProperty("mtu").GetInt32());
        Assert.Equal("none", seen.GetProperty("inet6_addr_gen_mode").GetString());
        var data = seen.GetProperty("linkinfo").GetProperty("info_slave_data");
        Assert.True(data.GetProperty("hairpin").GetBoolean());
        Assert.False(data.GetProperty("learning").GetBoolean());
        Assert.True(data.GetProperty("isolated").GetBoolean());
        Assert.Contains("UP", seen.GetProperty("flags").EnumerateArray().Select(static flag => flag.GetString()));

        _host.Route.SetLink(port, new LinkChange { Hairpin = false });
        _host.Route.SetLink(port, new LinkChange { Master = 0, Up = false });
        _host.Route.SetLink(port, new LinkChange { Name = "gh-c" });
        var link = _host.Route.FindLink("gh-c")!;
        Assert.Equal((0, false, 1444, (MacAddress?)Mac), (link.Master, link.IsUp, link.Mtu, link.Mac));
    }

    [Fact]
    public void A_device_moves_to_another_namespace_and_is_renamed_and_set_up_there()
    {
        using var other = new Host();
        var index = _host.Route.CreateVeth(new VethOptions("d0", "d1"));
        _host.Route.SetLink(index, new LinkChange { Namespace = other.Namespace, Name = "moved", Up = true });
        Assert.Null(_host.Route.FindLink("d0"));
        Assert.True(other.Route.FindLink("moved")!.IsUp);
    }

    [Fact]
    public void Deleting_says_whether_there_was_one()
    {
        var index = _host.Route.CreateBridge(new BridgeOptions("d0"));
        Assert.True(_host.Route.DeleteLink(index));
        Assert.False(_host.Route.DeleteLink(index));
        Assert.False(_host.Route.DeleteLink("d0"));
        Assert.Null(_host.Route.FindLink("d0"));
    }

    [Fact]
    public void Refusals_name_act_object_and_the_kernels_words()
    {
        _host.Route.CreateBridge(new BridgeOptions("d0"));
        var twice = Assert.Throws<LinuxException>(() => _host.Route.CreateBridge(new BridgeOptions("d0")));
        Assert.True(twice.AlreadyExists);
        Assert.Contains("creating bridge d0: EEXIST", twice.Message, StringComparison.Ordinal);

        var longName = Assert.Throws<LinuxException>(() => _host.Route.CreateBridge(new BridgeOptions("a-name-of-seventeen")));
        Assert.Equal(Errno.ERANGE, longName.Errno);
        Assert.True(longName.Detail is { Length: > 0 }, "the kernel's extended acknowledgement is passed on");

        Assert.Equal(Errno.ENODEV, Assert.Throws<LinuxException>(() => _host.Route.SetLink(4711, new LinkChange { Up = true })).Errno);
        Assert.Throws<LinuxException>(() => _host.Route.CreateVxlan(new VxlanOptions("vx", 1 << 24)));
        Assert.Throws<LinuxException>(() => _host.Route.CreateBridge(new BridgeOptions("br") { Mac = MacAddress.Broadcast }));
    }

    [Theory]
    [InlineData("10.18.0.1/26", "inet")]
    [InlineData("fc00::1/120", "inet6")]
    public void Addresses_come_and_go(string text, string family)
    {
        var index = _host.Route.CreateBridge(new BridgeOptions("d0"));
        var address = InterfaceAddress.Parse(text);
        const AddressFlags flags = AddressFlags.NoDad | AddressFlags.NoPrefixRoute;
        _host.Route.AddAddress(index, address, flags);
        _host.Route.AddAddress(index, address, flags);

        var seen = _host.Json("ip", "-j", "addr", "show", "d0")[0].GetProperty("addr_info").EnumerateArray()
            .Single(found => string.Equals(found.GetProperty("family").GetString(), family, StringComparison.Ordinal));
        Assert.Equal(text, $"{seen.GetProperty("local").GetString()}/{seen.GetProperty("prefixlen").GetInt32()}");
        Assert.True(seen.GetProperty("noprefixroute").GetBoolean());
        Assert.False(seen.TryGetProperty("tentative", out _));
        Assert.Contains(_host.Route.Addresses(index), found => found.Address == address && found.Flags.HasFlag(AddressFlags.NoPrefixRoute));

        Assert.True(_host.Route.RemoveAddress(index, address));
        Assert.False(_host.Route.RemoveAddress(index, address));
        Assert.Empty(_host.Route.Addresses(index));
    }

    [Fact]
    public void An_address_on_no_device_is_refused_with_its_name()
    {
        var fault = Assert.Throws<LinuxException>(() => _host.Route.AddAddress(4711, InterfaceAddress.Parse("10.0.0.1/8")));
        Assert.Contains("adding 10.0.0.1/8 to device 4711: ENODEV", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.18.0.1/33")]
    [InlineData("10.18.0.1/-1")]
    [InlineData("fc00::/129")]
    [InlineData("nonsense")]
    [InlineData("10.0.0.1/x")]
    public void Nonsense_is_no_address(string text) => Assert.Throws<FormatException>(() => InterfaceAddress.Parse(text));

    [Fact]
    public void Lookup_follows_the_tables()
    {
        _host.Route.CreateBridge(new BridgeOptions("d0"));
        _host.Up("d0", "10.18.0.1/26", "fc00::1/120");
        var index = _host.Route.FindLink("d0")!.Index;
        Assert.Equal(index, _host.Route.Lookup(IPAddress.Parse("10.18.0.5")).Device);
        Assert.Equal(index, _host.Route.Lookup(IPAddress.Parse("fc00::5")).Device);
        Assert.Equal(Errno.ENETUNREACH, Assert.Throws<LinuxException>(() => _host.Route.Lookup(IPAddress.Parse("8.8.8.8"))).Errno);

        _host.Run("ip", "route", "add", "default", "dev", "d0", "table", "77");
        _host.Run("ip", "rule", "add", "fwmark", "5", "lookup", "77");
        Assert.Equal(index, _host.Route.Lookup(IPAddress.Parse("8.8.8.8"), mark: 5).Device);
    }

    [Fact]
    public async Task Threads_may_share_a_socket()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(() =>
        {
            for (var i = 0; i < 10; i++)
            {
                var name = $"d{worker}x{i}";
                var index = _host.Route.CreateBridge(new BridgeOptions(name));
                Assert.Equal(index, _host.Route.FindLink(name)!.Index);
                Assert.Contains(_host.Route.Links(), link => link.Index == index);
            }
        })));
        Assert.Equal(81, _host.Json("ip", "-j", "link").GetArrayLength());
    }
}
