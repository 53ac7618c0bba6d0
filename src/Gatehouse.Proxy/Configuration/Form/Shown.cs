using System.Globalization;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>How messages show values that somebody else wrote.</summary>
internal static class Shown
{
    private const int Longest = 80;

    /// <summary>In quotes, in one line, and not longer than a person reads.</summary>
    public static string Value(string text)
    {
        var cut = text.Length > Longest ? string.Concat(text.AsSpan(0, Longest), "…") : text;
        return cut.Any(char.IsControl) ? $"'{string.Concat(cut.Select(c => char.IsControl(c) ? string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}") : c.ToString()))}'" : $"'{cut}'";
    }

    /// <summary><c>'VALUE' is not valid: RULE</c>.</summary>
    public static string NotValid(string value, string rule) => $"{Value(value)} is not valid: {rule}";

    /// <summary><c>a, b or c</c>.</summary>
    public static string Choice(IReadOnlyList<string> words) => words.Count < 2 ? string.Concat(words) : $"{string.Join(", ", words.SkipLast(1))} or {words[^1]}";
}
