using System.Diagnostics;
using System.Net;
using Gatehouse.Linux.Nftables;
using Gatehouse.Wire;

namespace Gatehouse.Linux.Tests.Nftables;

public sealed class NftElementsTests : IDisposable
{
    private const string Table = """
        table ip gh {
          map slots { typeof ip daddr . numgen inc mod 3 : ip daddr
          }
          map one { type ipv4_addr : ipv4_addr
          }
          map svc { type ipv4_addr : verdict
          }
          map exp4 { type ipv4_addr . inet_proto . inet_service : mark
          }
          map eport { type inet_proto . inet_service : inet_service
          }
          map slots4 { typeof meta mark . numgen inc mod 2 : ip daddr
          }
          map gwpeer { type ether_addr : mark
          }
          set peersub { typeof ip saddr . @th,336,32
          }
          set brief { type ipv4_addr
            flags timeout
          }
          set ifaces { type ifname
          }
          chain rr3 {
          }
          chain st3 {
          }
        }

        """;

    private readonly Host _host = new();
    private readonly NftContext _nft;
    private readonly NftElements _elements;

    public NftElementsTests()
    {
        _nft = NftContext.Open(_host.Namespace);
        _nft.Run(Table);
        _elements = NftElements.Open(NftFamily.Ip, "gh", _host.Namespace);
    }

    public void Dispose()
    {
        _elements.Dispose();
        _nft.Dispose();
        _host.Dispose();
    }

    [Fact]
    public void Every_kind_of_key_and_data_reads_in_nft_as_it_was_meant()
    {
        _elements.Apply(
        [
            new(ElementAction.Add, "slots", NftValue.Concat(Ip("10.30.0.20"), NftValue.Slot(2)), Ip("10.18.0.4")),
            new(ElementAction.Add, "one", Ip("10.30.0.10"), Ip("10.18.0.2")),
            new(ElementAction.Add, "svc", Ip("10.30.0.20"), ElementData.Goto("rr3")),
            new(ElementAction.Add, "svc", Ip("10.30.0.21"), ElementData.Jump("st3")),
            new(ElementAction.Add, "svc", Ip("10.30.0.22"), ElementData.Drop),
            new(ElementAction.Add, "svc", Ip("10.30.0.23"), ElementData.Accept),
            new(ElementAction.Add, "exp4", NftValue.Concat(Ip("192.0.2.1"), NftValue.Protocol(6), NftValue.Service(8080)), NftValue.Mark(0x770003)),
            new(ElementAction.Add, "eport", NftValue.Concat(NftValue.Protocol(17), NftValue.Service(53)), NftValue.Service(5353)),
            new(ElementAction.Add, "slots4", NftValue.Concat(NftValue.Mark(7), NftValue.Slot(1)), Ip("10.18.0.9")),
            new(ElementAction.Add, "gwpeer", NftValue.Ether(MacAddress.Parse("02:67:68:00:00:07")), NftValue.Mark(9)),
            new(ElementAction.Add, "peersub", NftValue.Concat(Ip("192.0.2.7"), NftValue.Integer(0x0A120040))),
            new(ElementAction.Add, "brief", Ip("10.18.0.3"), Timeout: TimeSpan.FromSeconds(100)),
            new(ElementAction.Add, "ifaces", NftValue.Device("eth0")),
        ]).ThrowIfFailed();

        var listed = _host.Run("nft", "list", "table", "ip", "gh");
        string[] expected =
        [
            "10.30.0.20 . 2 : 10.18.0.4", "10.30.0.10 : 10.18.0.2", "10.30.0.20 : goto rr3", "10.30.0.21 : jump st3",
            "10.30.0.22 : drop", "10.30.0.23 : accept", "192.0.2.1 . tcp . 8080 : 0x00770003", "udp . 53 : 5353",
            "0x00000007 . 1 : 10.18.0.9", "02:67:68:00:00:07 : 0x00000009", "192.0.2.7 . 0xa120040", "timeout 1m40s", "\"eth0\"",
        ];
        Assert.All(expected, text => Assert.Contains(text, listed, StringComparison.Ordinal));
    }

