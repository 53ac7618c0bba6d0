using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tests.Engine;

/// <summary>An upstream that answers every request with its name, on connections that it keeps.</summary>
internal sealed class NamedServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<Socket, bool> _open = [];
    private readonly byte[] _answer;

    public NamedServer(string name)
    {
        Name = name;
        _answer = Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {name.Length}\r\n\r\n{name}");
        _listener.Start(1_024);
        new Thread(Accept) { IsBackground = true }.Start();
    }

    public string Name { get; }

    /// <summary>Connections that are open.</summary>
    public int Connections => _open.Count;

    public Endpoint Endpoint => new() { Name = Name, Address = (IPEndPoint)_listener.LocalEndpoint };

    public void Dispose()
    {
        _listener.Dispose();
        foreach (var socket in _open.Keys) socket.Dispose();
    }

    private void Accept()
    {
        try
        {
            while (true)
            {
                var socket = _listener.AcceptSocket();
                socket.NoDelay = true;
                _open[socket] = true;
                new Thread(() => Serve(socket)) { IsBackground = true }.Start();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is disposed of.
        }
    }

    private void Serve(Socket socket)
    {
        var buffer = new byte[8_192];
        var seen = 0;
        try
        {
            while (socket.Receive(buffer) is > 0 and var count)
            {
                for (var i = 0; i < count; i++)
                {
                    seen = buffer[i] == "\r\n\r\n"[seen] ? seen + 1 : buffer[i] == '\r' ? 1 : 0;
                    if (seen < 4) continue;
                    seen = 0;
                    socket.Send(_answer);
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The proxy is gone, or this server.
        }

        _open.TryRemove(socket, out _);
        socket.Dispose();
    }
}
