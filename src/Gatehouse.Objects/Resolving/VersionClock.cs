namespace Gatehouse.Objects.Resolving;

/// <summary>
/// Numbers that only grow: microseconds since 1970, or one more than the last number when the clock stands or goes back. So versions stay ordered over a restart,
/// over a store that was restored from a copy, and over a clock that was set back (once <see cref="Witness"/> has seen the versions that were written down).
/// </summary>
/// <remarks>Safe for any thread. Stays below 2^53, so that every JSON reader keeps it whole.</remarks>
public sealed class VersionClock(TimeProvider time)
{
    private long _last;

    /// <summary>A number greater than all before, and than all witnessed.</summary>
    public long Next()
    {
        var now = (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        while (true)
        {
            var last = Volatile.Read(ref _last);
            var next = Math.Max(last + 1, now);
            if (Interlocked.CompareExchange(ref _last, next, last) == last) return next;
        }
    }

    /// <summary>Takes note of a number that was given earlier.</summary>
    public void Witness(long version)
    {
        var last = Volatile.Read(ref _last);
        while (version > last)
        {
            var seen = Interlocked.CompareExchange(ref _last, version, last);
            if (seen == last) return;
            last = seen;
        }
    }
}
