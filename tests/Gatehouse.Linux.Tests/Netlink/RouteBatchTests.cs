using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Gatehouse.Linux.Netlink;
using Gatehouse.Wire;

namespace Gatehouse.Linux.Tests.Netlink;

public sealed class RouteBatchTests : IDisposable
{
    private readonly Host _host = new();
    private readonly int _device;

    public RouteBatchTests()
    {
        _host.Route.CreateBridge(new BridgeOptions("d0"));
        _host.Up("d0", "10.18.0.1/26", "fc00::1/120");
        _device = _host.Route.FindLink("d0")!.Index;
    }

    public void Dispose() => _host.Dispose();

    [Fact]
    public void Routes_neighbours_entries_and_rules_in_one_batch()
    {
        var vxlan = _host.Route.CreateVxlan(new VxlanOptions("vx0", 1016) { Local = IPAddress.Parse("10.18.0.1") });
        _host.Route.SetLink(vxlan, new LinkChange { Up = true });
        var mac = MacAddress.Parse("02:67:68:00:00:09");
        var route4 = new Route(IPNetwork.Parse("10.18.0.64/26"), vxlan)
        {
            Gateway = IPAddress.Parse("10.18.0.64"),
            OnLink = true,
            Source = IPAddress.Parse("10.18.0.1"),
            Mtu = 1400,
        };
        var route6 = new Route(IPNetwork.Parse("fc00::100/120"), vxlan)
        {
            Gateway = IPAddress.Parse("fc00::100"),
            OnLink = true,
            Source = IPAddress.Parse("fc00::1"),
            Table = 1003,
        };
        var rule = new Rule(AddressFamily.InterNetwork, 1003) { Priority = 500, InputDevice = "d0", Mark = 0x770003, Mask = 0xFFFFFF };
        var batch = new RouteBatch()
            .Add(new Neighbour(IPAddress.Parse("10.18.0.64"), vxlan, mac))
            .Add(new Neighbour(IPAddress.Parse("fc00::100"), vxlan, mac))
            .Add(new FdbEntry(mac, vxlan, IPAddress.Parse("192.0.2.9")))
            .Add(route4)
            .Add(route6)
            .Add(rule);

        _host.Route.Apply(batch).ThrowIfFailed();

        var seen = _host.Json("ip", "-j", "route", "show", "10.18.0.64/26")[0];
        Assert.Equal("10.18.0.64", seen.GetProperty("gateway").GetString());
        Assert.Equal("10.18.0.1", seen.GetProperty("prefsrc").GetString());
        Assert.Equal("vx0", seen.GetProperty("dev").GetString());
        Assert.Contains("onlink", seen.GetProperty("flags").EnumerateArray().Select(static flag => flag.GetString()));
        Assert.Equal(1400, seen.GetProperty("metrics")[0].GetProperty("mtu").GetInt32());
        var neighbours = _host.Json("ip", "-j", "neigh", "show", "dev", "vx0");
        Assert.Equal(2, neighbours.EnumerateArray().Count(entry
            => string.Equals(entry.GetProperty("lladdr").GetString(), mac.ToString(), StringComparison.Ordinal)
                && entry.GetProperty("state")[0].GetString() is "PERMANENT"));
        Assert.Contains("dst 192.0.2.9 self permanent", _host.Run("bridge", "fdb", "show", "dev", "vx0"), StringComparison.Ordinal);
        Assert.Contains("500:\tfrom all fwmark 0x770003/0xffffff iif d0 lookup 1003", _host.Run("ip", "rule"), StringComparison.Ordinal);

        Assert.Contains(route4, _host.Route.Routes());
        Assert.Contains(route6 with { Metric = 1024 }, _host.Route.Routes(1003));
        Assert.Contains(new FdbEntry(mac, vxlan, IPAddress.Parse("192.0.2.9")), _host.Route.Fdb(vxlan));
        Assert.Contains(new Neighbour(IPAddress.Parse("fc00::100"), vxlan, mac), _host.Route.Neighbours(vxlan));
        Assert.Contains(rule, _host.Route.Rules());

        var undo = new RouteBatch().Delete(rule).Delete(route6).Delete(route4)
            .Delete(new FdbEntry(mac, vxlan, IPAddress.Parse("192.0.2.9")))
            .Delete(new Neighbour(IPAddress.Parse("fc00::100"), vxlan, mac));
        _host.Route.Apply(undo).ThrowIfFailed();
        Assert.DoesNotContain("1003", _host.Run("ip", "rule"), StringComparison.Ordinal);
        Assert.Empty(_host.Route.Routes(1003));
        Assert.DoesNotContain(route4, _host.Route.Routes());
        Assert.Empty(_host.Route.Fdb(vxlan));
        Assert.DoesNotContain(_host.Route.Neighbours(vxlan), neighbour => neighbour.Address.Equals(IPAddress.Parse("fc00::100")));
    }

