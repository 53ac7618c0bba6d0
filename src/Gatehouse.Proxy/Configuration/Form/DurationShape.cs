using System.Globalization;
using System.Text.Json.Nodes;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>A span of time: <c>500ms</c>, <c>10s</c>, <c>5m</c>, <c>1h</c>.</summary>
/// <param name="never">Whether <c>0</c> may be written, for never.</param>
internal sealed class DurationShape(TimeSpan most, bool never = true) : ScalarShape<TimeSpan>
{
    private const string Pattern = @"^([0-9]+(\.[0-9]{1,7})?(ms|s|m|h)|0)$";

    private static readonly (string Unit, long Ticks)[] Units =
    [
        ("ms", TimeSpan.TicksPerMillisecond), ("h", TimeSpan.TicksPerHour), ("m", TimeSpan.TicksPerMinute), ("s", TimeSpan.TicksPerSecond),
    ];

    public override TimeSpan Placeholder => TimeSpan.FromSeconds(1);

    public override bool StandsIn => false;

    public override string Words => $"a time such as 500ms, 10s, 5m or 1h, of at most {Format(most)}" + (never ? "; 0: never" : "");

    protected override string? Parse(string text, bool plain, out TimeSpan value)
    {
        value = default;
        if (text == "0") return null;
        foreach (var (unit, ticks) in Units)
        {
            if (!text.EndsWith(unit, StringComparison.Ordinal)) continue;
            if (!decimal.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count)) break;
            if (!char.IsAsciiDigit(text[0]) || count > TimeSpan.MaxValue.Ticks / ticks || count * ticks % 1 != 0) break;
            value = new TimeSpan((long)(count * ticks));
            return null;
        }

        return text.Length > 0 && text.All(char.IsAsciiDigit) ? $"{Shown.Value(text)} has no unit: {text}s, {text}ms, {text}m or {text}h" : Shown.NotValid(text, Words);
    }

    protected override string Format(TimeSpan value) => Text(value);

    /// <summary>In the largest unit that it is a whole number of.</summary>
    internal static string Text(TimeSpan value)
    {
        if (value == TimeSpan.Zero) return "0";
        foreach (var (unit, ticks) in (ReadOnlySpan<(string, long)>)[Units[1], Units[2], Units[3], Units[0]])
        {
            if (value.Ticks % ticks == 0) return string.Create(CultureInfo.InvariantCulture, $"{value.Ticks / ticks}{unit}");
        }

        return string.Create(CultureInfo.InvariantCulture, $"{(decimal)value.Ticks / TimeSpan.TicksPerMillisecond}ms");
    }

    /// <inheritdoc/>
    public override void Check(TimeSpan value, ConfigCheck check)
    {
        if (value < TimeSpan.Zero || value > most || (value == TimeSpan.Zero && !never)) check.Fault(Shown.NotValid(Text(value), Words));
        else if (value.Ticks % TimeSpan.TicksPerMillisecond != 0) check.Fault(Shown.NotValid(Text(value), "whole milliseconds"));
    }

    /// <inheritdoc/>
    public override JsonObject Schema(SchemaParts parts) => new()
    {
        ["anyOf"] = never
            ? new JsonArray(new JsonObject { ["type"] = "string", ["pattern"] = Pattern }, new JsonObject { ["type"] = "integer", ["const"] = 0 })
            : new JsonArray(new JsonObject { ["type"] = "string", ["pattern"] = Pattern }),
    };
}
