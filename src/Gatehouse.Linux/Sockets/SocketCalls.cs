using System.Runtime.CompilerServices;

namespace Gatehouse.Linux.Sockets;

/// <summary>
/// The calls of event loops on non-blocking sockets, by raw descriptor. They return a count or the negative error number, since EAGAIN, EINTR and ECONNRESET are outcomes there;
/// they allocate nothing and throw nothing.
/// </summary>
public static unsafe class SocketCalls
{
    public const int EAgain = -(int)Errno.EAGAIN;
    public const int EInterrupted = -(int)Errno.EINTR;
    public const int EInProgress = -115;
    public const int EConnectionReset = -104;

    private const int StreamSocket = 1;
    private const int DatagramSocket = 2;
    private const int NonBlocking = 0x800;
    private const int NoSignal = 0x4000;
    private const int More = 0x8000;
    private const int Peek = 2;
    private const int Tcp = 6;
    private const int NoDelay = 1;
    private const int IPv6 = 41;
    private const int OnlyV6 = 26;
    private const int ReuseAddress = 2;
    private const int SocketError = 4;
    private const int Linger = 13;
    private const int SocketType = 3;
    private const int DuplicateCloseOnExec = 1030;

    /// <summary>Whether an outcome says that this machine, and not the peer, has no descriptor, port or memory left.</summary>
    public static bool IsOwnLack(int outcome) =>
        (Errno)(-outcome) is Errno.EMFILE or Errno.ENFILE or Errno.ENOBUFS or Errno.ENOMEM or Errno.EADDRNOTAVAIL or Errno.ENOSPC;

