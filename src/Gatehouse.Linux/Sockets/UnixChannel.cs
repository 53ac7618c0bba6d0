using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Gatehouse.Linux.Sockets;

/// <summary>A message of a <see cref="UnixChannel"/>.</summary>
/// <param name="Bytes">Its contents.</param>
/// <param name="Descriptors">Descriptors that came with it; whoever takes the message owns them.</param>
public sealed record ChannelMessage(byte[] Bytes, IReadOnlyList<SafeFileHandle> Descriptors);

/// <summary>
/// Messages with descriptors between two processes over a Unix stream socket (unix(7), SCM_RIGHTS). Calls wait until they are done. One thread may receive while others send; those take
/// turns.
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

    private readonly Lock _sending = new();
    private readonly SafeHandle _handle;
    private readonly IDisposable _owner;
    private bool _disposed;

    /// <param name="handle">A connected Unix stream socket that blocks; the channel owns it.</param>
    public UnixChannel(SafeHandle handle) => (_handle, _owner) = (handle, handle);

    /// <param name="socket">A connected Unix stream socket that blocks; the channel owns it.</param>
    public UnixChannel(Socket socket) => (_handle, _owner) = (socket.SafeHandle, socket);

    private int Fd => (int)_handle.DangerousGetHandle();

    /// <summary>Two ends of a channel: one to keep, the other for a child.</summary>
    /// <exception cref="LinuxException"/>
    public static (UnixChannel Own, SafeFileHandle Other) Pair()
    {
        var pair = stackalloc int[2];
        if (SocketLibrary.SocketPair(Unix, Stream | Native.Libc.SockCloseOnExec, 0, pair) < 0) throw new LinuxException("socketpair", Marshal.GetLastSystemError());
        return (new UnixChannel(new SafeFileHandle(pair[0], ownsHandle: true)), new SafeFileHandle(pair[1], ownsHandle: true));
    }

    /// <summary>Connects to whoever listens at a path. Null: nobody does.</summary>
    public static UnixChannel? Connect(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return new UnixChannel(socket);
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
    }

    /// <summary>Listens at a path, which only this user may connect to. The socket does not block; what stood at the path is gone.</summary>
    /// <exception cref="LinuxException"/>
    public static SafeFileHandle Listen(string path)
    {
        const int pathOffset = 2;
        const int longest = 107;
        var name = System.Text.Encoding.UTF8.GetBytes(path);
        if (name.Length is 0 or > longest) throw new LinuxException($"listening at {path}", Errno.ENAMETOOLONG, $"the path of a Unix socket has at most {longest} bytes");
        var address = stackalloc byte[pathOffset + longest + 1];
        *(ushort*)address = Unix;
        name.CopyTo(new Span<byte>(address + pathOffset, longest));
        address[pathOffset + name.Length] = 0;
        var socket = new SafeFileHandle(SocketLibrary.Socket(Unix, Stream | Native.Libc.SockCloseOnExec | Native.Libc.OpenNonBlocking, 0), ownsHandle: true);
        if (socket.IsInvalid) throw new LinuxException($"listening at {path}", Marshal.GetLastSystemError());
        File.Delete(path);
        var fd = (int)socket.DangerousGetHandle();
        var bound = SocketLibrary.Outcome(SocketLibrary.Bind(fd, (SocketEndPoint*)address, (uint)(pathOffset + name.Length + 1)));
        if (bound >= 0)
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            bound = SocketCalls.Listen(fd, 16);
        }

        if (bound >= 0) return socket;
        socket.Dispose();
        throw new LinuxException($"listening at {path}", -bound);
    }

    /// <summary>Sends a message. False: the other end is gone.</summary>
    public bool Send(ReadOnlySpan<byte> message, ReadOnlySpan<int> descriptors = default)
    {
        if (message.Length > LongestMessage) throw new ArgumentException($"at most {LongestMessage} bytes", nameof(message));
        if (descriptors.Length > MostDescriptors) throw new ArgumentException($"at most {MostDescriptors} descriptors", nameof(descriptors));
        Span<byte> header = stackalloc byte[HeaderLength];
        BinaryPrimitives.WriteInt32LittleEndian(header, message.Length);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], descriptors.Length);
        lock (_sending) return SendHeader(header, descriptors) && SendAll(message);
    }

    /// <summary>Waits for the next message. Null: the other end is gone.</summary>
    /// <exception cref="InvalidDataException">The other end does not speak this.</exception>
    public ChannelMessage? Receive()
    {
        Span<byte> header = stackalloc byte[HeaderLength];
        List<SafeFileHandle> descriptors = [];
        if (!ReceiveHeader(header, descriptors)) return null;
        var length = BinaryPrimitives.ReadInt32LittleEndian(header);
        var count = BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
        if (length is < 0 or > LongestMessage || count != descriptors.Count) throw new InvalidDataException($"a message of {length} bytes with {descriptors.Count} of {count} descriptors");
        var bytes = new byte[length];
        return ReceiveAll(bytes) ? new ChannelMessage(bytes, descriptors) : null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;

        // Whoever waits in it wakes up.
        _ = SocketLibrary.Shutdown(Fd, 2);
        _owner.Dispose();
    }

    private bool SendHeader(Span<byte> header, ReadOnlySpan<int> descriptors)
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
            do sent = SocketLibrary.Outcome(SocketLibrary.SendMessage(Fd, &message, NoSignal));
            while (sent == SocketCalls.EInterrupted);
            return sent > 0 && SendAll(header[sent..]);
        }
    }

    private bool SendAll(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var sent = SocketCalls.Send(Fd, bytes);
            if (sent == SocketCalls.EInterrupted) continue;
            if (sent <= 0) return false;
            bytes = bytes[sent..];
        }

        return true;
    }

    private bool ReceiveHeader(Span<byte> header, List<SafeFileHandle> descriptors)
    {
        var control = stackalloc byte[ControlHeader + (MostDescriptors * sizeof(int)) + 8];
        fixed (byte* start = header)
        {
            var vector = new IoVector { Start = start, Length = (nuint)header.Length };
            var message = new MessageHeader { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = ControlHeader + (MostDescriptors * sizeof(int)) + 8 };
            int count;
            do count = SocketLibrary.Outcome(SocketLibrary.ReceiveMessage(Fd, &message, CloseDescriptorsOnExec));
            while (count == SocketCalls.EInterrupted);
            if (count <= 0) return false;
            TakeDescriptors(message, descriptors);
            if ((message.Flags & ControlTruncated) != 0) throw new InvalidDataException("descriptors were lost: this process may open no more");
            return ReceiveAll(header[count..]);
        }
    }

    private static void TakeDescriptors(in MessageHeader message, List<SafeFileHandle> descriptors)
    {
        if (message.ControlLength < ControlHeader) return;
        var length = (int)*(nuint*)message.Control - ControlHeader;
        if (*(int*)(message.Control + 8) != Native.Libc.SolSocket || *(int*)(message.Control + 12) != Rights) return;
        foreach (var fd in new ReadOnlySpan<int>(message.Control + ControlHeader, length / sizeof(int))) descriptors.Add(new SafeFileHandle(fd, ownsHandle: true));
    }

    private bool ReceiveAll(Span<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var count = SocketCalls.Receive(Fd, bytes);
            if (count == SocketCalls.EInterrupted) continue;
            if (count <= 0) return false;
            bytes = bytes[count..];
        }

        return true;
    }
}
