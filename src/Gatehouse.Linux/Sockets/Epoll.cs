using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Gatehouse.Linux.Sockets;

/// <summary>What happened to a descriptor (epoll_ctl(2)).</summary>
[Flags]
public enum EpollEvents : uint
{
    None = 0,
    In = 1,
    Out = 4,
    Error = 8,
    HangUp = 0x10,

    /// <summary>The peer has shut its side down.</summary>
    PeerClosed = 0x2000,

    /// <summary>Of several that wait for one descriptor, not all are woken.</summary>
    Exclusive = 1u << 28,

    /// <summary>Told once for each change, not as long as it lasts.</summary>
    EdgeTriggered = 1u << 31,
}

/// <summary>An epoll instance (epoll(7)) of one thread. Calls return what they found or the negative error number, and allocate nothing.</summary>
public sealed unsafe class Epoll : IDisposable
{
    private const int AddOperation = 1;
    private const int RemoveOperation = 2;
    private const int ModifyOperation = 3;

    // struct epoll_event is packed on x86-64 and nowhere else.
    private static readonly int DataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
    private static readonly int EventSize = DataOffset + 8;

    private readonly int _fd;
    private readonly byte* _events;
    private readonly int _capacity;
    private bool _disposed;

    /// <param name="capacity">Events taken at once; positive.</param>
    /// <exception cref="LinuxException">EMFILE: no descriptor is left.</exception>
    public Epoll(int capacity)
    {
        _capacity = capacity;
        _fd = SocketLibrary.EpollCreate(Native.Libc.OpenCloseOnExec);
        if (_fd < 0) throw new LinuxException("epoll_create1", Marshal.GetLastSystemError());
        _events = (byte*)NativeMemory.AllocZeroed((nuint)(capacity * EventSize));
    }

    /// <summary>Watches a descriptor. 0, or the negative error number.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="events">What is told of it; errors and hang-ups always are.</param>
    /// <param name="data">Given back with each event.</param>
    public int Add(int fd, EpollEvents events, ulong data) => Control(AddOperation, fd, events, data);

    /// <summary>Changes what is told of a descriptor.</summary>
    public int Modify(int fd, EpollEvents events, ulong data) => Control(ModifyOperation, fd, events, data);

    /// <summary>Watches a descriptor no longer. A descriptor that another process holds too must be removed before it is closed.</summary>
    public int Remove(int fd) => Control(RemoveOperation, fd, EpollEvents.None, 0);

    /// <summary>Waits. The number of events; 0 after the time; -EINTR.</summary>
    /// <param name="timeoutMilliseconds">-1 waits without end, 0 not at all.</param>
    public int Wait(int timeoutMilliseconds) => SocketLibrary.Outcome(SocketLibrary.EpollWait(_fd, _events, _capacity, timeoutMilliseconds));

    /// <summary>One of the events of the last wait.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public EpollEvents Event(int index, out ulong data)
    {
        var at = _events + (index * EventSize);
        data = *(ulong*)(at + DataOffset);
        return (EpollEvents)(*(uint*)at);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _ = SocketLibrary.Close(_fd);
        NativeMemory.Free(_events);
    }

    private int Control(int operation, int fd, EpollEvents events, ulong data)
    {
        var bytes = stackalloc byte[16];
        *(uint*)bytes = (uint)events;
        *(ulong*)(bytes + DataOffset) = data;
        return SocketLibrary.Outcome(SocketLibrary.EpollControl(_fd, operation, fd, bytes));
    }
}
