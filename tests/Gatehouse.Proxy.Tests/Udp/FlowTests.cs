using System.Net;
using System.Security.Cryptography;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Tests.Tcp;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Udp;

/// <summary>Packets of clients to endpoints and back.</summary>
public sealed class FlowTests
{
    [Fact]
    public void A_client_keeps_its_endpoint_and_clients_are_told_apart()
    {
        using var rig = new UdpRig(servers: 3);
        var clients = Enumerable.Range(0, 6).Select(_ => rig.Client()).ToList();
        var first = clients.ConvertAll(c => rig.Ask(c));
        Assert.Equal([0, 1, 2, 0, 1, 2], first);
        for (var i = 0; i < 3; i++) Assert.Equal(first, clients.ConvertAll(c => rig.Ask(c, "again")));
        Assert.Equal(6, rig.Engine.Engine.Flows);
    }

    [Fact]
    public void Packets_cross_on_their_way()
    {
        using var rig = new UdpRig(servers: 2);
        var (a, b) = (rig.Client(), rig.Client());
        a.Send("a1", rig.Address);
        var fromA = rig.Receive();
        b.Send("b1", rig.Address);
        var fromB = rig.Receive();
        a.Send("a2", rig.Address);
        Assert.Equal(("a2", fromA.From), rig.Servers[fromA.Server].Receive());
        rig.Servers[fromB.Server].Send("to b", fromB.From);
        rig.Servers[fromA.Server].Send("to a", fromA.From);
        Assert.Equal(("to a", rig.Address), a.Receive());
        Assert.Equal(("to b", rig.Address), b.Receive());
        Assert.True(a.IsQuiet && b.IsQuiet);
    }

