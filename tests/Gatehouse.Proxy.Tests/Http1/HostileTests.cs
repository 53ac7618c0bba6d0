using System.Net.Sockets;
using System.Text;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tests.Http1;

/// <summary>
/// Clients and endpoints that do anything at any time: break off, stop, send half of things, or things that are broken. Whatever it comes to, the engine stays, and when all are gone nothing
/// is left: <see cref="RunningEngine"/> looks at the end.
/// </summary>
public sealed class HostileTests
{
    private static readonly string[] Requests =
    [
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", "GET / HTTP/1.0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\n\r\n", "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
        "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\ntunnel", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "BROKEN\r\n\r\n", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        $"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n{new string('x', 300_000)}",
    ];

    private static readonly string[] Responses =
    [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: 1\r\n\r\n", "HTTP/1.1 204 x\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nuntil the end",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\ntunnel", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more", "junk\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\nshort", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxx", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        $"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n{new string('x', 300_000)}",
    ];

    [Theory]
    [InlineData(1, ProxyProtocolVersion.None)]
    [InlineData(2, ProxyProtocolVersion.None)]
    [InlineData(3, ProxyProtocolVersion.V1)]
    public void Nothing_is_left_of_anybody(int seed, ProxyProtocolVersion header)
    {
        using var server = new RawServer();
        using var engine = new RunningEngine(Configs.One(server).With(g => g with { ProxyProtocol = header }).With(l => l with { Limits = l.Limits with { ConnectionsPerClient = 30 } }), threads: 2);
        var random = new Random(seed);
        List<RawPeer> clients = [], upstreams = [];
        for (var step = 0; step < 6_000; step++)
        {
            if (clients.Count < 40 && random.Next(8) == 0) clients.Add(Open(engine));
            while (!server.IsQuiet) upstreams.Add(Unblocked(server.Accept()));
            if (clients.Count > 0) Act(random, clients, Requests);
            if (upstreams.Count > 0) Act(random, upstreams, Responses);
        }

        foreach (var upstream in upstreams) upstream.Dispose();
        server.Dispose(); // Who waits in its queue is reset, and who comes now is refused.
    }

    private static RawPeer Open(RunningEngine engine) => Unblocked(engine.Connect());

    private static RawPeer Unblocked(RawPeer peer)
    {
        peer.Socket.Blocking = false;
        return peer;
    }

    private static void Act(Random random, List<RawPeer> peers, string[] texts)
    {
        var at = random.Next(peers.Count);
        var socket = peers[at].Socket;
        switch (random.Next(20))
        {
            case 0:
                peers[at].Reset();
                peers.RemoveAt(at);
                break;
            case 1:
                peers[at].Dispose();
                peers.RemoveAt(at);
                break;
            case 2:
                try
                {
                    socket.Shutdown(SocketShutdown.Send);
                }
                catch (SocketException)
                {
                    // It is gone already.
                }

                break;
            case < 10:
                for (var reads = 0; reads < 8 && socket.Receive(new byte[65_536], SocketFlags.None, out _) > 0; reads++)
                {
                    // What comes is read and forgotten.
                }

                break;
            default:
                var text = Encoding.Latin1.GetBytes(texts[random.Next(texts.Length)]);
                _ = socket.Send(text.AsSpan(0, random.Next(3) == 0 ? random.Next(text.Length) : text.Length), SocketFlags.None, out _);
                break;
        }
    }
}
