using System.Buffers.Binary;
using System.Net;
using Gatehouse.Linux.Sockets;

namespace Gatehouse.Bench.Proxy.Load;

/// <summary>
/// The far end of bulk transfers: a command of 8 bytes names how many bytes to send; a negative one how many to take, which one byte then acknowledges. One connection at a time moves
/// bytes, on a thread of its own.
/// </summary>
internal sealed class BulkServer : IAsyncDisposable
{
    public const int CommandBytes = 8;
    private const int PieceBytes = 256 * 1024;
    private const ulong Wake = ulong.MaxValue;
    private const int Backlog = 16;
    private readonly Epoll _epoll = new(16);
    private readonly Dictionary<int, BulkConnection> _connections = [];
    private readonly byte[] _piece = new byte[PieceBytes];
    private readonly int _listener;
    private readonly int _stop = SocketCalls.OpenEvent();
    private readonly Task<bool> _running;

    private BulkServer()
    {
        var any = new SocketEndPoint(new IPEndPoint(IPAddress.Loopback, 0));
        _listener = SocketCalls.OpenStream(any);
        if (_listener < 0 || SocketCalls.Bind(_listener, any) < 0 || SocketCalls.Listen(_listener, Backlog) < 0) throw new InvalidOperationException("the bulk server can't listen");
        _ = SocketCalls.LocalAddress(_listener, out var address);
        Port = address.Port;
        _ = _epoll.Add(_listener, EpollEvents.In, (ulong)_listener);
        _ = _epoll.Add(_stop, EpollEvents.In, Wake);
        _running = Machine.RunOnAsync(Machine.LoadProcessor, Run);
    }

    public int Port { get; }

    public static BulkServer Start() => new();

    public async ValueTask DisposeAsync()
    {
        SocketCalls.SignalEvent(_stop);
        await _running;
        foreach (var fd in _connections.Keys) SocketCalls.Close(fd);
        SocketCalls.Close(_listener);
        SocketCalls.Close(_stop);
        _epoll.Dispose();
    }

    private bool Run()
    {
        while (true)
        {
            var count = _epoll.Wait(-1);
            for (var i = 0; i < count; i++)
            {
                _ = _epoll.Event(i, out var data);
                if (data == Wake) return true;
                if ((int)data == _listener) Accept();
                else if (!Serve((int)data, _connections[(int)data])) Close((int)data);
            }
        }
    }

    private void Accept()
    {
        int fd;
        while ((fd = SocketCalls.Accept(_listener, out _)) >= 0)
        {
            _connections.Add(fd, new BulkConnection());
            _ = _epoll.Add(fd, EpollEvents.In, (ulong)fd);
        }
    }

    private void Close(int fd)
    {
        _connections.Remove(fd);
        _ = _epoll.Remove(fd); // See the backend's.
        SocketCalls.Close(fd);
    }

    /// <summary>False at the end.</summary>
    private bool Serve(int fd, BulkConnection connection)
    {
        if (connection.ToSend > 0) return SendSome(fd, connection);
        if (connection.ToTake > 0) return TakeSome(fd, connection);
        var read = SocketCalls.Receive(fd, connection.Command.AsSpan(connection.Read));
        if (read == SocketCalls.EAgain) return true;
        if (read <= 0) return false;
        connection.Read += read;
        if (connection.Read < CommandBytes) return true;
        connection.Read = 0;
        var amount = BinaryPrimitives.ReadInt64LittleEndian(connection.Command);
        (connection.ToSend, connection.ToTake) = (Math.Max(0, amount), Math.Max(0, -amount));
        return amount <= 0 || (_epoll.Modify(fd, EpollEvents.Out, (ulong)fd) == 0 && SendSome(fd, connection));
    }

    private bool SendSome(int fd, BulkConnection connection)
    {
        while (connection.ToSend > 0)
        {
            var sent = SocketCalls.Send(fd, _piece.AsSpan(0, (int)Math.Min(PieceBytes, connection.ToSend)));
            if (sent == SocketCalls.EAgain) return true;
            if (sent < 0) return false;
            connection.ToSend -= sent;
        }

        return _epoll.Modify(fd, EpollEvents.In, (ulong)fd) == 0;
    }

    private static bool TakeSome(int fd, BulkConnection connection)
    {
        while (connection.ToTake > 0)
        {
            var read = Machine.Discard(fd, PieceBytes);
            if (read == SocketCalls.EAgain) return true;
            if (read <= 0) return false;
            connection.ToTake -= read;
        }

        return SocketCalls.Send(fd, "k"u8) == 1;
    }
}

/// <summary>What is under way.</summary>
internal sealed class BulkConnection
{
    public byte[] Command { get; } = new byte[BulkServer.CommandBytes];

    public int Read { get; set; }

    public long ToSend { get; set; }

    public long ToTake { get; set; }
}
