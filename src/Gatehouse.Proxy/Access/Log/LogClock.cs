using System.Globalization;

namespace Gatehouse.Proxy.Access.Log;

/// <summary>Milliseconds of a loop's clock as dates. The clock on the wall is read once for each time the loop woke up, and a second is written once.</summary>
internal sealed class LogClock(TimeProvider time)
{
    private const long OffsetLifeMilliseconds = 60_000; // Time zones change their offset on whole minutes.
    private readonly byte[] _local = new byte[20];
    private readonly byte[] _utc = new byte[19];
    private long _now = -1;
    private long _epoch;
    private long _localSecond = long.MinValue;
    private long _utcSecond = long.MinValue;
    private long _offsetMinute = long.MinValue;
    private long _offsetSeconds;

    /// <summary>Milliseconds since 1970 of a moment.</summary>
    /// <param name="moment">On the loop's clock.</param>
    /// <param name="now">What the loop's clock says now.</param>
    public long Unix(long moment, long now)
    {
        if (now != _now)
        {
            _now = now;
            _epoch = time.GetUtcNow().ToUnixTimeMilliseconds() - now;
        }

        return _epoch + moment;
    }

    /// <summary>As HAProxy writes it: <c>20/Nov/2026:07:53:16</c>, local time.</summary>
    public ReadOnlySpan<byte> Local(long unix)
    {
        var minute = Math.DivRem(unix, OffsetLifeMilliseconds).Quotient;
        if (minute != _offsetMinute)
        {
            _offsetMinute = minute;
            _offsetSeconds = (long)time.LocalTimeZone.GetUtcOffset(DateTimeOffset.FromUnixTimeMilliseconds(unix)).TotalSeconds;
        }

        var second = (unix / 1_000) + _offsetSeconds;
        if (second == _localSecond) return _local;
        _localSecond = second;
        _ = DateTimeOffset.FromUnixTimeSeconds(second).TryFormat(_local, out _, "dd'/'MMM'/'yyyy':'HH':'mm':'ss", CultureInfo.InvariantCulture);
        return _local;
    }

    /// <summary>As RFC 3339 writes it, without its fraction: <c>2026-11-20T07:53:16</c>.</summary>
    public ReadOnlySpan<byte> Utc(long unix)
    {
        var second = unix / 1_000;
        if (second == _utcSecond) return _utc;
        _utcSecond = second;
        _ = DateTimeOffset.FromUnixTimeSeconds(second).TryFormat(_utc, out _, "yyyy'-'MM'-'dd'T'HH':'mm':'ss", CultureInfo.InvariantCulture);
        return _utc;
    }

    /// <summary>The milliseconds behind the second, in three digits.</summary>
    public static void WriteFraction(ref LineWriter line, long unix)
    {
        var milliseconds = (int)(unix % 1_000);
        line.Write((byte)('0' + (milliseconds / 100)));
        line.Write((byte)('0' + (milliseconds / 10 % 10)));
        line.Write((byte)('0' + (milliseconds % 10)));
    }
}