    [Fact]
    public void Only_the_endpoint_answers()
    {
        using var rig = new UdpRig();
        var client = rig.Client();
        client.Send("hello", rig.Address);
        var (_, from) = rig.Server.Receive();
        using var stranger = new UdpPeer(IPAddress.Loopback);
        stranger.Send("forged", from);
        rig.Server.Send("true", from);
        Assert.Equal(("true", rig.Address), client.Receive());
        rig.Engine.Settle();
        Assert.True(client.IsQuiet);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1_472)]
    [InlineData(65_507)]
    public void Packets_of_any_size_go_both_ways_whole(int size)
    {
        using var rig = new UdpRig();
        var client = rig.Client();
        var bytes = RandomNumberGenerator.GetBytes(size);
        client.Send(bytes, rig.Address);
        var (got, from) = rig.Server.ReceiveBytes();
        Assert.Equal(bytes, got);
        rig.Server.Send(got, from);
        Assert.Equal(bytes, client.ReceiveBytes().Bytes);
    }

    [Fact]
    public void Many_packets_at_once_keep_their_order()
    {
        using var rig = new UdpRig();
        var (one, other) = (rig.Client(), rig.Client());
        for (var i = 0; i < 300; i++)
        {
            one.Send($"one {i}", rig.Address);
            if (i % 3 == 0) other.Send($"other {i}", rig.Address);
        }

        var got = Enumerable.Range(0, 400).Select(_ => rig.Server.Receive()).GroupBy(p => p.From).ToList();
        Assert.Equal(2, got.Count);
        Assert.Equal(Enumerable.Range(0, 300).Select(i => $"one {i}"), got.Single(g => g.Count() == 300).Select(p => p.Text));
        var (client, from) = (got.Single(g => g.Count() == 300).First().Text.StartsWith("one", StringComparison.Ordinal) ? one : other, got.Single(g => g.Count() == 300).Key);
        for (var i = 0; i < 200; i++) rig.Server.Send($"back {i}", from);
        Assert.Equal(Enumerable.Range(0, 200).Select(i => $"back {i}"), Enumerable.Range(0, 200).Select(_ => client.Receive().Text));
    }

    [Fact]
    public void The_answer_comes_from_where_the_client_wrote_to()
    {
        using var rig = new UdpRig(at: IPAddress.Any, servers: 2);
        var client = rig.Client(IPAddress.Any);
        var first = new IPEndPoint(IPAddress.Parse("127.0.0.1"), rig.Address.Port);
        var second = new IPEndPoint(IPAddress.Parse("127.0.0.2"), rig.Address.Port);
        client.Send("to the first", first);
        var one = rig.Receive();
        client.Send("to the second", second);
        var two = rig.Receive();
        rig.Servers[two.Server].Send("from the second", two.From);
        Assert.Equal(("from the second", second), client.Receive());
        rig.Servers[one.Server].Send("from the first", one.From);
        Assert.Equal(("from the first", first), client.Receive());
        Assert.Equal(2, rig.Engine.Engine.Flows); // One port that writes to two addresses is two flows.
    }

    [Theory]
    [InlineData("::1")]
    [InlineData("::")]
    public void Over_IPv6_too(string at)
    {
        using var rig = new UdpRig(at: IPAddress.Parse(at));
        var client = rig.Client();
        var to = new IPEndPoint(IPAddress.IPv6Loopback, rig.Address.Port);
        client.Send("six", to);
        var (text, from) = rig.Server.Receive();
        Assert.Equal("six", text);
        rig.Server.Send("back", from);
        Assert.Equal(("back", to), client.Receive());
    }

    [Theory]
    [InlineData(null, 30)]
    [InlineData(5, 5)]
    public void An_idle_flow_ends_and_is_recorded(int? tunnel, int seconds)
    {
        using var rig = new UdpRig(c => c.With(g => g with { Timeouts = g.Timeouts with { Tunnel = tunnel is { } t ? TimeSpan.FromSeconds(t) : null } }));
        var client = rig.Client();
        rig.Ask(client);
        rig.Engine.Pass(seconds - 1);
        rig.Ask(client);
        rig.Engine.Pass(seconds - 1);
        Assert.Equal(1, rig.Engine.Engine.Flows);
        rig.Engine.Pass(1.1);
        Assert.Equal(0, rig.Engine.Engine.Flows);
        var seen = rig.Seen.Next();
        Assert.Equal((client.Address.ToString(), "udp", "app", "app-0", "--", 16L, 36L), (seen.Client, seen.Listener, seen.Group, seen.Endpoint, seen.Flags, seen.BytesIn, seen.BytesOut));
        Assert.Equal((16, 36), (rig.Engine.Figure("endpoint/app/app-0", Counter.BytesIn), rig.Engine.Figure("listener/udp", Counter.BytesOut)));
        rig.Ask(client);
    }

    [Fact]
    public void Beyond_the_bound_new_flows_find_no_place()
    {
        using var rig = new UdpRig(c => c.With(l => l with { Limits = l.Limits with { Flows = 2 } }));
        var (a, b, c) = (rig.Client(), rig.Client(), rig.Client());
        rig.Ask(a);
        rig.Ask(b);
        c.Send("no place", rig.Address);
        rig.Engine.Settle();
        rig.Ask(a);
        Assert.True(rig.Server.IsQuiet);
        Assert.Equal((1, 1), (rig.Engine.Refused(Refusal.FlowsExhausted), rig.Engine.Figure("listener/udp", Counter.Refused)));
        rig.Engine.Pass(20);
        rig.Ask(b);
        rig.Engine.Pass(11); // That was the end of the first.
        rig.Ask(c);
    }

    [Fact]
    public void An_endpoint_that_refuses_is_left_for_another()
    {
        using var rig = new UdpRig(servers: 1, change: c => c.With(g => g with { Endpoints = [new Endpoint { Name = "gone", Address = TcpRig.Nowhere() }, .. g.Endpoints] }));
        var client = rig.Client();
        client.Send("lost", rig.Address);
        Assert.True(SpinWait.SpinUntil(() => Sent(rig) == 0, Patience.Limit));
        rig.Ask(client);
        rig.Ask(client);
        rig.Engine.Pass(31);
        var seen = rig.Seen.Next();
        Assert.Equal(("app-0", 1, true, "--"), (seen.Endpoint, seen.Retries, seen.Redispatched, seen.Flags));
        Assert.Equal((1, 1), (rig.Engine.Figure("endpoint/app/gone", Counter.ConnectErrors), rig.Engine.Figure("endpoint/app/app-0", Counter.Retries)));

        static int Sent(UdpRig rig)
        {
            rig.Engine.Settle();
            return rig.Engine.Figure("endpoint/app/gone", Counter.Requests) == 1 ? 0 : 1;
        }
    }

    [Fact]
    public void Where_all_refuse_packets_are_tried_all_the_same()
    {
        var nowhere = TcpRig.Nowhere();
        using var rig = new UdpRig(c => c.With(g => g with { Endpoints = [new Endpoint { Name = "only", Address = nowhere }] }));
        var client = rig.Client();
        client.Send("lost", rig.Address);
        rig.Engine.Settle();
        rig.Engine.Pass(31);
        var seen = rig.Seen.Next();
        Assert.Equal(("only", "SC", "connect_failed"), (seen.Endpoint, seen.Flags, seen.Reason));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Without_endpoint_or_group_packets_are_dropped(bool group)
    {
        using var rig = new UdpRig(c => group ? c.With(g => g with { Endpoints = [] }) : c.With(l => l with { DefaultUpstream = null }));
        rig.Client().Send("lost", rig.Address);
        Assert.True(SpinWait.SpinUntil(() => rig.Engine.Refused(Refusal.NoEndpoint) == 1, Patience.Limit));
        Assert.Equal((0, 1), (rig.Engine.Engine.Flows, rig.Engine.Figure("listener/udp", Counter.Refused)));
    }

    [Fact]
    public void The_flows_of_an_endpoint_that_is_gone_end()
    {
        using var rig = new UdpRig(servers: 2);
        var (a, b) = (rig.Client(), rig.Client());
        Assert.Equal((0, 1), (rig.Ask(a), rig.Ask(b)));
        rig.Engine.Apply(rig.Engine.Config.With(g => g with { Endpoints = [g.Endpoints[1]] }));
        var seen = rig.Seen.Next();
        Assert.Equal((a.Address.ToString(), "app-0", "KD", "endpoint_removed"), (seen.Client, seen.Endpoint, seen.Flags, seen.Reason));
        Assert.Equal(1, rig.Engine.Engine.Flows);
        Assert.Equal((1, 1), (rig.Ask(a), rig.Ask(b)));
    }

    [Fact]
    public void A_listener_that_is_gone_takes_nothing_and_its_flows_end()
    {
        using var rig = new UdpRig();
        var client = rig.Client();
        rig.Ask(client);
        var at = rig.Address;
        rig.Engine.Apply(rig.Engine.Config with { Listeners = [] });
        Assert.Equal("--", rig.Seen.Next().Flags);
        rig.Engine.Settle();
        using var other = new UdpPeer(IPAddress.Loopback);
        using var again = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Dgram, System.Net.Sockets.ProtocolType.Udp);
        again.Bind(at); // The port is free.
    }

    [Fact]
    public void Draining_leaves_packets_to_the_successor_and_passes_replies_on()
    {
        using var rig = new UdpRig();
        var client = rig.Client();
        client.Send("last", rig.Address);
        var (_, from) = rig.Server.Receive();
        rig.Engine.Engine.Drain();
        rig.Engine.Settle();
        client.Send("for the successor", rig.Address);
        rig.Engine.Settle();
        Assert.True(rig.Server.IsQuiet);
        rig.Server.Send("reply", from);
        Assert.Equal(("reply", rig.Address), client.Receive());
        Assert.Equal(1, rig.Engine.Engine.Flows);
        rig.Engine.Pass(11);
        Assert.True(rig.Engine.Engine.WaitUntilIdle(TimeSpan.Zero));
    }

    [Fact]
    public void Nothing_is_allocated_for_packets()
    {
        using var rig = new UdpRig();
        var client = rig.Client();
        for (var i = 0; i < 200; i++) rig.Ask(client);
        var before = RunningEngine.OnLoop(rig.Engine.Engine.Loops[0], static _ => GC.GetAllocatedBytesForCurrentThread());
        for (var i = 0; i < 500; i++) rig.Ask(client);
        var after = RunningEngine.OnLoop(rig.Engine.Engine.Loops[0], static _ => GC.GetAllocatedBytesForCurrentThread());
        Assert.InRange(after - before, 0, 1_000);
    }
}
