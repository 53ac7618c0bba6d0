using System.Runtime.CompilerServices;

namespace Gatehouse.Linux.Sockets;

/// <summary>Pipes through which the kernel moves bytes from one socket to another without their being copied (splice(2)). Calls return what they did or the negative error number.</summary>
public static unsafe class PipeCalls
{
    private const int NonBlocking = 0x800;
    private const int SetSize = 1031;
    private const int GetSize = 1032;
    private const int SmallestAsked = 64 * 1024;
    private const uint Move = 1;
    private const uint NonBlock = 2;

    /// <summary>
    /// Opens a pipe. What it holds at most, in bytes, or the negative error number. Who is not privileged gets no more than fs.pipe-max-size for each and fs.pipe-user-pages-soft for all;
    /// it is then asked for less (pipe(7)).
    /// </summary>
    /// <param name="size">What is asked for.</param>
    /// <param name="readEnd">Read from here.</param>
    /// <param name="writeEnd">Written to here.</param>
    public static int Open(int size, out int readEnd, out int writeEnd)
    {
        var pair = stackalloc int[2];
        var outcome = SocketLibrary.Outcome(SocketLibrary.Pipe(pair, NonBlocking | Native.Libc.OpenCloseOnExec));
        (readEnd, writeEnd) = outcome < 0 ? (-1, -1) : (pair[0], pair[1]);
        if (outcome < 0) return outcome;
        for (var asked = size; asked >= SmallestAsked; asked /= 4)
        {
            if (SocketLibrary.FileControl(writeEnd, SetSize, asked) >= 0) break;
        }

        return SocketLibrary.Outcome(SocketLibrary.FileControl(writeEnd, GetSize, 0));
    }

    /// <summary>Moves bytes from a socket into a pipe or the other way round. 0 is the end of the socket's stream; EAGAIN: there is nothing, or no room.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Splice(int from, int to, int length) =>
        SocketLibrary.Outcome(SocketLibrary.Splice(from, null, to, null, (nuint)length, Move | NonBlock));
}
