namespace Gatehouse.Api.Client;

/// <summary>Pauses between attempts: twice as long with each failure up to a bound, each spread over its upper half, so that many clients don't come back together.</summary>
/// <remarks>For one loop.</remarks>
internal sealed class Backoff(TimeSpan first, TimeSpan max, Random random)
{
    private int _failures;

    /// <summary>The pause before the next attempt.</summary>
    /// <param name="healthy">What ended now had worked: failures are counted anew.</param>
    /// <param name="atLeast">What the server asked for (Retry-After); bounded by the longest pause.</param>
    public TimeSpan Next(bool healthy, TimeSpan? atLeast = null)
    {
        if (healthy) _failures = 0;
        var whole = first * Math.Pow(2, Math.Min(_failures, 30));
        if (whole > max) whole = max;
        _failures++;
        // After a healthy time the whole range is used: a server that restarts meets its clients spread out.
        var pause = healthy ? whole * random.NextDouble() : whole * (0.5 + (random.NextDouble() / 2));
        var asked = atLeast < max ? atLeast.GetValueOrDefault() : atLeast is null ? TimeSpan.Zero : max;
        return pause > asked ? pause : asked;
    }
}
