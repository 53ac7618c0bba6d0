using System.Net;
using System.Net.Sockets;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tests.Access;

/// <summary>
/// The same exchanges through the engine and through a real HAProxy, with the same clients and servers, leave the same lines: every field, but for what a clock and the kernel choose, and the
/// bytes of HTTP responses. Those HAProxy counts in the form in which it holds them, some bytes more or less than it sends; the engine counts what it sends.
/// </summary>
public sealed class HaproxyLinesTests
{
    private const string Get = "GET /a?b=c HTTP/1.1\r\nHost: a\r\n\r\n";
    private const string Answer = "HTTP/1.1 200 OK\r\nserver: s\r\ndate: Fri, 20 Nov 2026 07:53:16 GMT\r\ncontent-length: 5\r\n\r\nhello";

    /// <summary>What a client and a server do.</summary>
    private static readonly Dictionary<string, Action<RawPeer, RawServer>> Exchanges = new(StringComparer.Ordinal)
    {
        ["answered"] = (client, server) => Ask(client, server, Get, Answer),
        ["answered and closed"] = (client, server) => Ask(client, server, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", Answer.Replace("server: s", "connection: close\r\nserver: s", StringComparison.Ordinal)),
        ["a request body"] = (client, server) => Ask(client, server, "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyz", Answer),
        ["not found at the server"] = (client, server) => Ask(client, server, Get, Answer.Replace("200 OK", "404 Not Found", StringComparison.Ordinal)),
        ["HEAD"] = (client, server) => Ask(client, server, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", Answer[..^5]),
        ["signs in the target"] = (client, server) => Ask(client, server, "GET /~'!$&()*;,=:@%22%23%C3%A9?;&=~ HTTP/1.1\r\nHost: a\r\n\r\n", Answer),
        ["a long target"] = (client, server) => Ask(client, server, $"GET /{new string('x', 3_000)} HTTP/1.1\r\nHost: a\r\n\r\n", Answer),
        ["closed by the server"] = (client, server) => Ask(client, server, Get, ""),
        ["junk from the server"] = (client, server) => Ask(client, server, Get, "junk\r\n\r\n"),
        ["a response that stops"] = (client, server) => Ask(client, server, Get, Answer[..^2]),
        ["no response"] = static (client, server) =>
        {
            client.Send(Get);
            using var peer = server.Accept();
            peer.ReadHead();
            client.ReadHead();
        },
        ["a head that is not finished"] = static (client, _) =>
        {
            client.Send("GET / HTTP/1.1\r\nHo");
            client.ReadHead();
        },
        ["a bad request"] = static (client, _) =>
        {
            client.Send("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n");
            client.ReadHead();
        },
        ["not HTTP"] = static (client, _) =>
        {
            client.Send("\u0016\u0003\u0001\u0002\u0000\u0001\r\n\r\n");
            client.ReadHead();
        },
        ["a client that leaves within its head"] = static (client, _) =>
        {
            client.Send("GET / HT");
            client.EndSend();
            client.ReadToEnd();
        },
    };

    public static TheoryData<string> Names => [.. Exchanges.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task An_exchange_leaves_the_same_line(string name)
    {
        using var server = new RawServer();
        var act = Exchanges[name];
        var (expected, own) = await RunBothAsync([server.Address], client => act(client, server));
        Assert.Equal(expected, own);
    }

    [Fact]
    public async Task A_group_without_endpoints()
    {
        var (expected, own) = await RunBothAsync([], static client =>
        {
            client.Send(Get);
            client.ReadHead();
        });
        Assert.Equal(expected, own);
    }

    [Fact]
    public async Task A_client_that_leaves_before_the_response()
    {
        using var server = new RawServer();
        List<RawPeer> peers = [];
        var (expected, own) = await RunBothAsync([server.Address], client =>
        {
            client.Send(Get);
            peers.Add(server.Accept());
            peers[^1].ReadHead();
            client.Reset();
        });
        peers.ForEach(p => p.Dispose());

        // Of a connection that was reset HAProxy says D, although nothing of a response had come: by its own documentation (§8.5) that is H.
        Assert.Equal(expected.Select(f => f == "state CD--" ? "state CH--" : f), own);
    }

    [Fact]
    public async Task All_endpoints_refuse()
    {
        // HAProxy tries the one server again and again; the engine does not try where it was just refused. Both say where it ended.
        var (expected, own) = await RunBothAsync([Closed()], static client =>
        {
            client.Send(Get);
            client.ReadHead();
        });
        Assert.Equal([.. expected.Select(f => f.StartsWith("counts", StringComparison.Ordinal) ? f[..^1] + "0" : f)], own);
    }

    [Fact]
    public async Task The_second_endpoint_takes_what_the_first_refused()
    {
        using var server = new RawServer();
        var (expected, own) = await RunBothAsync([Closed(), server.Address], client => Ask(client, server, Get, Answer));
        Assert.Equal(expected, own);
        Assert.Contains("counts 1/1/0/0/+1", own);
    }

    [Theory]
    [InlineData("hello", "world")]
    [InlineData("", "")]
    public async Task A_TCP_session_leaves_the_same_line(string request, string response)
    {
        using var server = new RawServer();
        await using var haproxy = await RealHaproxy.StartAsync("tcp", [server.Address]);
        using var engine = new LoggedEngine(Configs.One(server).With(l => l with { Protocol = ListenerProtocol.Tcp }), AccessLogFormat.Haproxy);
        using var theirs = haproxy.Connect();
        Talk(theirs);
        var expected = LogFields.Tcp(await haproxy.LineAsync(((IPEndPoint)theirs.Socket.LocalEndPoint!).Port));
        Talk(engine.Running.Connect());
        Assert.Equal(expected, LogFields.Tcp(engine.NextLine()));

        void Talk(RawPeer client)
        {
            client.Send(request);
            using var peer = server.Accept();
            if (request.Length > 0) peer.Expect(request);
            peer.Send(response);
            if (response.Length > 0) client.Expect(response);
            peer.EndSend();
            client.ExpectToEnd("");
            client.EndSend();
            peer.ExpectToEnd("");
        }
    }

    [Fact]
    public async Task A_TCP_session_whose_endpoint_refuses()
    {
        var closed = Closed();
        await using var haproxy = await RealHaproxy.StartAsync("tcp", [closed], "    retries 0\n    no option redispatch");
        using var engine = new LoggedEngine(Config([closed]).With(l => l with { Protocol = ListenerProtocol.Tcp }), AccessLogFormat.Haproxy);
        using var theirs = haproxy.Connect();
        theirs.ReadToEnd();
        engine.Running.Connect().ReadToEnd();
        Assert.Equal(LogFields.Tcp(await haproxy.LineAsync(((IPEndPoint)theirs.Socket.LocalEndPoint!).Port)), LogFields.Tcp(engine.NextLine()));
    }

    private static async Task<(IReadOnlyList<string> Expected, IReadOnlyList<string> Own)> RunBothAsync(IReadOnlyList<IPEndPoint> servers, Action<RawPeer> act)
    {
        await using var haproxy = await RealHaproxy.StartAsync("http", servers);
        using var theirs = haproxy.Connect();
        var port = ((IPEndPoint)theirs.Socket.LocalEndPoint!).Port;
        act(theirs);
        var expected = LogFields.Http(await haproxy.LineAsync(port));

        using var engine = new LoggedEngine(Config(servers), AccessLogFormat.Haproxy);
        act(engine.Running.Connect());
        return (expected, LogFields.Http(engine.NextLine()));
    }

    private static ProxyConfig Config(IReadOnlyList<IPEndPoint> servers)
    {
        var half = TimeSpan.FromMilliseconds(500);
        return Configs.One().With(l => l with { Forwarded = ForwardedFields.None, Timeouts = l.Timeouts with { Header = half } })
            .With(g => g with { Endpoints = [.. servers.Select((s, i) => new Endpoint { Name = $"app-{i}", Address = s })], Timeouts = g.Timeouts with { Response = half, Idle = half } });
    }

    private static void Ask(RawPeer client, RawServer server, string request, string answer)
    {
        client.Send(request);
        using var peer = server.Accept();
        peer.ReadHead();
        if (request.EndsWith("xyz", StringComparison.Ordinal)) peer.Expect("xyz");
        peer.Send(answer);
        peer.EndSend();
        client.ReadHead();
        if (answer.StartsWith("HTTP/", StringComparison.Ordinal)) client.Read(answer.Length - answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) - 4);
    }

    /// <summary>Where nobody listens.</summary>
    private static IPEndPoint Closed()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (IPEndPoint)socket.LocalEndPoint!;
    }
}