    [Fact]
    public void What_nft_loads_reads_back_in_the_same_bytes()
    {
        // The layout is not ours to choose: libnftables writes these, and what it writes has to be what we would write.
        _nft.Run("add element ip gh slots { 10.30.0.20 . 2 : 10.18.0.4 }\n"
            + "add element ip gh exp4 { 192.0.2.1 . tcp . 8080 : 0x770003 }\n"
            + "add element ip gh eport { udp . 53 : 5353 }\n"
            + "add element ip gh slots4 { 7 . 1 : 10.18.0.9 }\n"
            + "add element ip gh svc { 10.30.0.20 : goto rr3 }\n"
            + "add element ip gh peersub { 192.0.2.7 . 0xa120040 }\n"
            + "add element ip gh ifaces { \"eth0\" }\n");

        AssertOnly("slots", NftValue.Concat(Ip("10.30.0.20"), NftValue.Slot(2)), Ip("10.18.0.4"));
        AssertOnly("exp4", NftValue.Concat(Ip("192.0.2.1"), NftValue.Protocol(6), NftValue.Service(8080)), NftValue.Mark(0x770003));
        AssertOnly("eport", NftValue.Concat(NftValue.Protocol(17), NftValue.Service(53)), NftValue.Service(5353));
        AssertOnly("slots4", NftValue.Concat(NftValue.Mark(7), NftValue.Slot(1)), Ip("10.18.0.9"));
        AssertOnly("svc", Ip("10.30.0.20"), ElementData.Goto("rr3"));
        AssertOnly("peersub", NftValue.Concat(Ip("192.0.2.7"), NftValue.Integer(0x0A120040)), default);
        AssertOnly("ifaces", NftValue.Device("eth0"), default);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(false)]
    public void Replace_and_remove_do_not_mind_what_is_there(bool? canDestroy)
    {
        using var elements = NftElements.Open(NftFamily.Ip, "gh", _host.Namespace, canDestroy, transactionBytes: null);
        elements.Apply(
        [
            new(ElementAction.Replace, "one", Ip("10.30.0.1"), Ip("10.18.0.1")),
            new(ElementAction.Remove, "one", Ip("10.30.0.2")),
        ]).ThrowIfFailed();
        AssertOnly("one", Ip("10.30.0.1"), Ip("10.18.0.1"));

        elements.Apply(
        [
            new(ElementAction.Replace, "one", Ip("10.30.0.1"), Ip("10.18.0.2")),
            new(ElementAction.Remove, "one", Ip("10.30.0.2")),
            new(ElementAction.Replace, "one", Ip("10.30.0.1"), Ip("10.18.0.3")),
        ]).ThrowIfFailed();
        AssertOnly("one", Ip("10.30.0.1"), Ip("10.18.0.3"));

        elements.Apply([new(ElementAction.Remove, "one", Ip("10.30.0.1"))]).ThrowIfFailed();
        Assert.Empty(elements.Dump("one"));

        var refused = elements.Apply(
        [
            new(ElementAction.Remove, "one", Ip("10.30.0.7")),
            new(ElementAction.Replace, "absent", Ip("10.30.0.1"), Ip("10.18.0.3")),
        ]);
        Assert.All(refused.Failures, static failure => Assert.Equal((1, Errno.ENOENT), (failure.Index, failure.Errno)));
        Assert.False(refused.Succeeded);
    }

    [Fact]
    public void A_failure_undoes_all_and_every_refused_change_is_named()
    {
        _elements.Apply([new(ElementAction.Add, "one", Ip("10.30.0.1"), Ip("10.18.0.1"))]).ThrowIfFailed();
        var changes = new ElementChange[500];
        for (var i = 0; i < changes.Length; i++)
        {
            changes[i] = new(ElementAction.Add, "one", Ip($"10.30.{1 + (i >> 8)}.{i & 255}"), Ip("10.18.0.2"));
        }

        changes[0] = new(ElementAction.Add, "one", Ip("10.30.0.1"), Ip("10.18.0.9"));
        changes[7] = new(ElementAction.Create, "one", Ip("10.30.0.1"), Ip("10.18.0.1"));
        changes[123] = new(ElementAction.Add, "one", new byte[5], Ip("10.18.0.1"));
        changes[456] = new(ElementAction.Delete, "one", Ip("10.30.99.99"));
        changes[499] = new(ElementAction.Add, "svc", Ip("10.30.0.1"), ElementData.Goto("absent"));

        var outcome = _elements.Apply(changes);

        Assert.Equal(0, outcome.Applied);
        Assert.Equal([0, 7, 123, 456, 499], outcome.Failures.Select(static failure => failure.Index));
        Assert.Equal(Errno.EEXIST, outcome.Failures[1].Errno);
        Assert.Equal(Errno.EINVAL, outcome.Failures[2].Errno);
        Assert.Equal(Errno.ENOENT, outcome.Failures[3].Errno);
        Assert.Contains("delete 0a1e6363 in one", outcome.Failures[3].ToString(), StringComparison.Ordinal);
        Assert.Throws<LinuxException>(outcome.ThrowIfFailed);
        AssertOnly("one", Ip("10.30.0.1"), Ip("10.18.0.1"));
    }

    [Fact]
    public void A_table_that_is_not_there_is_said()
    {
        using var elements = NftElements.Open(NftFamily.Ip, "absent", _host.Namespace);
        var outcome = elements.Apply([new(ElementAction.Add, "one", Ip("10.30.0.1"), Ip("10.18.0.1"))]);
        Assert.Equal(Errno.ENOENT, Assert.Single(outcome.Failures).Errno);
        Assert.Equal(Errno.ENOENT, Assert.Throws<LinuxException>(() => elements.Dump("one")).Errno);
        Assert.Equal(Errno.ENOENT, Assert.Throws<LinuxException>(() => elements.Find("one", Ip("10.30.0.1"))).Errno);
        Assert.Equal(Errno.ENOENT, Assert.Throws<LinuxException>(() => _elements.Find("absent", Ip("10.30.0.1"))).Errno);
        _nft.Run("table ip absent { map one { type ipv4_addr : ipv4_addr; }; }\n");
        elements.Apply([new(ElementAction.Add, "one", Ip("10.30.0.1"), Ip("10.18.0.1"))]).ThrowIfFailed();
    }

