using System.Net;
using System.Net.Sockets;
using Gatehouse.Proxy.Configuration;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Tcp;

/// <summary>An engine that passes TCP on between clients and endpoints that a test plays, with time that stands until the test lets it pass.</summary>
internal sealed class TcpRig : IDisposable
{
    private readonly List<IDisposable> _peers = [];

    public TcpRig(Func<ProxyConfig, ProxyConfig>? change = null, int servers = 1)
    {
        Servers = [.. Enumerable.Range(0, servers).Select(_ => new RawServer())];
        var config = Configs.One([.. Servers]).With(l => l with { Name = "tcp", Protocol = ListenerProtocol.Tcp });
        Engine = new RunningEngine(change is null ? config : change(config), time: new ManualTimeProvider());
        foreach (var loop in Engine.Engine.Loops) RunningEngine.OnLoop(loop, l => l.Log = Seen);
    }

    public RawServer[] Servers { get; }

    public RawServer Server => Servers[0];

    public RunningEngine Engine { get; }

    public SeenSessions Seen { get; } = new();

    public RawPeer Client => field ??= Engine.Connect();

    /// <summary>The next connection that the engine makes to an endpoint.</summary>
    public RawPeer Accept(int server = 0)
    {
        var peer = Servers[server].Accept();
        _peers.Add(peer);
        return peer;
    }

    /// <summary>A client and the endpoint's side of it, over which something went both ways.</summary>
    public (RawPeer Client, RawPeer Upstream) Pair()
    {
        var client = Client;
        var upstream = Accept();
        client.Send("ping");
        upstream.Expect("ping");
        upstream.Send("pong");
        client.Expect("pong");
        return (client, upstream);
    }

    /// <summary>An address at which nothing listens.</summary>
    public static IPEndPoint Nowhere()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (IPEndPoint)socket.LocalEndPoint!;
    }

    public void Dispose()
    {
        foreach (var peer in _peers) peer.Dispose();
        Engine.Dispose();
        foreach (var server in Servers) server.Dispose();
    }
}
