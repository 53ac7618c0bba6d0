namespace Gatehouse.Objects;

/// <summary>Ages as people read them in tables: <c>12s</c>, <c>5m</c>, <c>3h</c>, <c>4d</c> (two units while small, as kubectl does).</summary>
public static class HumanDuration
{
    /// <summary>A duration as text; negative ones, of clocks that disagree, count as 0.</summary>
    public static string Of(TimeSpan duration)
    {
        var seconds = (long)Math.Max(0, duration.TotalSeconds);
        return seconds switch
        {
            < 120 => $"{seconds}s",
            < 600 => Two(seconds / 60, "m", seconds % 60, "s"),
            < 10_800 => $"{seconds / 60}m",
            < 28_800 => Two(seconds / 3600, "h", seconds / 60 % 60, "m"),
            < 172_800 => $"{seconds / 3600}h",
            < 691_200 => Two(seconds / 86_400, "d", seconds / 3600 % 24, "h"),
            < 63_072_000 => $"{seconds / 86_400}d",
            _ => Two(seconds / 31_536_000, "y", seconds / 86_400 % 365, "d"),
        };
    }

    private static string Two(long first, string unit, long second, string secondUnit) =>
        second == 0 ? $"{first}{unit}" : $"{first}{unit}{second}{secondUnit}";
}
