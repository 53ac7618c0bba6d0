using System.Globalization;
using System.Runtime.InteropServices;

namespace Gatehouse.Bench.Proxy;

/// <summary>What the comparison asks of the kernel beside sockets.</summary>
internal static unsafe partial class Machine
{
    /// <summary>Where proxies run: the first processor.</summary>
    /// <remarks>
    /// Proxies have a processor to themselves, the load and the backend share the others. Without that the scheduler moves three busy threads over two processors, and what a
    /// request costs then says more about whose caches it found warm.
    /// </remarks>
    public static int ProxyProcessor => 0;

    /// <summary>Where the load and the backend run: the last processor.</summary>
    public static int LoadProcessor => Environment.ProcessorCount - 1;

    private const int Ahead = -10;
    private const int ProcessClock = 2; // CPUCLOCK_SCHED of linux/posix-timers.h
    private const int DescriptorLimit = 7; // RLIMIT_NOFILE
    private const int MonotonicClock = 1;
    private const int AbsoluteTime = 1;
    private const int Truncate = 0x20;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const long Nanoseconds = 1_000_000_000;

    /// <summary>
    /// User and system time of a process with all its threads, also those that ended, in nanoseconds (clock_getcpuclockid(3)); zero when it is gone. The same number as utime and
    /// stime in /proc, which are cut to ticks of 10 ms.
    /// </summary>
    public static long ProcessorNanoseconds(int process)
    {
        TimeSpec time;
        return ReadClock((~process << 3) | ProcessClock, &time) == 0 ? (time.Seconds * Nanoseconds) + time.Nanoseconds : 0;
    }

    /// <summary>The clock of timers, in nanoseconds.</summary>
    public static long Now()
    {
        TimeSpec time;
        _ = ReadClock(MonotonicClock, &time);
        return (time.Seconds * Nanoseconds) + time.Nanoseconds;
    }

    /// <summary>Runs on a thread of its own that stays on one processor.</summary>
    public static Task<T> RunOnAsync<T>(int processor, Func<T> work) => Task.Factory.StartNew(
        () =>
        {
            Pin(processor);
            return work();
        },
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);

    /// <summary>Lets this process and those that it starts open so many descriptors. False when that is not allowed.</summary>
    public static bool AllowDescriptors(ulong count)
    {
        Limit now, wanted = new() { Soft = count, Hard = count };
        if (ResourceLimit(0, DescriptorLimit, null, &now) != 0) return false;
        if (now.Hard >= count) wanted.Hard = now.Hard;
        return ResourceLimit(0, DescriptorLimit, &wanted, null) == 0;
    }

    /// <summary>A descriptor that can be read when its time has come.</summary>
    public static int OpenTimer()
    {
        var timer = CreateTimer(MonotonicClock, NonBlocking | CloseOnExec);
        return timer >= 0 ? timer : throw new InvalidOperationException($"timerfd_create: errno {Marshal.GetLastPInvokeError()}");
    }

    /// <summary>Sets the time of a timer, by <see cref="Now"/>; one that has passed comes at once.</summary>
    public static void SetTimer(int timer, long nanoseconds)
    {
        var times = stackalloc TimeSpec[2];
        times[0] = default;
        times[1] = new() { Seconds = nanoseconds / Nanoseconds, Nanoseconds = Math.Max(1, nanoseconds % Nanoseconds) };
        if (ArmTimer(timer, AbsoluteTime, times, null) != 0) throw new InvalidOperationException($"timerfd_settime: errno {Marshal.GetLastPInvokeError()}");
    }

    /// <summary>Takes bytes off a TCP socket without copying them (MSG_TRUNC, tcp(7)); as recv.</summary>
    public static int Discard(int fd, int most)
    {
        var taken = Receive(fd, null, (nuint)most, Truncate);
        return taken >= 0 ? (int)taken : -Marshal.GetLastPInvokeError();
    }

    /// <summary>Words that start a program on the proxies' processor, ahead of what else runs here where that is allowed.</summary>
    /// <remarks>
    /// Not with real-time priority, which would make rounds steadier still: a thread of .NET then span in the kernel for minutes, waiting for what only a thread with less priority on the
    /// same processor could have done, and could not even be killed.
    /// </remarks>
    public static string[] ProxyPrefix { get; } =
        ["nice", $"--adjustment={Ahead}", "taskset", "--cpu-list", ProxyProcessor.ToString(CultureInfo.InvariantCulture)];

    /// <summary>
    /// Puts the session of a process ahead of others, where that is allowed: the kernel shares processors between sessions before it looks at nice (sched(7), autogroup). Our own is put
    /// back at the end.
    /// </summary>
    public static void PutAhead(int process) => SetSession(process, Ahead);

    /// <summary>Takes that back.</summary>
    public static void PutBack(int process) => SetSession(process, 0);

    private static void SetSession(int process, int nice)
    {
        try
        {
            File.WriteAllText($"/proc/{process}/autogroup", nice.ToString(CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No such thing here, or no privilege: the rounds differ more.
        }
    }

    private static void Pin(int processor)
    {
        // Like the proxies': refused without privilege, which only makes the rounds differ more.
        _ = SetPriority(0, 0, Ahead);
        var set = stackalloc byte[128];
        new Span<byte>(set, 128).Clear();
        set[processor / 8] = (byte)(1 << (processor % 8));
        if (SetAffinity(0, 128, set) != 0) throw new InvalidOperationException($"sched_setaffinity to processor {processor}: errno {Marshal.GetLastPInvokeError()}");
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ReadClock(int clock, TimeSpec* time);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity", SetLastError = true)]
    private static partial int SetAffinity(int thread, nuint size, byte* set);

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, int who, int priority);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(int fd, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "prlimit", SetLastError = true)]
    private static partial int ResourceLimit(int process, int resource, Limit* value, Limit* old);

    [LibraryImport("libc", EntryPoint = "timerfd_create", SetLastError = true)]
    private static partial int CreateTimer(int clock, int flags);

    [LibraryImport("libc", EntryPoint = "timerfd_settime", SetLastError = true)]
    private static partial int ArmTimer(int timer, int flags, TimeSpec* value, TimeSpec* old);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Limit
    {
        public ulong Soft;
        public ulong Hard;
    }
}
