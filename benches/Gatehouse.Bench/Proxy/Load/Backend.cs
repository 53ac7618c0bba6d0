using System.Net;
using System.Text;
using Gatehouse.Linux.Sockets;

namespace Gatehouse.Bench.Proxy.Load;

/// <summary>
/// What all proxies lead to: one thread that answers at once, so that it takes little of the processor that it shares with the load. Paths that end in <c>/1m</c> get 1 MB, in
/// <c>/echo</c> the head of the request and the port, all others 100 bytes. Every body is read to its end before the answer.
/// </summary>
internal sealed class Backend : IAsyncDisposable
{
    private const ulong Wake = ulong.MaxValue;
    private const ulong ListenerMark = 1UL << 32;
    private const int Backlog = 4096;
    private static readonly byte[] Small = Answer(new string('x', 99) + "\n");
    private static readonly byte[] Large = Answer(new string('y', 1 << 20));
    private readonly Epoll _epoll = new(512);
    private readonly Dictionary<int, BackendConnection> _connections = [];
    private readonly Dictionary<int, int> _listeners = [];
    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly int _stop = SocketCalls.OpenEvent();
    private readonly Task<bool> _running;

    private Backend(int groups)
    {
        _ = _epoll.Add(_stop, EpollEvents.In, Wake);
        for (var group = 0; group < groups; group++) Listen();
        _running = Machine.RunOnAsync(Machine.LoadProcessor, Run);
    }

    /// <summary>One for each group.</summary>
    public IReadOnlyList<int> Ports => [.. _listeners.Values];

    /// <summary>Requests answered since the start.</summary>
    public long Answered { get; private set; }

    public static Backend Start(int groups) => new(groups);

    public async ValueTask DisposeAsync()
    {
        SocketCalls.SignalEvent(_stop);
        await _running;
        foreach (var fd in _connections.Keys.Concat(_listeners.Keys)) SocketCalls.Close(fd);
        SocketCalls.Close(_stop);
        _epoll.Dispose();
    }

    private static byte[] Answer(string body) => Encoding.ASCII.GetBytes(
        $"HTTP/1.1 200 OK\r\nServer: backend\r\nDate: Fri, 20 Nov 2026 12:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: {body.Length}\r\n\r\n{body}");

    private void Listen()
    {
        var any = new SocketEndPoint(new IPEndPoint(IPAddress.Loopback, 0));
        var fd = SocketCalls.OpenStream(any);
        if (fd < 0 || SocketCalls.Bind(fd, any) < 0 || SocketCalls.Listen(fd, Backlog) < 0) throw new InvalidOperationException("the backend can't listen");
        _ = SocketCalls.LocalAddress(fd, out var address);
        _listeners.Add(fd, address.Port);
        _ = _epoll.Add(fd, EpollEvents.In, ListenerMark | (uint)fd);
    }

    private bool Run()
    {
        while (true)
        {
            var count = _epoll.Wait(-1);
            for (var i = 0; i < count; i++)
            {
                var events = _epoll.Event(i, out var data);
                if (data == Wake) return true;
                if ((data & ListenerMark) != 0) Accept((int)(uint)data);
                else Serve(_connections[(int)data], events);
            }
        }
    }

    private void Accept(int listener)
    {
        int fd;
        while ((fd = SocketCalls.Accept(listener, out _)) >= 0)
        {
            SocketCalls.SendAtOnce(fd);
            _connections.Add(fd, new BackendConnection { Fd = fd, Port = _listeners[listener] });
            _ = _epoll.Add(fd, EpollEvents.In, (ulong)fd);
        }
    }

    private void Serve(BackendConnection connection, EpollEvents events)
    {
        if ((events & EpollEvents.Out) != 0 && !Flush(connection)) return;
        if ((events & (EpollEvents.In | EpollEvents.Error | EpollEvents.HangUp)) == 0) return;
        var read = SocketCalls.Receive(connection.Fd, _buffer);
        if (read is SocketCalls.EAgain or SocketCalls.EInterrupted) return;
        if (read <= 0) Close(connection);
        else Take(connection, _buffer.AsSpan(0, read));
    }

    private void Take(BackendConnection connection, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            if (connection.Head is null && !connection.Body.IsComplete)
            {
                bytes = bytes[connection.Body.Take(bytes)..];
                if (!connection.Body.IsComplete) return;
            }
            else if (!TakeHead(connection, ref bytes))
            {
                return;
            }

            if (connection.Body.IsComplete && !Reply(connection)) return;
        }
    }

    /// <summary>False when the head is not complete.</summary>
    private static bool TakeHead(BackendConnection connection, ref ReadOnlySpan<byte> bytes)
    {
        var head = bytes;
        if (connection.Head is { } begun) head = connection.Head = [.. begun, .. bytes];
        var end = head.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            connection.Head ??= bytes.ToArray();
            return false;
        }

        bytes = head[(end + 4)..];
        head = head[..(end + 4)];
        connection.Head = null;
        connection.Body = BodyReader.For(head);
        var target = head[(head.IndexOf((byte)' ') + 1)..];
        target = target[..target.IndexOf((byte)' ')];
        connection.Answer = target.EndsWith("/echo"u8) ? Answer($"port: {connection.Port}\r\n{Encoding.ASCII.GetString(head)}") : target.EndsWith("/1m"u8) ? Large : Small;
        return true;
    }

    private bool Reply(BackendConnection connection)
    {
        Answered++;
        connection.Sent = 0;
        return Flush(connection);
    }

    /// <summary>False when the connection is gone.</summary>
    private bool Flush(BackendConnection connection)
    {
        while (connection.Sent < connection.Answer.Length)
        {
            var sent = SocketCalls.Send(connection.Fd, connection.Answer.AsSpan(connection.Sent));
            if (sent == SocketCalls.EAgain)
            {
                Watch(connection, waits: true);
                return true;
            }

            if (sent < 0)
            {
                Close(connection);
                return false;
            }

            connection.Sent += sent;
        }

        Watch(connection, waits: false);
        return true;
    }

    private void Watch(BackendConnection connection, bool waits)
    {
        if (connection.Waits == waits) return;
        connection.Waits = waits;
        _ = _epoll.Modify(connection.Fd, waits ? EpollEvents.In | EpollEvents.Out : EpollEvents.In, (ulong)connection.Fd);
    }

    private void Close(BackendConnection connection)
    {
        _connections.Remove(connection.Fd);
        // A process that is being started holds a copy for a moment, for which the kernel would tell events on.
        _ = _epoll.Remove(connection.Fd);
        SocketCalls.Close(connection.Fd);
    }
}

/// <summary>A connection from a proxy.</summary>
internal sealed class BackendConnection
{
    public BodyReader Body;

    public required int Fd { get; init; }

    public required int Port { get; init; }

    /// <summary>The beginning of a head that came in pieces.</summary>
    public byte[]? Head { get; set; }

    public byte[] Answer { get; set; } = [];

    public int Sent { get; set; }

    /// <summary>Whether it is watched for room to write.</summary>
    public bool Waits { get; set; }
}
