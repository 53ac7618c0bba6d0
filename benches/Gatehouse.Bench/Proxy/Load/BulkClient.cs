using System.Buffers.Binary;
using System.Net;
using Gatehouse.Linux.Sockets;

namespace Gatehouse.Bench.Proxy.Load;

/// <summary>One TCP stream through a proxy, in one direction at a time.</summary>
internal sealed class BulkClient : IDisposable
{
    private const int PieceBytes = 256 * 1024;
    private const int Silence = 10_000;
    private readonly Epoll _epoll = new(1);
    private readonly byte[] _piece = new byte[PieceBytes];
    private readonly int _fd;

    public BulkClient(int port)
    {
        var target = new SocketEndPoint(new IPEndPoint(IPAddress.Loopback, port));
        _fd = SocketCalls.OpenStream(target);
        if (SocketCalls.Connect(_fd, target) is < 0 and not SocketCalls.EInProgress and var error) throw new InvalidOperationException($"connect to port {port}: errno {-error}");
        _ = _epoll.Add(_fd, EpollEvents.Out, 0);
    }

    /// <summary>Has bytes sent to it.</summary>
    public Task<bool> DownloadAsync(long bytes) => Machine.RunOnAsync(Machine.LoadProcessor, () =>
    {
        Command(bytes);
        Watch(EpollEvents.In);
        Move(bytes, most => Machine.Discard(_fd, most));
        return true;
    });

    /// <summary>Sends bytes until the far end has them all.</summary>
    public Task<bool> UploadAsync(long bytes) => Machine.RunOnAsync(Machine.LoadProcessor, () =>
    {
        Command(-bytes);
        Move(bytes, most => SocketCalls.Send(_fd, _piece.AsSpan(0, most)));
        Watch(EpollEvents.In);
        Move(1, most => SocketCalls.Receive(_fd, _piece.AsSpan(0, most)));
        return true;
    });

    public void Dispose()
    {
        SocketCalls.Close(_fd);
        _epoll.Dispose();
    }

    private void Command(long amount)
    {
        var command = new byte[BulkServer.CommandBytes];
        BinaryPrimitives.WriteInt64LittleEndian(command, amount);
        Watch(EpollEvents.Out);
        Move(command.Length, most => SocketCalls.Send(_fd, command.AsSpan(command.Length - most)));
    }

    private void Watch(EpollEvents events) => _ = _epoll.Modify(_fd, events, 0);

    /// <param name="step">Moves as many bytes as it can and at most so many.</param>
    private void Move(long bytes, Func<int, int> step)
    {
        while (bytes > 0)
        {
            var moved = step((int)Math.Min(PieceBytes, bytes));
            if (moved == SocketCalls.EAgain)
            {
                if (_epoll.Wait(Silence) == 0) throw new TimeoutException($"nothing moved for {Silence / 1000} s, with {bytes:n0} bytes to go");
                continue;
            }

            if (moved <= 0) throw new InvalidOperationException($"the stream ended with {bytes:n0} bytes to go (errno {-moved})");
            bytes -= moved;
        }
    }
}
