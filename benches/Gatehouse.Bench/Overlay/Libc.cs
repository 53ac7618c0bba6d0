using System.Net;
using System.Runtime.InteropServices;

namespace Gatehouse.Bench.Overlay;

/// <summary>Sockets without anything above the system calls: what the comparison measures should not be this program.</summary>
internal static unsafe partial class Libc
{
    private const int AfInet = 2;
    private const int SockStream = 1;
    private const int SockCloseOnExec = 0x80000;
    private const int SolSocket = 1;
    private const int SoReuseAddress = 2;
    private const int SoLinger = 13;
    private const int SoReceiveTimeout = 20;
    private const int SoSendTimeout = 21;
    private const int ShutdownBoth = 2;

    /// <summary>A stream socket whose calls give up after some seconds and whose close resets: no port stays in TIME_WAIT.</summary>
    public static int Stream(int seconds)
    {
        var socket = Check(Socket(AfInet, SockStream | SockCloseOnExec, 0), "socket");
        var wait = stackalloc nint[] { seconds, 0 };
        var linger = stackalloc int[] { 1, 0 };
        Check(SetOption(socket, SolSocket, SoReceiveTimeout, wait, (uint)(2 * sizeof(nint))), "SO_RCVTIMEO");
        Check(SetOption(socket, SolSocket, SoSendTimeout, wait, (uint)(2 * sizeof(nint))), "SO_SNDTIMEO");
        Check(SetOption(socket, SolSocket, SoLinger, linger, 2 * sizeof(int)), "SO_LINGER");
        return socket;
    }

    /// <summary>A listening socket on all addresses.</summary>
    public static int Listener(ushort port)
    {
        var socket = Check(Socket(AfInet, SockStream | SockCloseOnExec, 0), "socket");
        var yes = 1;
        Check(SetOption(socket, SolSocket, SoReuseAddress, &yes, sizeof(int)), "SO_REUSEADDR");
        var address = Address(IPAddress.Any, port);
        Check(Bind(socket, &address, (uint)sizeof(SocketAddress4)), "bind");
        Check(Listen(socket, 4096), "listen");
        return socket;
    }

    public static bool TryConnect(int socket, IPAddress address, ushort port)
    {
        var target = Address(address, port);
        return Connect(socket, &target, (uint)sizeof(SocketAddress4)) == 0;
    }

    /// <summary>-1 when the listener was closed.</summary>
    public static int Accept(int listener) => Accept4(listener, null, null, SockCloseOnExec);

    public static bool SendByte(int socket)
    {
        byte one = 1;
        return Send(socket, &one, 1, 0x4000) == 1; // MSG_NOSIGNAL
    }

    public static bool ReceiveByte(int socket)
    {
        byte one;
        return Receive(socket, &one, 1, 0) == 1;
    }

    /// <summary>Waits until there is something to read.</summary>
    public static bool IsReadable(SafeHandle handle, TimeSpan patience)
    {
        var entry = new PollEntry { Descriptor = (int)handle.DangerousGetHandle(), Events = 1 }; // POLLIN
        return Poll(&entry, 1, (int)patience.TotalMilliseconds) > 0;
    }

    /// <summary>Wakes whoever waits in accept.</summary>
    public static void Stop(int listener) => _ = Shutdown(listener, ShutdownBoth);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int socket);

    private static SocketAddress4 Address(IPAddress address, ushort port) => new()
    {
        Family = AfInet,
        Port = (ushort)IPAddress.HostToNetworkOrder((short)port),
        Address = BitConverter.ToUInt32(address.GetAddressBytes()),
    };

    private static int Check(int result, string act) => result >= 0 ? result : throw new InvalidOperationException($"{act}: errno {Marshal.GetLastPInvokeError()}");

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int Socket(int domain, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetOption(int socket, int level, int name, void* value, uint length);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int Bind(int socket, SocketAddress4* address, uint length);

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    private static partial int Listen(int socket, int backlog);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int Connect(int socket, SocketAddress4* address, uint length);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    private static partial int Accept4(int socket, void* address, void* length, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(int socket, byte* data, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(int socket, byte* data, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    private static partial int Shutdown(int socket, int how);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(PollEntry* entries, nuint count, int milliseconds);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct SocketAddress4
    {
        public ushort Family;
        public ushort Port;
        public uint Address;
        public ulong Zero;
    }
}
