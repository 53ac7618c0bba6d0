using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Gatehouse.Linux.Sockets;

/// <summary>A message of a <see cref="UnixChannel"/>.</summary>
/// <param name="Bytes">Its contents.</param>
/// <param name="Descriptors">Descriptors that came with it; whoever takes the message owns them.</param>
public sealed record ChannelMessage(byte[] Bytes, IReadOnlyList<SafeFileHandle> Descriptors)
{
    /// <summary>Closes the descriptors, for nobody wants them.</summary>
    public void Refuse()
    {
        foreach (var descriptor in Descriptors) descriptor.Dispose();
    }
}

/// <summary>
/// Messages with descriptors between two processes over a Unix stream socket (unix(7), SCM_RIGHTS). Calls wait until they are done. One thread may receive while others send; those take
/// turns. It may be disposed of from any thread: whoever waits in it is told that the other end is gone.
/// </summary>
public sealed unsafe class UnixChannel : IDisposable
{
    /// <summary>Descriptors that one message may carry; the kernel takes 253.</summary>
    public const int MostDescriptors = 250;

    /// <summary>Bytes that one message may have.</summary>
    public const int LongestMessage = 256 << 20;

    private const int HeaderLength = 8;
    private const int Unix = 1;
    private const int Stream = 1;
    private const int NoSignal = 0x4000;
    private const int CloseDescriptorsOnExec = 0x40000000;
    private const int ControlTruncated = 8;
    private const int Rights = 1;
    private const int ControlHeader = 16;

    private const int FirstPiece = 1 << 20;
    private const int PathOffset = 2;
    private const int LongestPath = 107;

    private readonly Lock _sending = new();
    private readonly SafeHandle _handle;
    private readonly int _longest;
    private int _disposed;

    /// <param name="handle">A connected Unix stream socket that blocks; the channel owns it.</param>
    /// <param name="longest">Bytes of a message that is received; a longer one is refused before it is read.</param>
    public UnixChannel(SafeHandle handle, int longest = LongestMessage) => (_handle, _longest) = (handle, longest);

    /// <summary>Two ends of a channel: one to keep, the other for a child.</summary>
    /// <exception cref="LinuxException"/>
    public static (UnixChannel Own, SafeFileHandle Other) Pair()
    {
        var pair = stackalloc int[2];
        if (SocketLibrary.SocketPair(Unix, Stream | Native.Libc.SockCloseOnExec, 0, pair) < 0) throw new LinuxException("socketpair", Marshal.GetLastSystemError());
        return (new UnixChannel(new SafeFileHandle(pair[0], ownsHandle: true)), new SafeFileHandle(pair[1], ownsHandle: true));
    }

    /// <summary>Connects to whoever listens at a path. Null: nobody does.</summary>
    /// <exception cref="LinuxException">The path is too long, or this user may not.</exception>
    public static UnixChannel? Connect(string path)
    {
        var act = $"connecting to {path}";
        var socket = OpenSocket(act, flags: 0);
        var address = stackalloc byte[PathOffset + LongestPath + 1];
        var length = WriteAddress(act, path, address);
        var fd = (int)socket.DangerousGetHandle();
        int outcome;
        do outcome = SocketLibrary.Outcome(SocketLibrary.Connect(fd, (SocketEndPoint*)address, length));
        while (outcome == SocketCalls.EInterrupted);
        if (outcome >= 0) return new UnixChannel(socket);
        socket.Dispose();
        const int refused = 111;
        const int noSocket = 20; // ENOTDIR: a part of the path is a file.
        return -outcome is (int)Errno.ENOENT or refused or noSocket ? null : throw new LinuxException(act, -outcome);
    }

