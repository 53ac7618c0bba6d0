using System.Globalization;

namespace Gatehouse.Output;

/// <summary>Durations as people read them in tables.</summary>
internal static class Age
{
    /// <summary>The two largest units at most: <c>45s</c>, <c>12m</c>, <c>3h20m</c>, <c>5d4h</c>, <c>400d</c>.</summary>
    public static string Text(TimeSpan age) => age switch
    {
        { TotalSeconds: < 0 } => "0s",
        { TotalMinutes: < 2 } => Whole(age.TotalSeconds, "s"),
        { TotalHours: < 1 } => Whole(age.TotalMinutes, "m"),
        { TotalHours: < 10 } => $"{Whole(age.TotalHours, "h")}{Rest(age.Minutes, "m")}",
        { TotalDays: < 2 } => Whole(age.TotalHours, "h"),
        { TotalDays: < 10 } => $"{Whole(age.TotalDays, "d")}{Rest(age.Hours, "h")}",
        _ => Whole(age.TotalDays, "d"),
    };

    private static string Whole(double value, string unit) => Math.Floor(value).ToString(CultureInfo.InvariantCulture) + unit;

    private static string Rest(int value, string unit) => value == 0 ? "" : value.ToString(CultureInfo.InvariantCulture) + unit;
}
