using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Proxy.Configuration.Yaml;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>A whole number in a range; one of bytes may have a unit.</summary>
/// <param name="zero">What 0 means when it lies outside the range. Null: it is as any other.</param>
/// <param name="bytes">Whether <c>16KB</c> may be written.</param>
internal sealed class NumberShape<T>(T least, T most, string? zero = null, bool bytes = false) : ScalarShape<T>
    where T : struct, IBinaryInteger<T>
{
    private static readonly (string Unit, long Factor)[] Units = [("KB", 1L << 10), ("MB", 1L << 20), ("GB", 1L << 30), ("B", 1)];

    public override T Placeholder => least;

    public override bool StandsIn => false;

    public override string Words => (bytes ? $"bytes: {Range}, also as 16KB or 1MB" : $"a number: {Range}") + (zero is null ? "" : $"; 0: {zero}");

    private string Range => string.Create(CultureInfo.InvariantCulture, $"{least:N0} to {most:N0}");

    protected override string? Parse(string text, bool plain, out T value)
    {
        if (bytes && Sized(text) is { } count && T.TryParse(count.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture, out value)) return null;
        value = default;
        if (!plain) return $"{Shown.Value(text)} is text: write it without quotes; right would be {Words}";
        if (PlainScalar.NotDecimal(text) is { } problem) return problem.Length > 0 ? problem : Shown.NotValid(text, Words);
        return T.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value) ? null : Shown.NotValid(text, Words);
    }

    protected override string Format(T value) => value.ToString(null, CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public override void Check(T value, ConfigCheck check)
    {
        if ((value < least || value > most) && (zero is null || !T.IsZero(value))) check.Fault(Shown.NotValid(value.ToString(null, CultureInfo.InvariantCulture), Words));
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json, T value) => json.WriteNumberValue(long.CreateChecked(value));

    /// <inheritdoc/>
    public override T Read(ref Utf8JsonReader json, JsonState state) => T.CreateChecked(json.GetInt64());

    /// <inheritdoc/>
    public override JsonObject Schema(SchemaParts parts)
    {
        JsonObject number = new() { ["type"] = "integer", ["minimum"] = zero is null ? long.CreateChecked(least) : 0, ["maximum"] = long.CreateChecked(most) };
        return bytes ? new JsonObject { ["anyOf"] = new JsonArray(number, new JsonObject { ["type"] = "string", ["pattern"] = "^[0-9]+(B|KB|MB|GB)$" }) } : number;
    }

    /// <summary>KB is 1,024 bytes, as everywhere where buffers are meant.</summary>
    private static long? Sized(string text)
    {
        foreach (var (unit, factor) in Units)
        {
            if (!text.EndsWith(unit, StringComparison.Ordinal)) continue;
            var digits = text.AsSpan(0, text.Length - unit.Length);
            if (digits.Length > 1 && digits[0] == '0') return null;
            return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count <= long.MaxValue / factor ? count * factor : null;
        }

        return null;
    }
}

/// <summary>A truth value: <c>true</c> or <c>false</c>, and not what YAML 1.1 took for one.</summary>
internal sealed class TruthShape : ScalarShape<bool>
{
    public override bool Placeholder => false;

    public override string Words => "true or false";

    protected override string? Parse(string text, bool plain, out bool value)
    {
        value = text == "true";
        if (plain && text is "true" or "false") return null;
        return !plain ? $"{Shown.Value(text)} is text: write true or false without quotes" : Shown.NotValid(text, Words);
    }

    protected override string Format(bool value) => value ? "true" : "false";

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json, bool value) => json.WriteBooleanValue(value);

    /// <inheritdoc/>
    public override bool Read(ref Utf8JsonReader json, JsonState state) => json.GetBoolean();

    /// <inheritdoc/>
    public override JsonObject Schema(SchemaParts parts) => new() { ["type"] = "boolean" };
}
