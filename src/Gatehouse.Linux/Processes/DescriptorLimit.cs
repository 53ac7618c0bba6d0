using System.Runtime.InteropServices;

namespace Gatehouse.Linux.Processes;

/// <summary>How many descriptors this process may open (RLIMIT_NOFILE, getrlimit(2)).</summary>
public static unsafe partial class DescriptorLimit
{
    private const int OpenFiles = 7;

    /// <summary>Raises the limit as far as this user may, and says what it is then.</summary>
    /// <param name="wanted">Descriptors.</param>
    public static long Raise(long wanted)
    {
        Limits now;
        if (Get(OpenFiles, &now) < 0) return 0;
        var count = (ulong)wanted;
        if (now.Soft >= count) return (long)Math.Min(now.Soft, long.MaxValue);
        var all = new Limits { Soft = count, Hard = Math.Max(now.Hard, count) };
        if (now.Hard >= count || Set(OpenFiles, &all) < 0)
        {
            all = new Limits { Soft = Math.Min(count, now.Hard), Hard = now.Hard };
            _ = Set(OpenFiles, &all);
        }

        return Get(OpenFiles, &now) < 0 ? 0 : (long)Math.Min(now.Soft, long.MaxValue);
    }

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int Get(int resource, Limits* limits);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int Set(int resource, Limits* limits);

    [StructLayout(LayoutKind.Sequential)]
    private struct Limits
    {
        public ulong Soft;
        public ulong Hard;
    }
}
