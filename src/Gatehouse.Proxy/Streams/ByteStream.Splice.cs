using Gatehouse.Linux.Sockets;

namespace Gatehouse.Proxy.Streams;

/// <summary>For what passes in bulk: bytes that are moved within the kernel, which is for connections in plain, and being left in peace while they have nowhere to go.</summary>
internal sealed partial class ByteStream
{
    /// <summary>Moves into an empty pipe what has come; outcomes as of a read. Into one that holds something it would be unclear whether EAGAIN speaks of the socket or of the pipe.</summary>
    public int MoveInto(Pipe pipe) => MoveInto(pipe, pipe.Capacity);

    /// <summary>The same, and not more than so many bytes.</summary>
    public int MoveInto(Pipe pipe, int most)
    {
        var count = PipeCalls.Splice(Fd, pipe.WriteEnd, most);
        if (count <= 0) return ReceiveNothing(count);
        BytesIn += count;
        pipe.Bytes = count;
        return count;
    }

    /// <summary>Moves out of a pipe what the peer takes. Whether that was all.</summary>
    public bool MoveFrom(Pipe pipe)
    {
        while (pipe.Bytes > 0 && CanWrite)
        {
            var count = PipeCalls.Splice(pipe.ReadEnd, Fd, pipe.Bytes);
            if (count > 0)
            {
                BytesOut += count;
                pipe.Bytes -= count;
            }
            else if (count == 0 || IsAgain(count)) CanWrite = false;
            else Break(count);
        }

        return pipe.Bytes == 0;
    }

    /// <summary>Is not told of bytes that come, of which each packet would wake the loop; of the end and of resets it still is.</summary>
    public void PauseReads() => Loop.Change(Fd, _slot, Watched & ~EpollEvents.In);

    /// <summary>Is told again, also of what came meanwhile.</summary>
    public void ResumeReads() => Loop.Change(Fd, _slot, Watched);
}