    [Fact]
    public void Find_finds_one()
    {
        _elements.Apply([new(ElementAction.Add, "one", Ip("10.30.0.1"), Ip("10.18.0.1")), new(ElementAction.Add, "one", Ip("10.30.0.2"), Ip("10.18.0.2"))])
            .ThrowIfFailed();
        Assert.Equal(Ip("10.18.0.2"), _elements.Find("one", Ip("10.30.0.2"))!.Data);
        Assert.Null(_elements.Find("one", Ip("10.30.0.3")));
        Assert.Equal(Errno.EINVAL, Assert.Throws<LinuxException>(() => _elements.Find("one", new byte[3])).Errno);
    }

    [Fact]
    public void Nothing_to_do_is_done()
    {
        Assert.Equal(new ElementOutcome(0, []).Applied, _elements.Apply([]).Applied);
        Assert.True(_elements.Apply([]).Succeeded);
    }

    [Fact]
    public void A_hundred_and_sixty_thousand_load_in_one_transaction_and_change_in_no_time()
    {
        const int services = 10_000;
        const int slots = 16;
        var changes = new ElementChange[services * slots];
        for (var i = 0; i < changes.Length; i++)
        {
            changes[i] = new(ElementAction.Add, "slots", SlotKey(i / slots, i % slots), new IPAddress([10, 18, 0, (byte)(i % 60)]).GetAddressBytes());
        }

        var clock = Stopwatch.StartNew();
        _elements.Apply(changes).ThrowIfFailed();
        var loaded = clock.ElapsedMilliseconds;
        Assert.Equal(changes.Length, _elements.Dump("slots").Count);

        var times = new double[1000];
        for (var i = 0; i < times.Length; i++)
        {
            var change = new ElementChange(ElementAction.Replace, "slots", SlotKey(i * 7 % services, i % slots), Ip("10.18.0.61"));
            var began = Stopwatch.GetTimestamp();
            Assert.True(_elements.Apply([change]).Succeeded);
            times[i] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        }

        Array.Sort(times);
        TestContext.Current.TestOutputHelper?.WriteLine($"load {loaded} ms; slot change p50 {times[500]:F3} ms, p99 {times[990]:F3} ms");
        Assert.Equal(changes.Length, _elements.Dump("slots").Count);

        // The bar is 0.2 ms; other work on the machine may take the processor away, so the test asks for less.
        Assert.True(times[500] < 2, $"p50 {times[500]} ms");
    }

    [Fact]
    public void Where_the_socket_is_small_the_load_is_cut_and_still_whole()
    {
        using var elements = NftElements.Open(NftFamily.Ip, "gh", _host.Namespace, canDestroy: null, transactionBytes: 50_000);
        var changes = new ElementChange[10_000];
        for (var i = 0; i < changes.Length; i++)
        {
            changes[i] = new(ElementAction.Add, "slots", SlotKey(i, 1), Ip("10.18.0.1"));
        }

        Assert.Equal(changes.Length, elements.Apply(changes).Applied);
        Assert.Equal(changes.Length, elements.Dump("slots").Count);

        changes[9_000] = changes[9_000] with { Action = ElementAction.Create };
        var outcome = elements.Apply(changes);
        Assert.Equal(9_000, Assert.Single(outcome.Failures).Index);
        Assert.InRange(outcome.Applied, 1, 9_000);
    }

    [Fact]
    public async Task Threads_may_share_a_socket()
    {
        await Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Run(() =>
        {
            for (var i = 0; i < 200; i++)
            {
                _elements.Apply([new(ElementAction.Replace, "one", Ip($"10.30.{worker}.{i % 20}"), Ip($"10.18.0.{i % 60}"))]).ThrowIfFailed();
            }
        })));
        Assert.Equal(80, _elements.Dump("one").Count);
    }

    [Fact]
    public void Catch_all_stands_for_the_rest()
    {
        _elements.Apply([new(ElementAction.Add, "svc", default, ElementData.Drop, Flags: ElementFlags.CatchAll)]).ThrowIfFailed();
        Assert.Contains("* : drop", _host.Run("nft", "list", "map", "ip", "gh", "svc"), StringComparison.Ordinal);
        _elements.Apply([new(ElementAction.Delete, "svc", default, Flags: ElementFlags.CatchAll)]).ThrowIfFailed();
        Assert.Empty(_elements.Dump("svc"));
    }

    private static byte[] Ip(string text) => NftValue.Address(IPAddress.Parse(text));

    private static byte[] SlotKey(int service, int slot)
        => NftValue.Concat(NftValue.Address(new IPAddress([10, 30, (byte)(service >> 8), (byte)service])), NftValue.Slot((uint)slot));

    private void AssertOnly(string set, byte[] key, ElementData data)
    {
        var element = Assert.Single(_elements.Dump(set));
        Assert.Equal(key, element.Key.ToArray());
        Assert.Equal(data, element.Data);
    }
}
