using System.Net;
using System.Net.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Balancing;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tests.Http1;

/// <summary>Connections to endpoints: which are used again and which never, and what is tried again.</summary>
public sealed class PoolTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    private const string OkRead = "HTTP/1.1 200 OK\r\n" + Rig.Own + "content-length: 2\r\n\r\nok";

    [Fact]
    public void One_connection_serves_the_requests_of_several_clients()
    {
        using var rig = new Rig();
        var upstream = rig.Ask(Get);
        upstream.Send(Ok);
        rig.Client.Expect(OkRead);
        for (var i = 0; i < 3; i++)
        {
            using var other = rig.Engine.Connect();
            other.Send(Get);
            upstream.Expect(Get);
            upstream.Send(Ok);
            other.Expect(OkRead);
        }

        Assert.True(rig.Server.IsQuiet);
        Assert.Equal(1, rig.Engine.Figure("endpoint/app/app-0", Counter.Connections));
    }

    /// <summary>Requests that wait for their connections at the same time keep apart, whatever was read between.</summary>
    [Fact]
    public void Requests_that_wait_for_connections_keep_apart()
    {
        using var rig = new Rig();
        var clients = Enumerable.Range(0, 40).Select(_ => rig.Engine.Connect()).ToList();
        for (var round = 0; round < 5; round++)
        {
            for (var i = 0; i < clients.Count; i++)
            {
                // Heads of many lengths, so that one can't pass for another.
                clients[i].Send($"PUT /{i}{new string('x', i * 7)} HTTP/1.1\r\nX-{i}: {new string('y', i)}\r\nHost: host-{i}\r\nContent-Length: {i}\r\nConnection: x-{i}\r\n\r\n{new string('z', i)}");
            }

            var upstreams = clients.Select(_ => rig.Accept()).ToList();
            foreach (var upstream in upstreams)
            {
                var head = upstream.ReadHead();
                var i = int.Parse(head["PUT /".Length..].TakeWhile(char.IsAsciiDigit).ToArray());
                Assert.Equal($"PUT /{i}{new string('x', i * 7)} HTTP/1.1\r\nHost: host-{i}\r\ncontent-length: {i}\r\n\r\n", head);
                upstream.Expect(new string('z', i));
                upstream.Send($"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{i:00}");
            }

            for (var i = 0; i < clients.Count; i++)
            {
                clients[i].Expect("HTTP/1.1 200 OK\r\n" + Rig.Own + $"content-length: 2\r\n\r\n{i:00}");
            }
        }
    }

    /// <summary>It waited in the pool and was closed while a request was on its way: nobody notices.</summary>
    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\n\r\n", "")]
    [InlineData("DELETE / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "connection: upgrade\r\nUpgrade: x\r\n")]
    [InlineData("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "content-length: 0\r\n")]
    [InlineData("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "transfer-encoding: chunked\r\n|0\r\n\r\n")]
    public void A_stale_connection_is_replaced_once(string request, string more)
    {
        using var rig = new Rig();
        var stale = rig.Ask(Get);
        stale.Send(Ok);
        rig.Client.Expect(OkRead);
        rig.Client.Send(request);
        stale.ReadHead();
        stale.Reset();
        var fresh = rig.Accept();
        var parts = more.Split('|');
        fresh.Expect($"{request[..request.IndexOf(' ', StringComparison.Ordinal)]} / HTTP/1.1\r\nHost: h\r\n{parts[0]}\r\n{(parts.Length > 1 ? parts[1] : "")}");
        fresh.Send(Ok);
        rig.Client.Expect(OkRead);
        Assert.Equal(1, rig.Engine.Figure("endpoint/app/app-0", Counter.Retries));
    }

    [Theory]
    [InlineData("POST / HTTP/1.1\r\nHost: h\r\n\r\n", "")]
    [InlineData("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", "")]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 2")]
    public void What_may_have_been_done_is_not_sent_again(string request, string answered)
    {
        using var rig = new Rig();
        var stale = rig.Ask(Get);
        stale.Send(Ok);
        rig.Client.Expect(OkRead);
        rig.Client.Send(request);
        stale.ReadHead();
        if (answered.Length > 0) stale.Send(answered);
        if (request.EndsWith("abc", StringComparison.Ordinal)) stale.Expect("abc");
        stale.Dispose();
        rig.Client.Expect(Rig.Local(502, "Bad Gateway", close: false));
        Assert.True(rig.Server.IsQuiet);
    }

    /// <summary>Bytes that nobody asked for would be taken for the next response.</summary>
    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", "content-length: 2\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nx", "content-length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nx", "transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 304 x\r\nContent-Length: 4\r\n\r\nevil", "content-length: 4\r\n\r\n")]
    [InlineData("HTTP/1.1 204 x\r\nContent-Length: 4\r\n\r\n", "\r\n")]
    public void Bytes_behind_a_response_poison_its_connection(string answered, string received)
    {
        using var rig = new Rig();
        var upstream = rig.Ask(Get);
        upstream.Send(answered);
        rig.Client.ReadUntil(Rig.Own);
        rig.Client.Expect(received);
        upstream.ExpectEnd();
        rig.Client.Send(Get);
        using var fresh = rig.Accept();
        fresh.Expect(Get);
        fresh.Send(Ok);
        rig.Client.Expect(OkRead);
    }

    /// <summary>The body ends where one reading does: what stands behind it is not seen by that reading, and no event tells of it later.</summary>
    [Fact]
    public void Bytes_behind_a_response_that_fills_a_reading_poison_it_too()
    {
        using var rig = new Rig();
        var upstream = rig.Ask(Get);

        // A part of a head is kept in a small buffer, whose rest is what the next reading has room for.
        const string begin = "HTTP/1.1 200 OK\r\n";
        upstream.Send(begin);
        rig.Engine.Settle();
        var length = Proxy.Loops.BufferPool.Small - Proxy.Loops.Loop.Headroom - begin.Length - "Content-Length: 12345\r\n\r\n".Length;
        rig.HoldWhile(() => upstream.Send($"Content-Length: {length}\r\n\r\n{new string('x', length)}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
        rig.Client.ReadHead();
        rig.Client.Expect(new string('x', length));
        upstream.ExpectEnd();
    }

    [Theory]
    [InlineData("x")]
    [InlineData("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("")]
    public void An_idle_connection_that_speaks_is_closed(string said)
    {
        using var rig = new Rig();
        var upstream = rig.Ask(Get);
        upstream.Send(Ok);
        rig.Client.Expect(OkRead);
        rig.Engine.Settle();
        if (said.Length > 0) upstream.Send(said);
        else upstream.EndSend();
        upstream.ExpectEnd();
        rig.Client.Send(Get);
        using var fresh = rig.Accept();
        fresh.Expect(Get);
    }

    [Theory]
    [InlineData("Connection: close\r\n", 128)]
    [InlineData("", 0)]
    public void A_connection_that_is_not_to_be_kept_is_closed(string field, int most)
    {
        using var rig = new Rig(c => c.With(g => g with { MaxIdleConnections = most }));
        var upstream = rig.Ask(Get);
        upstream.Send($"HTTP/1.1 200 OK\r\n{field}Content-Length: 2\r\n\r\nok");
        rig.Client.Expect(OkRead);
        upstream.ExpectToEnd("");
    }

    [Fact]
    public void An_idle_connection_is_not_kept_for_ever()
    {
        using var rig = new Rig();
        var upstream = rig.Ask(Get);
        upstream.Send(Ok);
        rig.Client.Expect(OkRead);
        rig.Engine.Pass(30);
        rig.Client.Send(Get);
        upstream.Expect(Get);
        upstream.Send(Ok);
        rig.Client.ReadUntil("\r\n\r\nok");
        rig.Engine.Pass(59);
        Assert.Equal(1, RunningEngine.OnLoop(rig.Engine.Engine.Loops[0], l => l.Upstreams.Idle));
        rig.Engine.Pass(2);
        upstream.ExpectToEnd("");
    }

    /// <summary>The endpoint has a new address and its old name: connections to where it was are of no use, not even before they are closed.</summary>
    [Fact]
    public void Connections_to_an_address_that_is_no_more_are_not_used()
    {
        using var rig = new Rig();
        using var moved = new RawServer();
        var upstream = rig.Ask(Get);
        upstream.Send(Ok);
        rig.Client.Expect(OkRead);
        rig.Engine.Settle();
        rig.HoldWhile(() =>
        {
            // What is to be closed is closed after the request is taken up: it came first.
            rig.Client.Send(Get);
            rig.Engine.Apply(rig.Engine.Config.With(g => g with { Endpoints = [g.Endpoints[0] with { Address = moved.Address }] }));
        });
        using var fresh = moved.Accept();
        fresh.Expect(Get);
        upstream.ExpectToEnd("");
        fresh.Send(Ok);
        rig.Client.Expect(OkRead);
    }

    /// <summary>The same in the moment before they are closed: the endpoint has its place in the pool by its name.</summary>
    [Fact]
    public void A_connection_to_another_address_is_not_taken()
    {
        using var rig = new Rig();
        var upstream = rig.Ask(Get);
        upstream.Send(Ok);
        rig.Client.Expect(OkRead);
        rig.Engine.Settle();
        var group = rig.Engine.Engine.Compiled.Upstreams["app"].Current;
        var moved = new EndpointModel("app", group.Config.Endpoints[0] with { Address = Dead() }, group.Endpoints[0].Index);
        Assert.Equal((true, 0), RunningEngine.OnLoop(rig.Engine.Engine.Loops[0], l => (l.Upstreams.IdleOf(moved) == 1 && l.Upstreams.Take(moved, null) is null, l.Upstreams.Idle)));
        upstream.ExpectToEnd("");
    }

    [Fact]
    public void An_endpoint_that_refuses_gives_way_to_the_next()
    {
        using var rig = new Rig(c => c.With(g => g with { Endpoints = [new Endpoint { Name = "dead", Address = Dead() }, .. g.Endpoints] }));
        var upstream = rig.Ask(Get);
        upstream.Send(Ok);
        rig.Client.Expect(OkRead);
        Assert.Equal(1, rig.Engine.Figure("endpoint/app/dead", Counter.ConnectErrors));
        Assert.Equal(1, rig.Engine.Figure("endpoint/app/app-0", Counter.Retries));
    }

    [Fact]
    public void When_none_can_be_connected_to_it_is_503()
    {
        using var rig = new Rig(c => c.With(g => g with { Endpoints = [new Endpoint { Name = "dead", Address = Dead() }, new Endpoint { Name = "dead too", Address = Dead() }] }));
        rig.Client.Send(Get);
        rig.Client.Expect(Rig.Local(503, "Service Unavailable", close: false));
        Assert.Equal(1, rig.Engine.Refused(Refusal.ConnectFailed));
    }

    [Fact]
    public void Without_an_endpoint_it_is_503()
    {
        using var rig = new Rig(c => c.With(g => g with { Endpoints = [g.Endpoints[0] with { Weight = 0 }] }));
        rig.Client.Send(Get + "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");
        rig.Client.Expect(Rig.Local(503, "Service Unavailable", close: false) + Rig.Local(503, "Service Unavailable", close: true));
        rig.Client.ExpectToEnd("");
        Assert.Equal(2, rig.Engine.Refused(Refusal.NoEndpoint));
    }

    [Fact]
    public void Endpoints_take_turns()
    {
        using var first = new RawServer();
        using var second = new RawServer();
        using var rig = new Rig(_ => Configs.Plain(first, second).With(g => g with { Endpoints = [g.Endpoints[0] with { Weight = 2 }, g.Endpoints[1]] }));
        var order = "";
        for (var i = 0; i < 9; i++)
        {
            using var client = rig.Engine.Connect();
            client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            Assert.True(SpinWait.SpinUntil(() => !first.IsQuiet || !second.IsQuiet, TestKit.Patience.Limit));
            order += first.IsQuiet ? "2" : "1";
            using var upstream = (first.IsQuiet ? second : first).Accept();
            upstream.Expect(Get);
            upstream.Send("HTTP/1.1 204 x\r\nConnection: close\r\n\r\n");
            client.ReadHead();
        }

        Assert.Equal("121121121", order);
    }

    /// <summary>An address at which nobody listens.</summary>
    private static IPEndPoint Dead()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (IPEndPoint)socket.LocalEndPoint!;
    }
}
