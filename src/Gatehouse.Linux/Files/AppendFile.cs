using Gatehouse.Linux.Sockets;

namespace Gatehouse.Linux.Files;

/// <summary>A file that several processes append to: the kernel puts each write behind all others (open(2), O_APPEND), which .NET's own append mode does not ask for.</summary>
public static unsafe class AppendFile
{
    private const int Mode = 0x1A0; // rw-r-----

    /// <summary>Opens a file, and makes it if there is none. The descriptor, closed on exec, or the negative error number.</summary>
    public static int Open(string path)
    {
        using var handle = Native.Libc.Open(path, Native.Libc.OpenWriteOnly | Native.Libc.OpenCreate | Native.Libc.OpenAppend | Native.Libc.OpenCloseOnExec, Mode);
        if (handle.IsInvalid) return -Native.Libc.LastErrno;
        var descriptor = (int)handle.DangerousGetHandle();
        handle.SetHandleAsInvalid();
        return descriptor;
    }

    /// <summary>Writes as much as the kernel takes. The count, or the negative error number.</summary>
    public static int Write(int fd, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            return SocketLibrary.Outcome(SocketLibrary.Write(fd, start, (nuint)bytes.Length));
        }
    }
}