    /// <summary>Listens at a path, which only this user may connect to. The socket does not block; what stood at the path is gone.</summary>
    /// <exception cref="LinuxException"/>
    public static SafeFileHandle Listen(string path)
    {
        var act = $"listening at {path}";
        var address = stackalloc byte[PathOffset + LongestPath + 1];
        var length = WriteAddress(act, path, address);
        var socket = OpenSocket(act, Native.Libc.OpenNonBlocking);
        File.Delete(path);
        var fd = (int)socket.DangerousGetHandle();
        var bound = SocketLibrary.Outcome(SocketLibrary.Bind(fd, (SocketEndPoint*)address, length));
        if (bound >= 0)
        {
            // Nobody can connect before it listens, and nobody else after it has its mode.
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            bound = SocketCalls.Listen(fd, 16);
        }

        if (bound >= 0) return socket;
        socket.Dispose();
        throw new LinuxException(act, -bound);
    }

    /// <summary>Sends a message. False: the other end is gone.</summary>
    public bool Send(ReadOnlySpan<byte> message, ReadOnlySpan<int> descriptors = default)
    {
        if (message.Length > LongestMessage) throw new ArgumentException($"at most {LongestMessage} bytes", nameof(message));
        if (descriptors.Length > MostDescriptors) throw new ArgumentException($"at most {MostDescriptors} descriptors", nameof(descriptors));
        Span<byte> header = stackalloc byte[HeaderLength];
        BinaryPrimitives.WriteInt32LittleEndian(header, message.Length);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], descriptors.Length);
        lock (_sending)
        {
            if (!TryUse(out var fd)) return false;
            try
            {
                return SendHeader(fd, header, descriptors) && SendAll(fd, message);
            }
            finally
            {
                _handle.DangerousRelease();
            }
        }
    }

    /// <summary>Waits for the next message. Null: the other end is gone, perhaps in the middle of one.</summary>
    /// <exception cref="InvalidDataException">The other end does not speak this.</exception>
    public ChannelMessage? Receive()
    {
        if (!TryUse(out var fd)) return null;
        List<SafeFileHandle> descriptors = [];
        var isWhole = false;
        try
        {
            Span<byte> header = stackalloc byte[HeaderLength];
            if (!ReceiveHeader(fd, header, descriptors)) return null;
            var length = BinaryPrimitives.ReadInt32LittleEndian(header);
            var count = BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
            if (length < 0 || length > _longest || count != descriptors.Count) throw new InvalidDataException($"a message of {length} bytes with {descriptors.Count} of {count} descriptors");
            if (ReceiveBody(fd, length) is not { } bytes) return null;
            isWhole = true;
            return new ChannelMessage(bytes, descriptors);
        }
        finally
        {
            if (!isWhole) descriptors.ForEach(static d => d.Dispose());
            _handle.DangerousRelease();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;

        // Whoever waits in it wakes up; the descriptor is closed when the last has.
        _ = SocketLibrary.Shutdown((int)_handle.DangerousGetHandle(), 2);
        _handle.Dispose();
    }

    /// <summary>The descriptor, which is to be released after its use: until then no other can get its number.</summary>
    private bool TryUse(out int fd)
    {
        fd = -1;
        try
        {
            var taken = false;
            _handle.DangerousAddRef(ref taken);
        }
        catch (ObjectDisposedException)
        {
            return false;
        }

        fd = (int)_handle.DangerousGetHandle();
        return true;
    }

    private static SafeFileHandle OpenSocket(string act, int flags)
    {
        var fd = SocketLibrary.Outcome(SocketLibrary.Socket(Unix, Stream | Native.Libc.SockCloseOnExec | flags, 0));
        return fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : throw new LinuxException(act, -fd);
    }

    /// <summary>struct sockaddr_un (unix(7)); its length.</summary>
    private static uint WriteAddress(string act, string path, byte* address)
    {
        var name = Encoding.UTF8.GetBytes(path);
        if (name.Length is 0 or > LongestPath) throw new LinuxException(act, Errno.ENAMETOOLONG, $"the path of a Unix socket has 1 to {LongestPath} bytes");
        *(ushort*)address = Unix;
        name.CopyTo(new Span<byte>(address + PathOffset, LongestPath));
        address[PathOffset + name.Length] = 0;
        return (uint)(PathOffset + name.Length + 1);
    }

    private static bool SendHeader(int fd, Span<byte> header, ReadOnlySpan<int> descriptors)
    {
        var dataLength = descriptors.Length * sizeof(int);
        var control = stackalloc byte[ControlHeader + (MostDescriptors * sizeof(int)) + 8];
        *(nuint*)control = (nuint)(ControlHeader + dataLength);
        *(int*)(control + 8) = Native.Libc.SolSocket;
        *(int*)(control + 12) = Rights;
        descriptors.CopyTo(new Span<int>(control + ControlHeader, descriptors.Length));
        fixed (byte* start = header)
        {
            var vector = new IoVector { Start = start, Length = (nuint)header.Length };
            var message = new MessageHeader { Vectors = &vector, VectorCount = 1 };
            if (descriptors.Length > 0)
            {
                message.Control = control;
                message.ControlLength = (nuint)((ControlHeader + dataLength + 7) & ~7);
            }

            int sent;
            do sent = SocketLibrary.Outcome(SocketLibrary.SendMessage(fd, &message, NoSignal));
            while (sent == SocketCalls.EInterrupted);
            return sent > 0 && SendAll(fd, header[sent..]);
        }
    }

    private static bool SendAll(int fd, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var sent = SocketCalls.Send(fd, bytes);
            if (sent == SocketCalls.EInterrupted) continue;
            if (sent <= 0) return false;
            bytes = bytes[sent..];
        }

        return true;
    }

    private static bool ReceiveHeader(int fd, Span<byte> header, List<SafeFileHandle> descriptors)
    {
        var control = stackalloc byte[ControlHeader + (MostDescriptors * sizeof(int)) + 8];
        fixed (byte* start = header)
        {
            var vector = new IoVector { Start = start, Length = (nuint)header.Length };
            var message = new MessageHeader { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = ControlHeader + (MostDescriptors * sizeof(int)) + 8 };
            int count;
            do count = SocketLibrary.Outcome(SocketLibrary.ReceiveMessage(fd, &message, CloseDescriptorsOnExec));
            while (count == SocketCalls.EInterrupted);
            if (count <= 0) return false;
            TakeDescriptors(message, descriptors);
            if ((message.Flags & ControlTruncated) != 0) throw new InvalidDataException("descriptors were lost: this process may open no more");
            return ReceiveAll(fd, header[count..]);
        }
    }

    private static void TakeDescriptors(in MessageHeader message, List<SafeFileHandle> descriptors)
    {
        if (message.ControlLength < ControlHeader) return;
        var length = (int)*(nuint*)message.Control - ControlHeader;
        if (*(int*)(message.Control + 8) != Native.Libc.SolSocket || *(int*)(message.Control + 12) != Rights) return;
        foreach (var fd in new ReadOnlySpan<int>(message.Control + ControlHeader, length / sizeof(int))) descriptors.Add(new SafeFileHandle(fd, ownsHandle: true));
    }

    /// <summary>Room is made as bytes come, for a length alone is easily said.</summary>
    private static byte[]? ReceiveBody(int fd, int length)
    {
        var bytes = new byte[Math.Min(length, FirstPiece)];
        for (var have = 0; ;)
        {
            if (!ReceiveAll(fd, bytes.AsSpan(have))) return null;
            if (bytes.Length == length) return bytes;
            have = bytes.Length;
            Array.Resize(ref bytes, (int)Math.Min(length, have * 2L));
        }
    }

    private static bool ReceiveAll(int fd, Span<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var count = SocketCalls.Receive(fd, bytes);
            if (count == SocketCalls.EInterrupted) continue;
            if (count <= 0) return false;
            bytes = bytes[count..];
        }

        return true;
    }
}
