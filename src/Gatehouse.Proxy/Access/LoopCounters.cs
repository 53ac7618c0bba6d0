using System.Runtime.CompilerServices;

namespace Gatehouse.Proxy.Access;

/// <summary>What is counted for a listener, a route, an endpoint; each uses those that mean something for it.</summary>
internal enum Counter
{
    /// <summary>Connections opened.</summary>
    Connections,

    /// <summary>Connections closed; the difference is open now.</summary>
    ConnectionsClosed,

    /// <summary>Requests, or for TCP and UDP sessions.</summary>
    Requests,

    /// <summary>Requests ended; the difference is in flight.</summary>
    RequestsEnded,
    BytesIn,
    BytesOut,
    Status1xx,
    Status2xx,
    Status3xx,
    Status4xx,
    Status5xx,

    /// <summary>Connections that could not be made.</summary>
    ConnectErrors,

    /// <summary>Responses that were none, or cut off.</summary>
    ResponseErrors,

    /// <summary>Tries again after a failure.</summary>
    Retries,

    /// <summary>Requests and connections refused for what the client sent or how much.</summary>
    Refused,

    /// <summary>Requests cut off by the client.</summary>
    Aborted,

    /// <summary>Milliseconds from the first byte of requests to the last of their responses, summed.</summary>
    Milliseconds,
    Count,
}

/// <summary>The figures of one loop. Only its thread writes them, without a lock or a shared cache line; a reader adds up those of all loops and may be a moment behind.</summary>
internal sealed class LoopCounters
{
    private const int Width = 24; // Whole cache lines for each thing.
    private long[] _values = new long[Width * 256];
    private readonly long[] _reasons = new long[256];

    /// <summary>One figure of a thing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(int thing, Counter counter, long count = 1)
    {
        var at = (thing * Width) + (int)counter;
        if (at >= _values.Length) Grow(at);
        _values[at] += count;
    }

    /// <summary>Counts a reason for which something was refused or cut off; see <see cref="RefusalReasons"/>.</summary>
    public void AddReason(int reason) => _reasons[reason]++;

    /// <summary>As of now; 0 for what was never counted here.</summary>
    public long Read(int thing, Counter counter)
    {
        var values = Volatile.Read(ref _values);
        var at = (thing * Width) + (int)counter;
        return at < values.Length ? Volatile.Read(ref values[at]) : 0;
    }

    public long ReadReason(int reason) => Volatile.Read(ref _reasons[reason]);

    /// <summary>Places that are given to other things begin at 0.</summary>
    public void Clear(IReadOnlyList<int> things)
    {
        foreach (var thing in things)
        {
            var at = thing * Width;
            if (at < _values.Length) Array.Clear(_values, at, Width);
        }
    }

    private void Grow(int at)
    {
        var larger = new long[Math.Max(_values.Length * 2, at + Width)];
        _values.CopyTo(larger, 0);
        Volatile.Write(ref _values, larger);
    }
}
