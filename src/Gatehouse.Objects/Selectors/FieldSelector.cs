using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Gatehouse.Objects.Selectors;

/// <summary>One comparison of a field selector.</summary>
/// <param name="Path">For example <c>spec.holder</c>.</param>
/// <param name="Equal">False for <c>!=</c>.</param>
/// <param name="Value">A field that the object lacks is the empty string.</param>
public readonly record struct FieldTerm(string Path, bool Equal, string Value);

/// <summary>A field selector in Kubernetes' text form: <c>a.b=c</c>, <c>a.b==c</c>, <c>a.b!=c</c>, joined by commas; <c>\</c> escapes <c>,</c>, <c>=</c> and itself.</summary>
public sealed class FieldSelector
{
    private FieldSelector(IReadOnlyList<FieldTerm> terms) => Terms = terms;

    /// <summary>Matches everything.</summary>
    public static FieldSelector Everything { get; } = new([]);

    /// <summary>All of them must hold.</summary>
    public IReadOnlyList<FieldTerm> Terms { get; }

    /// <summary>Whether there is no term.</summary>
    public bool IsEverything => Terms.Count == 0;

    /// <summary>Reads a selector; null and empty select everything.</summary>
    /// <param name="fault">What is wrong; null when it is right.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out FieldSelector? selector, [NotNullWhen(false)] out string? fault)
    {
        List<FieldTerm> terms = [];
        selector = null;
        fault = null;
        foreach (var part in SplitUnescaped(text ?? ""))
        {
            if (part.Length == 0) continue;
            if (!TryParseTerm(part, out var term, out fault)) return false;
            terms.Add(term);
        }

        selector = terms.Count == 0 ? Everything : new FieldSelector(terms);
        return true;
    }

    /// <summary>The paths that a kind does not offer to selectors.</summary>
    public IEnumerable<string> UnsupportedBy(KindInfo kind) =>
        Terms.Select(static t => t.Path).Where(p => p is not ("metadata.name" or "metadata.namespace") && !kind.SelectableFields.Contains(p, StringComparer.Ordinal));

    /// <summary>The value that a path must have, or null when the selector leaves it open.</summary>
    public string? Required(string path)
    {
        foreach (var term in Terms)
        {
            if (term.Equal && term.Path == path) return term.Value;
        }

        return null;
    }

    /// <summary>Whether an object matches.</summary>
    /// <param name="read">The text at a path; null or empty when there is none.</param>
    public bool Matches(Func<string, string?> read)
    {
        foreach (var term in Terms)
        {
            if (string.Equals(read(term.Path) ?? "", term.Value, StringComparison.Ordinal) != term.Equal) return false;
        }

        return true;
    }

    private static bool TryParseTerm(string part, out FieldTerm term, [NotNullWhen(false)] out string? fault)
    {
        term = default;
        var at = FindUnescaped(part, '=');
        if (at < 0)
        {
            fault = $"'{part}' is no field comparison: expected PATH=VALUE, PATH==VALUE or PATH!=VALUE";
            return false;
        }

        var negative = at > 0 && part[at - 1] == '!';
        var path = part[..(negative ? at - 1 : at)].Trim();
        var value = part[(at + 1)..];
        if (!negative && value.StartsWith('=')) value = value[1..];
        fault = path.Length == 0 ? $"'{part}' names no field" : Unescape(value, out value);
        term = new FieldTerm(path, !negative, value);
        return fault is null;
    }

    private static string? Unescape(string escaped, out string value)
    {
        value = "";
        var text = new StringBuilder(escaped.Length);
        for (var i = 0; i < escaped.Length; i++)
        {
            switch (escaped[i])
            {
                case '\\' when i + 1 < escaped.Length && escaped[i + 1] is '\\' or ',' or '=': text.Append(escaped[++i]); break;
                case '\\': return $"'{escaped}' has a '\\' that escapes none of '\\', ',', '='";
                case '=': return $"'{escaped}' has a '=' without '\\' before it";
                default: text.Append(escaped[i]); break;
            }
        }

        value = text.ToString();
        return null;
    }

    private static IEnumerable<string> SplitUnescaped(string text)
    {
        while (true)
        {
            var at = FindUnescaped(text, ',');
            yield return at < 0 ? text : text[..at];
            if (at < 0) yield break;
            text = text[(at + 1)..];
        }
    }

    private static int FindUnescaped(string text, char c)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\') i++;
            else if (text[i] == c) return i;
        }

        return -1;
    }
}
