using System.Text.RegularExpressions;
using Gatehouse.Proxy.Configuration.Form;

namespace Gatehouse.Proxy.Configuration.Yaml;

/// <summary>
/// What a scalar without quotes is to readers of YAML 1.1 and 1.2 (YAML 1.2.2 §10.3; the types of 1.1: bool, int, float, null, timestamp). They do not agree, and people do not know it:
/// <c>no</c>, <c>010</c>, <c>1:30</c> and <c>1_000</c> are something else to each. So what is ambiguous is refused with what to write instead.
/// </summary>
internal static partial class PlainScalar
{
    /// <summary>Null when it is text to every reader; else what else it can be.</summary>
    public static string? NotText(string text) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => "nothing (null)",
        "true" or "True" or "TRUE" or "false" or "False" or "FALSE" => "a truth value",
        "yes" or "Yes" or "YES" or "no" or "No" or "NO" or "on" or "On" or "ON" or "off" or "Off" or "OFF" or "y" or "Y" or "n" or "N" => "a truth value to some readers",
        "<<" or "=" => "a sign with a meaning of its own",
        _ when !char.IsAsciiDigit(text[0]) && text[0] is not ('+' or '-' or '.') => null,
        _ when Number().IsMatch(text) => "a number",
        _ when Sexagesimal().IsMatch(text) => "a number in base 60 to some readers",
        _ when Date().IsMatch(text) => "a date to some readers",
        _ => null,
    };

    /// <summary>Null for digits as everybody reads them; else why not.</summary>
    public static string? NotDecimal(string text) => text switch
    {
        _ when Decimal().IsMatch(text) => null,
        _ when Octal().IsMatch(text) => $"{Shown.Value(text)} is a number in base 8 to some readers and in base 10 to others: write it without the 0 in front",
        _ when Based().IsMatch(text) => $"{Shown.Value(text)} is not in base 10: write it in digits",
        _ when Sexagesimal().IsMatch(text) => $"{Shown.Value(text)} is a number in base 60 to some readers: write it in digits, or with a unit",
        _ when Grouped().IsMatch(text) => $"{Shown.Value(text)} is a number to some readers and text to others: write '{text.Replace("_", "", StringComparison.Ordinal).Replace(",", "", StringComparison.Ordinal)}'",
        _ => "",
    };

    /// <summary>People write host names with an asterisk; YAML takes it for an alias.</summary>
    public static string LostAlias(string name) => name.StartsWith('.') || name.StartsWith('*')
        ? $"to YAML an alias begins here; a name with an asterisk must be in quotes: \"*{name}\""
        : $"*{name} is an alias, and no &{name} stands before it; if text is meant, write it in quotes";

    [GeneratedRegex(@"^[-+]?(0|[1-9][0-9]*)$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Decimal();

    [GeneratedRegex(@"^[-+]?0[0-9_]+$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Octal();

    [GeneratedRegex(@"^[-+]?0(x[0-9A-Fa-f_]+|o[0-7_]+|b[01_]+)$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Based();

    [GeneratedRegex(@"^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Sexagesimal();

    [GeneratedRegex(@"^[-+]?[0-9]{1,3}([_,][0-9]{3})+$|^[-+]?[0-9]+(_[0-9]+)+$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Grouped();

    [GeneratedRegex(@"^[-+]?(0x[0-9A-Fa-f_]+|0o[0-7_]+|0b[01_]+|[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|\.[0-9][0-9_]*([eE][-+]?[0-9]+)?|\.(inf|Inf|INF)|\.(nan|NaN|NAN))$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Number();

    [GeneratedRegex(@"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Date();
}