    [Fact]
    public void Replace_puts_the_new_in_the_place_of_the_old()
    {
        var destination = IPNetwork.Parse("10.19.0.0/26");
        var vxlan = _host.Route.CreateVxlan(new VxlanOptions("vx0", 1016));
        var mac = MacAddress.Parse("02:67:68:00:00:09");
        var batch = new RouteBatch()
            .Replace(new Route(destination, _device))
            .Replace(new Route(destination, _device) { Gateway = IPAddress.Parse("10.18.0.9") })
            .Replace(new FdbEntry(mac, vxlan, IPAddress.Parse("192.0.2.1")))
            .Replace(new FdbEntry(mac, vxlan, IPAddress.Parse("192.0.2.2")))
            .Replace(new Neighbour(IPAddress.Parse("10.18.0.9"), _device, mac))
            .Replace(new Neighbour(IPAddress.Parse("10.18.0.9"), _device, MacAddress.Parse("02:67:68:00:00:0a")));

        _host.Route.Apply(batch).ThrowIfFailed();

        Assert.Equal(IPAddress.Parse("10.18.0.9"), Assert.Single(_host.Route.Routes(), route => route.Destination == destination).Gateway);
        Assert.Equal(IPAddress.Parse("192.0.2.2"), Assert.Single(_host.Route.Fdb(vxlan)).Remote);
        Assert.Equal(MacAddress.Parse("02:67:68:00:00:0a"), Assert.Single(_host.Route.Neighbours(_device), static found => found.Address.Equals(IPAddress.Parse("10.18.0.9"))).Mac);
    }

    [Fact]
    public void Every_refused_entry_is_reported_and_the_others_hold()
    {
        var batch = new RouteBatch();
        for (var i = 0; i < 1000; i++)
        {
            // Each third one has a gateway that no device reaches.
            var route = new Route(new IPNetwork(new IPAddress([10, 20, (byte)(i >> 8), (byte)i]), 32), _device);
            batch.Add(i % 3 == 0 ? route with { Gateway = IPAddress.Parse("203.0.113.1") } : route);
        }

        var outcome = _host.Route.Apply(batch);

        Assert.Equal(Enumerable.Range(0, 1000).Where(static i => i % 3 == 0), outcome.Failures.Select(static failure => failure.Index));
        Assert.All(outcome.Failures, static failure => Assert.Equal(Errno.ENETUNREACH, failure.Errno));
        Assert.Contains("add route 10.20.0.3/32 via 203.0.113.1", outcome.Failures[1].Act, StringComparison.Ordinal);
        Assert.True(outcome.Failures[0].Detail is { Length: > 0 });
        Assert.Equal(666, _host.Json("ip", "-j", "route", "show", "root", "10.20.0.0/16").GetArrayLength());
        var fault = Assert.Throws<LinuxException>(() => outcome.ThrowIfFailed());
        Assert.StartsWith("334 of 1000 entries: ENETUNREACH", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_there_or_missing_can_be_passed_over()
    {
        var route = new Route(IPNetwork.Parse("10.19.0.0/26"), _device);
        var outcome = _host.Route.Apply(new RouteBatch().Delete(route).Add(route).Add(route));

        Assert.True(outcome.Failures[0].IsMissing);
        Assert.True(outcome.Failures[1].AlreadyExists);
        outcome.ThrowIfFailed(ignoreMissing: true, ignoreExisting: true);
        Assert.Throws<LinuxException>(() => outcome.ThrowIfFailed(ignoreMissing: true));
        Assert.Throws<LinuxException>(() => outcome.ThrowIfFailed(ignoreExisting: true));
    }

    [Fact]
    public void A_foreign_rule_with_bits_behind_its_prefix_is_read()
    {
        _host.Run("ip", "rule", "add", "from", "10.0.0.5/24", "to", "10.1.0.7/16", "oif", "d0", "lookup", "300");
        _host.Run("ip", "-6", "rule", "add", "from", "fc00::5/64", "lookup", "301");
        Assert.Contains(_host.Route.Rules(), static rule => rule.Table == 300 && rule.From == IPNetwork.Parse("10.0.0.0/24")
            && rule.To == IPNetwork.Parse("10.1.0.0/16") && rule.OutputDevice is "d0");
        Assert.Contains(_host.Route.Rules(), static rule => rule.Table == 301 && rule.From == IPNetwork.Parse("fc00::/64"));
    }

    [Fact]
    public void An_empty_batch_is_nothing()
    {
        var outcome = _host.Route.Apply(new RouteBatch());
        Assert.Equal(0, outcome.Count);
        Assert.Empty(outcome.Failures);
    }

    [Fact]
    public void Thousands_take_a_moment()
    {
        const int count = 5000;
        var vxlan = _host.Route.CreateVxlan(new VxlanOptions("vx0", 1016));
        _host.Route.SetLink(vxlan, new LinkChange { Up = true });
        var batch = new RouteBatch();
        for (var i = 1; i <= count; i++)
        {
            var subnetwork = new IPAddress([10, (byte)(20 + (i >> 10)), (byte)(i >> 2), (byte)(i << 6)]);
            var mac = new MacAddress(0x026768000000u + (ulong)i);
            batch.Add(new Neighbour(subnetwork, vxlan, mac))
                .Add(new FdbEntry(mac, vxlan, IPAddress.Parse("192.0.2.9")))
                .Add(new Route(new IPNetwork(subnetwork, 26), vxlan) { Gateway = subnetwork, OnLink = true });
        }

        var clock = Stopwatch.StartNew();
        _host.Route.Apply(batch).ThrowIfFailed();
        TestContext.Current.TestOutputHelper?.WriteLine($"{3 * count} entries in {clock.ElapsedMilliseconds} ms");

        Assert.Equal(count, _host.Route.Routes().Count(route => route.Device == vxlan && route.Destination.PrefixLength == 26));
        Assert.Equal(count, _host.Route.Neighbours(vxlan).Count(static neighbour => neighbour.Address.AddressFamily == AddressFamily.InterNetwork
            && neighbour.State == NeighbourState.Permanent));
        Assert.Equal(count, _host.Route.Fdb(vxlan).Count);
    }
}
