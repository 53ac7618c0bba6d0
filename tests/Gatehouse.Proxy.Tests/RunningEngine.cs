using System.Net;
using System.Net.Sockets;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Engine;

namespace Gatehouse.Proxy.Tests;

/// <summary>An engine in this process, whose listeners are bound to free ports of the loopback address.</summary>
internal sealed class RunningEngine : IDisposable
{
    private readonly Dictionary<string, IPEndPoint> _places = [];

    public RunningEngine(ProxyConfig config, int threads = 1)
    {
        var fds = config.Listeners.Select(l => Bind(l)).ToList();
        Config = config with { Listeners = [.. config.Listeners.Select(l => l with { Address = _places[l.Name] })] };
        Engine = new ProxyEngine(threads, TimeProvider.System);
        Engine.Apply(Config);
        Engine.Start();
        foreach (var (listener, fd) in config.Listeners.Zip(fds)) Assert.True(Engine.Listen(listener.Name, fd));
    }

    public ProxyEngine Engine { get; }

    public ProxyConfig Config { get; private set; }

    /// <summary>Where the only listener, or the one with the name, is.</summary>
    public IPEndPoint Address(string? name = null) => name is null ? _places.Values.Single() : _places[name];

    public void Apply(ProxyConfig config)
    {
        Config = config;
        Engine.Apply(config);
    }

    public RawPeer Connect(string? name = null)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(Address(name));
        return new RawPeer(socket);
    }

    public void Dispose() => Engine.Dispose();

    private int Bind(Listener listener)
    {
        var address = new SocketEndPoint(listener.Address);
        var udp = listener.Protocol == ListenerProtocol.Udp;
        var fd = udp ? SocketCalls.OpenDatagram(address) : SocketCalls.OpenStream(address);
        Assert.True(fd >= 0 && SocketCalls.Bind(fd, address) == 0);
        if (!udp) Assert.Equal(0, SocketCalls.Listen(fd, 1_024));
        Assert.Equal(0, SocketCalls.LocalAddress(fd, out var bound));
        _places[listener.Name] = bound.ToEndPoint();
        return fd;
    }
}
