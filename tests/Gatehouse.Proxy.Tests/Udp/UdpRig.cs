using System.Net;
using System.Net.Sockets;
using System.Text;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Tests.Tcp;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Udp;

/// <summary>An engine that passes UDP on between clients and endpoints that a test plays, with time that stands until the test lets it pass.</summary>
internal sealed class UdpRig : IDisposable
{
    private readonly List<UdpPeer> _clients = [];

    public UdpRig(Func<ProxyConfig, ProxyConfig>? change = null, int servers = 1, IPAddress? at = null)
    {
        Servers = [.. Enumerable.Range(0, servers).Select(_ => new UdpPeer(at?.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Loopback : IPAddress.Loopback))];
        var config = new ProxyConfig
        {
            Listeners = [new Listener { Name = "udp", Address = new IPEndPoint(at ?? IPAddress.Loopback, 0), Protocol = ListenerProtocol.Udp, DefaultUpstream = "app" }],
            Upstreams = [new UpstreamGroup { Name = "app", Endpoints = [.. Servers.Select((s, i) => new Endpoint { Name = $"app-{i}", Address = s.Address })] }],
        };
        Engine = new RunningEngine(change is null ? config : change(config), time: new ManualTimeProvider());
        foreach (var loop in Engine.Engine.Loops) RunningEngine.OnLoop(loop, l => l.Log = Seen);
    }

    public UdpPeer[] Servers { get; }

    public UdpPeer Server => Servers[0];

    public RunningEngine Engine { get; }

    public SeenSessions Seen { get; } = new();

    public IPEndPoint Address => Engine.Address();

    /// <summary>A client with a port of its own.</summary>
    public UdpPeer Client(IPAddress? at = null)
    {
        var client = new UdpPeer(at ?? (Address.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Loopback : IPAddress.Loopback));
        _clients.Add(client);
        return client;
    }

    /// <summary>A question of a client's and the answer to it. Which endpoint answered.</summary>
    public int Ask(UdpPeer client, string question = "question")
    {
        client.Send(question, Address);
        var (server, text, from) = Receive();
        Assert.Equal(question, text);
        Servers[server].Send("answer to " + text, from);
        Assert.Equal(("answer to " + text, Address), client.Receive());
        return server;
    }

    /// <summary>The next packet that any endpoint gets.</summary>
    public (int Server, string Text, IPEndPoint From) Receive()
    {
        var ready = Servers.Select(s => s.Socket).ToList();
        Socket.Select(ready, null, null, Patience.Limit);
        var server = Array.FindIndex(Servers, s => ready.Contains(s.Socket));
        Assert.True(server >= 0, "no endpoint got anything");
        var (text, from) = Servers[server].Receive();
        return (server, text, from);
    }

    /// <summary>Lets all flows expire.</summary>
    public void Dispose()
    {
        Engine.Pass(31);
        foreach (var client in _clients) client.Dispose();
        foreach (var server in Servers) server.Dispose();
        Engine.Dispose();
        Assert.Equal(0, Engine.Engine.Flows);
    }
}

/// <summary>A UDP socket of which a test sends and sees every packet.</summary>
internal sealed class UdpPeer : IDisposable
{
    public UdpPeer(IPAddress at)
    {
        Socket = new Socket(at.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = (int)Patience.Limit.TotalMilliseconds, ReceiveBufferSize = 1 << 20 };
        Socket.Bind(new IPEndPoint(at, 0));
    }

    public Socket Socket { get; }

    public IPEndPoint Address => (IPEndPoint)Socket.LocalEndPoint!;

    /// <summary>Nothing came.</summary>
    public bool IsQuiet => !Socket.Poll(0, SelectMode.SelectRead);

    public void Send(string text, IPEndPoint to) => Send(Encoding.Latin1.GetBytes(text), to);

    public void Send(byte[] bytes, IPEndPoint to) => Assert.Equal(bytes.Length, Socket.SendTo(bytes, to));

    /// <summary>The next packet and who sent it.</summary>
    public (string Text, IPEndPoint From) Receive()
    {
        var (bytes, from) = ReceiveBytes();
        return (Encoding.Latin1.GetString(bytes), from);
    }

    public (byte[] Bytes, IPEndPoint From) ReceiveBytes()
    {
        var buffer = new byte[65_536];
        EndPoint from = new IPEndPoint(Address.Address, 0);
        var count = Socket.ReceiveFrom(buffer, ref from);
        return (buffer[..count], (IPEndPoint)from);
    }

    public void Dispose() => Socket.Dispose();
}
