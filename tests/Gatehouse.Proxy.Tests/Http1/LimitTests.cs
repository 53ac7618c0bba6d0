using System.Net;
using System.Net.Sockets;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Listeners;
using Gatehouse.Proxy.Tests.Tcp;

namespace Gatehouse.Proxy.Tests.Http1;

/// <summary>How long and how much: each bound with its answer and its reason. Time is the test's: it passes when all that was sent has been taken up.</summary>
public sealed class LimitTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

    /// <summary>The time for a head counts from its first byte, and no byte extends it.</summary>
    [Fact]
    public void A_head_has_its_time_as_a_whole()
    {
        using var rig = new Rig();
        rig.Engine.Pass(9);
        const string head = "GET / HTTP/1.1\r\nHost: h\r\nX-Slow: 123456789";
        for (var i = 0; i < 9; i++)
        {
            rig.Client.Send(head[i].ToString());
            rig.Engine.Pass(1);
        }

        rig.Client.Send(head[9..]);
        rig.Engine.Pass(1.1);
        Assert.StartsWith("HTTP/1.1 408 Request Timeout\r\n", rig.Client.ReadHead(), StringComparison.Ordinal);
        rig.Client.ExpectToEnd("408 Request Timeout\n");
        Assert.Equal(1, rig.Engine.Refused(Refusal.HeaderTimeout));
    }

    [Fact]
    public void A_client_that_says_nothing_is_not_waited_for()
    {
        using var rig = new Rig();
        _ = rig.Client;
        rig.Engine.Pass(9);
        Assert.Equal(1, rig.Engine.Engine.Connections);
        rig.Engine.Pass(1.1);
        rig.Client.ExpectToEnd("");
    }

    [Fact]
    public void Between_requests_there_is_another_time()
    {
        using var rig = new Rig();
        var upstream = rig.Ask();
        upstream.Send("HTTP/1.1 204 x\r\n\r\n");
        rig.Client.ReadHead();
        rig.Engine.Pass(59);
        rig.Client.Send(Get);
        upstream.ReadHead();
        upstream.Send("HTTP/1.1 204 x\r\n\r\n");
        rig.Client.ReadHead();
        rig.Engine.Pass(60.1);
        rig.Client.ExpectToEnd("");
    }

    [Fact]
    public void A_body_that_stops_is_408()
    {
        using var rig = new Rig(c => c.With(l => l with { Limits = l.Limits with { MinBodyRate = 0 } }));
        rig.Client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n");
        using var upstream = rig.Accept();
        upstream.ReadHead();
        rig.Engine.Pass(59);
        rig.Client.Send("x");
        upstream.Expect("x");
        rig.Engine.Pass(59);
        Assert.Equal(0, rig.Engine.Refused(Refusal.BodyTimeout));
        rig.Engine.Pass(1.1);
        Assert.StartsWith("HTTP/1.1 408 Request Timeout\r\n", rig.Client.ReadHead(), StringComparison.Ordinal);
        rig.Client.ExpectToEnd("408 Request Timeout\n");
        upstream.ExpectToEnd("");
        Assert.Equal(1, rig.Engine.Refused(Refusal.BodyTimeout));
    }

    /// <summary>A byte now and then is not enough, and neither is none.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_body_has_a_least_rate(bool trickles)
    {
        using var rig = new Rig(c => c.With(l => l with { Limits = l.Limits with { MinBodyRate = 10 } }));
        rig.Client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
        using var upstream = rig.Accept();
        upstream.ReadHead();
        rig.Client.Send(new string('x', 150));
        for (var second = 0; second < 15; second++)
        {
            Assert.Equal(0, rig.Engine.Refused(Refusal.BodyTooSlow));
            rig.Engine.Pass(1);
            if (trickles && second < 14) rig.Client.Send("x");
        }

        rig.Engine.Pass(1);
        if (trickles) rig.Client.Send("x"); // 165 after 16 seconds are enough; a second later they are not.
        rig.Engine.Pass(1);
        if (trickles) rig.Client.Send("x");
        else rig.Engine.Pass(5);
        Assert.StartsWith("HTTP/1.1 408 Request Timeout\r\n", rig.Client.ReadHead(), StringComparison.Ordinal);
        Assert.Equal(1, rig.Engine.Refused(Refusal.BodyTooSlow));
    }

    /// <summary>A client that is kept from sending is not slow.</summary>
    [Fact]
    public void While_the_endpoint_does_not_read_the_client_is_not_slow()
    {
        using var rig = new Rig(c => c.With(g => g with { Timeouts = g.Timeouts with { Response = TimeSpan.FromSeconds(300) } }));
        rig.Client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n");
        using var upstream = rig.Accept();
        upstream.ReadHead();
        var sent = Fill(rig, rig.Client);
        rig.Engine.Pass(250);
        Assert.Equal(0, rig.Engine.Refused(Refusal.BodyTooSlow) + rig.Engine.Refused(Refusal.BodyTimeout) + rig.Engine.Refused(Refusal.ResponseTimeout));
        upstream.Read((int)sent);
        rig.Client.Send("more");
        upstream.Expect("more");
        rig.Engine.Pass(9);
        rig.Client.Send("more");
        upstream.Expect("more");
    }

    [Fact]
    public void An_endpoint_that_takes_nothing_is_504()
    {
        using var rig = new Rig();
        rig.Client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n");
        using var upstream = rig.Accept();
        upstream.ReadHead();
        Fill(rig, rig.Client);
        rig.Engine.Pass(59);
        Assert.Equal(0, rig.Engine.Refused(Refusal.ResponseTimeout));
        rig.Engine.Pass(2);
        Assert.Equal(1, rig.Engine.Refused(Refusal.ResponseTimeout));
        Assert.StartsWith("HTTP/1.1 504 Gateway Timeout\r\n", rig.Client.ReadHead(), StringComparison.Ordinal);
    }

    /// <summary>The client waits to be told to go on: it is the endpoint that is late.</summary>
    [Fact]
    public void Who_waits_for_100_is_not_slow()
    {
        using var rig = new Rig();
        var upstream = rig.Ask("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        rig.Engine.Pass(50);
        upstream.Send("HTTP/1.1 100 Continue\r\n\r\n");
        rig.Client.Expect("HTTP/1.1 100 Continue\r\n\r\n");
        rig.Engine.Pass(9);
        rig.Client.Send("hello");
        upstream.Expect("hello");
        upstream.Send("HTTP/1.1 204 x\r\n\r\n");
        rig.Client.ReadHead();
        rig.Client.Send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        upstream.ReadHead();
        rig.Engine.Pass(60.1);
        Assert.StartsWith("HTTP/1.1 504 Gateway Timeout\r\n", rig.Client.ReadHead(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_response_that_does_not_begin_is_504()
    {
        using var rig = new Rig();
        var upstream = rig.Ask();
        rig.Engine.Pass(30);
        upstream.Send("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200");
        rig.Client.ReadHead();
        rig.Engine.Pass(29);
        Assert.Equal(0, rig.Engine.Refused(Refusal.ResponseTimeout));
        rig.Engine.Pass(1.1);
        Assert.StartsWith("HTTP/1.1 504 Gateway Timeout\r\n", rig.Client.ReadHead(), StringComparison.Ordinal);
        upstream.ExpectEnd();
        Assert.Equal(1, rig.Engine.Refused(Refusal.ResponseTimeout));
    }

    [Fact]
    public void A_response_that_stops_is_cut_off()
    {
        using var rig = new Rig();
        var upstream = rig.Ask();
        upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
        rig.Client.ReadHead();
        rig.Engine.Pass(59);
        upstream.Send("x");
        rig.Client.Expect("x");
        rig.Engine.Pass(59);
        Assert.Equal(0, rig.Engine.Refused(Refusal.ResponseIdle));
        rig.Engine.Pass(1.1);
        rig.Client.ExpectToEnd("");
        Assert.Equal(1, rig.Engine.Refused(Refusal.ResponseIdle));
    }

    /// <summary>A client may take its response slowly, but not stand still.</summary>
    [Fact]
    public void A_client_that_takes_nothing_is_reset()
    {
        using var rig = new Rig();
        var upstream = rig.Ask();
        upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 600000000\r\n\r\n");
        rig.Client.ReadHead();
        var sent = Fill(rig, upstream);
        for (var i = 0; i < 4; i++)
        {
            rig.Engine.Pass(45);
            Assert.Equal(0, rig.Engine.Refused(Refusal.ClientStalled));
            rig.Client.Read((int)sent * 2 / 3);
            sent -= (sent * 2 / 3) - Fill(rig, upstream);
        }

        rig.Engine.Pass(60.1);
        rig.Engine.Pass(60.1);
        Assert.EndsWith("<reset>", rig.Client.ReadToEnd(), StringComparison.Ordinal);
        Assert.Equal(1, rig.Engine.Refused(Refusal.ClientStalled));
    }

    [Theory]
    [InlineData("Content-Length: 11\r\n\r\n", 0)]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nB\r\nhello world\r\n0\r\n\r\n", 0)]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n", 5)]
    public void A_body_has_a_bound(string rest, int more)
    {
        foreach (var byBytes in (bool[])[false, true])
        {
            using var rig = new Rig(c => c.With(l => l with { Limits = l.Limits with { BodyBytes = 10 } }));
            rig.Client.Send($"POST / HTTP/1.1\r\nHost: h\r\n{rest}", byBytes);
            if (more > 0) rig.Client.Send($"{more}\r\nworld\r\n", byBytes);
            rig.Client.ExpectToEnd(Rig.Local(413, "Content Too Large", close: true));
            Assert.Equal(1, rig.Engine.Refused(Refusal.BodyTooLarge));
        }
    }

    [Theory]
    [InlineData("Content-Length: 10\r\n\r\nhello worl")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nA\r\nhello worl\r\n0\r\n\r\n")]
    public void A_body_may_come_up_to_its_bound(string rest)
    {
        using var rig = new Rig(c => c.With(l => l with { Limits = l.Limits with { BodyBytes = 10 } }));
        rig.Client.Send($"POST / HTTP/1.1\r\nHost: h\r\n{rest}");
        using var upstream = rig.Accept();
        upstream.ReadUntil("hello worl");
    }

    /// <summary>The kernel of a server whose queue is full leaves what comes unanswered.</summary>
    [Fact]
    public void Connecting_has_its_time()
    {
        using var full = new FullServer();
        using var rig = new Rig(c => c.With(g => g with { Endpoints = [new Endpoint { Name = "full", Address = full.Address }] }));
        var seen = new SeenSessions();
        foreach (var loop in rig.Engine.Engine.Loops) RunningEngine.OnLoop(loop, l => l.Log = seen);
        rig.Client.Send(Get);
        rig.Engine.Pass(4.9);
        Assert.Equal(0, rig.Engine.Refused(Refusal.ConnectTimeout));
        rig.Engine.Pass(0.2);
        Assert.StartsWith("HTTP/1.1 503 Service Unavailable\r\n", rig.Client.ReadHead(), StringComparison.Ordinal);
        Assert.Equal(1, rig.Engine.Refused(Refusal.ConnectTimeout));
        Assert.Equal(("full", "sC"), (seen.Next() is var ended ? ended.Endpoint : "", ended.Flags));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Connections_beyond_the_bound_wait_in_the_kernel(bool ofListener)
    {
        using var rig = new Rig(c => ofListener ? c.With(l => l with { Limits = l.Limits with { Connections = 2 } }) : c with { Engine = c.Engine with { MaxConnections = 2 } });
        var first = rig.Engine.Connect();
        using var second = rig.Engine.Connect();
        using var third = rig.Engine.Connect();
        third.Send("GET / HTTP/1.0\r\n\r\n");
        rig.Engine.Settle();
        Assert.Equal(2, rig.Engine.Engine.Connections);
        Assert.True(rig.Engine.Refused(Refusal.AcceptPaused) > 0);
        first.Reset();
        rig.Engine.Pass(1);
        using var upstream = rig.Accept();
        upstream.ReadHead();
    }

    [Fact]
    public void A_client_has_a_bound_of_its_own()
    {
        using var rig = new Rig(c => c.With(l => l with { Limits = l.Limits with { ConnectionsPerClient = 2 } }));
        var first = rig.Engine.Connect();
        using var second = rig.Engine.Connect();
        using var third = rig.Engine.Connect();
        third.Send(Get);
        third.ExpectToEnd(Rig.Local(429, "Too Many Requests", close: true));
        using var other = rig.Engine.Connect(from: IPAddress.Parse("127.0.0.2"));
        other.Send(Get);
        using var upstream = rig.Accept();
        upstream.Expect(Get);
        Assert.Equal(1, rig.Engine.Refused(Refusal.TooManyConnectionsOfClient));

        // Who leaves makes room.
        first.Reset();
        rig.Engine.Settle();
        using var again = rig.Engine.Connect();
        again.Send("GET /again HTTP/1.1\r\nHost: h\r\n\r\n");
        rig.Accept().Expect("GET /again HTTP/1.1\r\nHost: h\r\n\r\n");
    }

    [Fact]
    public void A_client_is_an_IPv4_address_or_an_IPv6_64()
    {
        var counts = new ClientCounts();
        string[] same = ["192.0.2.1", "::ffff:192.0.2.1"];
        string[] alike = ["2001:db8:0:1::1", "2001:db8:0:1:ffff::2"];
        foreach (var pair in (string[][])[same, alike])
        {
            Assert.True(counts.TryEnter(End(pair[0]), 2));
            Assert.True(counts.TryEnter(End(pair[1]), 2));
            Assert.False(counts.TryEnter(End(pair[0]), 2));
        }

        Assert.Equal(2, counts.Clients);
        Assert.True(counts.TryEnter(End("192.0.2.2"), 1));
        Assert.True(counts.TryEnter(End("2001:db8:0:2::1"), 1));
        Assert.Equal(4, counts.Clients);
        foreach (var client in (string[])[.. same, .. alike, "192.0.2.2", "2001:db8:0:2::1"]) counts.Leave(End(client));
        Assert.Equal(0, counts.Clients);
    }

    [Fact]
    public void Clients_are_counted_right_from_many_threads()
    {
        var counts = new ClientCounts();
        var most = 0;
        Parallel.For(0, 8, thread =>
        {
            for (var i = 0; i < 20_000; i++)
            {
                var client = End($"10.0.0.{i % 7}");
                if (!counts.TryEnter(client, 4)) continue;
                if (i % 7 == 3) Interlocked.Increment(ref most);
                counts.Leave(client);
            }
        });
        Assert.True(most > 0);
        Assert.Equal(0, counts.Clients);
    }

    /// <summary>Sends until the engine and the kernel take no more. How much.</summary>
    private static long Fill(Rig rig, RawPeer sender)
    {
        var sent = 0L;
        sender.Socket.Blocking = false;
        for (var full = 0; full < 3;)
        {
            sent += Math.Max(0, sender.Socket.Send(new byte[8_192], SocketFlags.None, out var error));
            full = error == SocketError.Success ? 0 : full + 1;
            if (full > 0) rig.Engine.Settle();
        }

        sender.Socket.Blocking = true;
        return sent;
    }

    private static SocketEndPoint End(string address) => new(new IPEndPoint(IPAddress.Parse(address), 1));

    /// <summary>A server whose queue is full: the kernel answers no further connection.</summary>
    private sealed class FullServer : IDisposable
    {
        private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private readonly List<Socket> _waiting = [];

        public FullServer()
        {
            _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            _listener.Listen(0);
            for (var i = 0; i < 4; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
                _waiting.Add(socket);
                try
                {
                    socket.Connect(Address);
                }
                catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
                {
                    // It is begun.
                }
            }
        }

        public IPEndPoint Address => (IPEndPoint)_listener.LocalEndPoint!;

        public void Dispose()
        {
            foreach (var socket in _waiting) socket.Dispose();
            _listener.Dispose();
        }
    }
}