    /// <summary>Reads. 0 is the end of the peer's stream.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Receive(int fd, Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            return SocketLibrary.Outcome(SocketLibrary.Receive(fd, start, (nuint)buffer.Length, 0));
        }
    }

    /// <summary>Looks at what could be read without taking it.</summary>
    public static int PeekAt(int fd, Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            return SocketLibrary.Outcome(SocketLibrary.Receive(fd, start, (nuint)buffer.Length, Peek));
        }
    }

    /// <summary>Writes; no signal comes when the peer is gone, but EPIPE.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Send(int fd, ReadOnlySpan<byte> buffer, bool more = false)
    {
        fixed (byte* start = buffer)
        {
            return SocketLibrary.Outcome(SocketLibrary.Send(fd, start, (nuint)buffer.Length, more ? NoSignal | More : NoSignal));
        }
    }

    /// <summary>Takes the next connection of a listener: its descriptor, non-blocking and closed on exec, and who it is from.</summary>
    public static int Accept(int listener, out SocketEndPoint peer)
    {
        var length = (uint)SocketEndPoint.Size;
        peer = default;
        fixed (SocketEndPoint* address = &peer)
        {
            return SocketLibrary.Outcome(SocketLibrary.Accept(listener, address, &length, NonBlocking | Native.Libc.OpenCloseOnExec));
        }
    }

    /// <summary>Takes the next connection of a listener of any family: its descriptor, which blocks, and is closed on exec.</summary>
    public static int AcceptBlocking(int listener) => SocketLibrary.Outcome(SocketLibrary.Accept(listener, null, null, Native.Libc.OpenCloseOnExec));

    /// <summary>A TCP socket for the family of an address.</summary>
    public static int OpenStream(in SocketEndPoint family) => Open(family, StreamSocket);

    /// <summary>A UDP socket for the family of an address.</summary>
    public static int OpenDatagram(in SocketEndPoint family) => Open(family, DatagramSocket);

    /// <summary>Begins to connect: 0 when it is done already, EINPROGRESS when the socket can be written once it is.</summary>
    public static int Connect(int fd, in SocketEndPoint address)
    {
        fixed (SocketEndPoint* to = &address)
        {
            return SocketLibrary.Outcome(SocketLibrary.Connect(fd, to, address.Length));
        }
    }

    /// <summary>Gives a socket its address; an IPv6 one takes no IPv4. UDP addresses are not reused: whoever bound one last would take the packets of the first.</summary>
    public static int Bind(int fd, in SocketEndPoint address)
    {
        if (!IsDatagram(fd)) _ = SetOption(fd, Native.Libc.SolSocket, ReuseAddress, 1);
        if (address.IsV6) _ = SetOption(fd, IPv6, OnlyV6, 1);
        fixed (SocketEndPoint* own = &address)
        {
            return SocketLibrary.Outcome(SocketLibrary.Bind(fd, own, address.Length));
        }
    }

    /// <summary>Makes a bound TCP socket a listener.</summary>
    /// <param name="fd">The socket.</param>
    /// <param name="backlog">Connections that wait to be accepted; the kernel takes no more than net.core.somaxconn.</param>
    public static int Listen(int fd, int backlog) => SocketLibrary.Outcome(SocketLibrary.Listen(fd, backlog));

    /// <summary>Ends what is written to the peer; it can still be read from.</summary>
    public static int ShutdownSend(int fd) => SocketLibrary.Outcome(SocketLibrary.Shutdown(fd, 1));

    /// <summary>Closes a descriptor.</summary>
    public static void Close(int fd) => _ = SocketLibrary.Close(fd);

    /// <summary>Closes a connection with a reset, so that the peer takes what it got for cut off.</summary>
    public static void Reset(int fd)
    {
        var off = stackalloc int[2] { 1, 0 };
        _ = SocketLibrary.SetOption(fd, Native.Libc.SolSocket, Linger, off, 8);
        _ = SocketLibrary.Close(fd);
    }

    /// <summary>Where a socket is bound.</summary>
    public static int LocalAddress(int fd, out SocketEndPoint address)
    {
        var length = (uint)SocketEndPoint.Size;
        address = default;
        fixed (SocketEndPoint* own = &address)
        {
            return SocketLibrary.Outcome(SocketLibrary.LocalAddress(fd, own, &length));
        }
    }

    /// <summary>Whether it is a UDP socket.</summary>
    public static bool IsDatagram(int fd)
    {
        int type;
        uint length = sizeof(int);
        return SocketLibrary.GetOption(fd, Native.Libc.SolSocket, SocketType, &type, &length) == 0 && type == DatagramSocket;
    }

    /// <summary>Another descriptor of the same, closed on exec; or the negative error number.</summary>
    public static int Duplicate(int fd) => SocketLibrary.Outcome(SocketLibrary.FileControl(fd, DuplicateCloseOnExec, 0));

    /// <summary>What became of connecting: 0, or the negative error number.</summary>
    public static int TakeError(int fd)
    {
        int error;
        uint length = sizeof(int);
        var outcome = SocketLibrary.Outcome(SocketLibrary.GetOption(fd, Native.Libc.SolSocket, SocketError, &error, &length));
        return outcome < 0 ? outcome : -error;
    }

    /// <summary>Sends small pieces at once (TCP_NODELAY).</summary>
    public static void SendAtOnce(int fd) => _ = SetOption(fd, Tcp, NoDelay, 1);

    /// <summary>Bounds how long a socket that blocks waits to receive and to send; then EAGAIN.</summary>
    public static void LimitWaits(int fd, TimeSpan most)
    {
        var time = stackalloc long[2] { (long)most.TotalSeconds, most.Ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond };
        _ = SocketLibrary.SetOption(fd, Native.Libc.SolSocket, Native.Libc.SoReceiveTimeout, time, 16);
        _ = SocketLibrary.SetOption(fd, Native.Libc.SolSocket, Native.Libc.SoSendTimeout, time, 16);
    }

    /// <summary>
    /// Gives a socket room for so many bytes that wait to be read. Who is not privileged gets no more than net.core.rmem_max. The kernel counts twice as many as are asked for, since what it
    /// keeps for a packet counts too (socket(7)).
    /// </summary>
    public static void GrowReceiveBuffer(int fd, int bytes)
    {
        if (SetOption(fd, Native.Libc.SolSocket, Native.Libc.SoReceiveBufferForce, bytes) < 0) _ = SetOption(fd, Native.Libc.SolSocket, Native.Libc.SoReceiveBuffer, bytes);
    }

    /// <summary>A counter that wakes a loop when another thread writes to it; non-blocking.</summary>
    public static int OpenEvent() => SocketLibrary.Outcome(SocketLibrary.EventFd(0, NonBlocking | Native.Libc.OpenCloseOnExec));

    /// <summary>Wakes whoever waits for the event.</summary>
    public static void SignalEvent(int fd)
    {
        var one = 1UL;
        _ = SocketLibrary.Write(fd, (byte*)&one, sizeof(ulong));
    }

    /// <summary>Takes the event back.</summary>
    public static void ClearEvent(int fd)
    {
        ulong count;
        _ = SocketLibrary.Read(fd, (byte*)&count, sizeof(ulong));
    }

    private static int Open(in SocketEndPoint family, int type) =>
        SocketLibrary.Outcome(SocketLibrary.Socket(family.IsV6 ? Native.Libc.AfInet6 : Native.Libc.AfInet, type | NonBlocking | Native.Libc.OpenCloseOnExec, 0));

    private static int SetOption(int fd, int level, int name, int value) => SocketLibrary.Outcome(SocketLibrary.SetOption(fd, level, name, &value, sizeof(int)));
}
