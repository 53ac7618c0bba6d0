using System.Runtime.InteropServices;

namespace Gatehouse.Linux.Native;

/// <summary>
/// Waits for descriptors that .NET's sockets do not know: TUN devices, process handles, netlink. One thread and one epoll for
/// the process; it sleeps while nothing is asked for. Continuations run on the thread pool. Bounded by the descriptors that
/// the process may open: each wait is for one of them.
/// </summary>
internal sealed class Readiness
{
    private const int Add = 1;
    private const int Remove = 2;
    private const uint In = 1;
    private const uint OneShot = 1u << 30;
    private const int EventsAtOnce = 64;

    // struct epoll_event is packed on x86-64 and nowhere else.
    private static readonly int DataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
    private static readonly int EventSize = DataOffset + 8;

    private readonly SafeHandle _epoll;
    private readonly Dictionary<long, TaskCompletionSource> _waits = [];
    private readonly Lock _lock = new();
    private long _lastKey;

    private Readiness()
    {
        _epoll = Libc.EpollCreate(Libc.OpenCloseOnExec);
        if (_epoll.IsInvalid)
        {
            throw new LinuxException("epoll_create1", Libc.LastErrno);
        }

        new Thread(Loop) { IsBackground = true, Name = "gatehouse epoll" }.Start();
    }

    public static Readiness Shared { get; } = new();

    /// <summary>Ends when the descriptor can be read or has hung up. It is kept open meanwhile.</summary>
    /// <exception cref="OperationCanceledException"/>
    /// <exception cref="ObjectDisposedException">The descriptor is closed.</exception>
    public async Task WaitReadableAsync(SafeHandle fd, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var referenced = false;
        fd.DangerousAddRef(ref referenced);
        try
        {
            var key = Interlocked.Increment(ref _lastKey);
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (_lock)
            {
                _waits.Add(key, done);
            }

            try
            {
                if (Control(Add, fd, key) is < 0 and var errno)
                {
                    throw new LinuxException("epoll_ctl", -errno);
                }

                await done.Task.WaitAsync(cancellationToken);
            }
            finally
            {
                lock (_lock)
                {
                    _waits.Remove(key);
                }

                _ = Control(Remove, fd, key);
            }
        }
        finally
        {
            fd.DangerousRelease();
        }
    }

    private unsafe int Control(int operation, SafeHandle fd, long key)
    {
        var bytes = stackalloc byte[16];
        *(uint*)bytes = In | OneShot;
        *(long*)(bytes + DataOffset) = key;
        return Libc.EpollControl(_epoll, operation, fd, bytes) < 0 ? -Libc.LastErrno : 0;
    }

    private unsafe void Loop()
    {
        var events = stackalloc byte[EventsAtOnce * 16];
        while (true)
        {
            var count = Libc.EpollWait(_epoll, events, EventsAtOnce, -1);
            for (var i = 0; i < count; i++)
            {
                var key = *(long*)(events + (i * EventSize) + DataOffset);
                lock (_lock)
                {
                    if (_waits.TryGetValue(key, out var done))
                    {
                        done.TrySetResult();
                    }
                }
            }
        }
    }
}
