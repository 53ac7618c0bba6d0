using System.Text;
using System.Text.Json.Nodes;
using Gatehouse.Proxy.Configuration.Yaml;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>Text with a rule.</summary>
/// <param name="words">For the reference, and for who wrote something else.</param>
/// <param name="rule">Null for what is right; else what would be.</param>
/// <param name="pattern">The rule for editors, as far as a regular expression can say it.</param>
/// <param name="secret">Whether messages may not show it.</param>
/// <param name="canBeEmpty">Whether the empty text is a value.</param>
internal sealed class TextShape(string words, Func<string, string?> rule, string? pattern = null, bool secret = false, bool canBeEmpty = false) : ScalarShape<string>
{
    public override string Placeholder => "";

    public override string Words => words;

    public override bool Secret => secret;

    protected override string? Parse(string text, bool plain, out string value)
    {
        value = text;
        return plain && PlainScalar.NotText(text) is { } other ? $"{Shown.Value(text)} without quotes is {other}; if text is meant, write \"{text}\"" : null;
    }

    protected override string Format(string value) => value;

    /// <inheritdoc/>
    public override void Check(string value, ConfigCheck check)
    {
        if (string.IsNullOrEmpty(value) && !canBeEmpty) check.Fault("is required: " + words);
        else if (!IsUnicode(value)) check.Fault("is no text: it holds half of a surrogate pair");
        else if (rule(value) is { } right) check.Fault(secret ? right : Shown.NotValid(value, right));
    }

    /// <inheritdoc/>
    public override JsonObject Schema(SchemaParts parts)
    {
        var schema = new JsonObject { ["type"] = "string" };
        if (pattern is not null) schema["pattern"] = pattern;
        else if (!canBeEmpty) schema["minLength"] = 1;
        return schema;
    }

    /// <inheritdoc/>
    public override string? Show(string value) => value is null ? null : value.Length == 0 ? "empty" : value;

    /// <summary>What is no Unicode could not be stored.</summary>
    private static bool IsUnicode(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF')) return true;
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune == Rune.ReplacementChar && !text.Contains('\uFFFD', StringComparison.Ordinal)) return false;
        }

        return true;
    }
}
