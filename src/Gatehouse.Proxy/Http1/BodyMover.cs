using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Streams;

namespace Gatehouse.Proxy.Http1;

/// <summary>
/// Moves the bytes of a large body of known length from one socket to another within the kernel. It holds a pipe only while there is something in it or a turn lasts; what the other side
/// does not take waits there, and nothing is read meanwhile.
/// </summary>
internal struct BodyMover
{
    /// <summary>Less than that is copied: it costs two calls, and no pipe.</summary>
    private const long Least = 128 * 1024;

    private Pipe? _pipe;

    /// <summary>The other side does not take what is here.</summary>
    public readonly bool IsStuck => _pipe is { Bytes: > 0 };

    /// <summary>Whether the rest of a body is worth it and both sides are in plain.</summary>
    public static bool Suits(in BodyReader body, ByteStream from, ByteStream to) => body.Left >= Least && from.Tls is null && to.Tls is null;

    /// <summary>Moves on what waits, and then what has come. Bytes that have come; EAGAIN when there are none; another outcome as of a read; null: there is no pipe to be had.</summary>
    public int? Move(ByteStream from, ByteStream to, long most)
    {
        if (_pipe is { Bytes: > 0 } && !to.MoveFrom(_pipe)) return SocketCalls.EAgain;
        if (!from.CanRead || to.HasPending || most == 0) return SocketCalls.EAgain;
        _pipe ??= from.Loop.Pipes.Rent();
        if (_pipe is null) return null;
        var count = from.MoveInto(_pipe, (int)Math.Min(most, _pipe.Capacity));
        if (count > 0) _ = to.MoveFrom(_pipe);
        return count;
    }

    /// <summary>An empty pipe is for others.</summary>
    public void Rest(ByteStream any)
    {
        if (_pipe is { Bytes: 0 }) Return(any);
    }

    /// <summary>Gives up; what waits is lost.</summary>
    public void Reset(ByteStream any)
    {
        if (_pipe is not null) Return(any);
    }

    private void Return(ByteStream any)
    {
        any.Loop.Pipes.Return(_pipe!);
        _pipe = null;
    }
}
