using System.Diagnostics.CodeAnalysis;

namespace Gatehouse.Objects.Selectors;

/// <summary>A label selector in Kubernetes' text form: <c>a=b</c>, <c>a!=b</c>, <c>a in (b,c)</c>, <c>a notin (b,c)</c>, <c>a</c>, <c>!a</c>, joined by commas.</summary>
public sealed class LabelSelector
{
    private readonly IReadOnlyList<Requirement> _requirements;

    private LabelSelector(IReadOnlyList<Requirement> requirements) => _requirements = requirements;

    /// <summary>Matches everything.</summary>
    public static LabelSelector Everything { get; } = new([]);

    /// <summary>Whether there is no requirement.</summary>
    public bool IsEverything => _requirements.Count == 0;

    /// <summary>Reads a selector; null and empty select everything.</summary>
    /// <param name="fault">What is wrong, with the place; null when it is right.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out LabelSelector? selector, [NotNullWhen(false)] out string? fault)
    {
        var reader = new Reader(text ?? "");
        List<Requirement> requirements = [];
        selector = null;
        reader.SkipSpace();
        while (!reader.AtEnd)
        {
            if (!reader.TryReadRequirement(out var requirement, out fault)) return false;
            requirements.Add(requirement.Value);
            reader.SkipSpace();
            if (reader.AtEnd) break;
            if (!reader.TryTake(','))
            {
                fault = reader.Expected("',' or the end");
                return false;
            }

            reader.SkipSpace();
            if (reader.AtEnd)
            {
                fault = reader.Expected("a label after ','");
                return false;
            }
        }

        fault = null;
        selector = requirements.Count == 0 ? Everything : new LabelSelector(requirements);
        return true;
    }

    /// <summary>Whether labels match; null stands for none.</summary>
    public bool Matches(IReadOnlyDictionary<string, string>? labels)
    {
        foreach (var requirement in _requirements)
        {
            if (!requirement.Matches(labels)) return false;
        }

        return true;
    }

    private enum Operator
    {
        In,
        NotIn,
        Exists,
        Absent,
    }

    private readonly record struct Requirement(string Key, Operator Operator, string[] Values)
    {
        public bool Matches(IReadOnlyDictionary<string, string>? labels)
        {
            string? value = null;
            labels?.TryGetValue(Key, out value);
            return Operator switch
            {
                Operator.In => value is not null && Values.Contains(value, StringComparer.Ordinal),
                Operator.NotIn => value is null || !Values.Contains(value, StringComparer.Ordinal),
                Operator.Exists => value is not null,
                _ => value is null,
            };
        }
    }

    private ref struct Reader(string text)
    {
        private int _at;

        public readonly bool AtEnd => _at >= text.Length;

        public void SkipSpace()
        {
            while (!AtEnd && text[_at] == ' ') _at++;
        }

        public bool TryTake(char c)
        {
            if (AtEnd || text[_at] != c) return false;
            _at++;
            return true;
        }

        public readonly string Expected(string what) => $"'{text}' at {_at}: expected {what}";

        public bool TryReadRequirement([NotNullWhen(true)] out Requirement? requirement, [NotNullWhen(false)] out string? fault)
        {
            requirement = null;
            var absent = TryTake('!');
            SkipSpace();
            var key = ReadWord();
            if (!Names.IsQualified(key))
            {
                fault = key.Length == 0 ? Expected("a label's key") : $"'{key}' is no label key: {Names.QualifiedRule}";
                return false;
            }

            SkipSpace();
            if (absent) requirement = new Requirement(key, Operator.Absent, []);
            else if (AtEnd || text[_at] == ',') requirement = new Requirement(key, Operator.Exists, []);
            if (requirement is null) return TryReadComparison(key, out requirement, out fault);
            fault = null;
            return true;
        }

        private bool TryReadComparison(string key, [NotNullWhen(true)] out Requirement? requirement, [NotNullWhen(false)] out string? fault)
        {
            requirement = null;
            string[] values;
            Operator comparison;
            if (TryTake('!'))
            {
                fault = TryTake('=') ? null : Expected("'=' after '!'");
                (comparison, values) = (Operator.NotIn, [ReadValue()]);
            }
            else if (TryTake('='))
            {
                TryTake('=');
                fault = null;
                (comparison, values) = (Operator.In, [ReadValue()]);
            }
            else
            {
                var word = ReadWord();
                comparison = word == "in" ? Operator.In : Operator.NotIn;
                values = [];
                fault = word is "in" or "notin" ? ReadSet(out values) : Expected("one of '=', '==', '!=', 'in', 'notin'");
            }

            fault ??= values.FirstOrDefault(static v => !Names.IsLabelValue(v)) is { } bad ? $"'{bad}' is no label value: {Names.LabelValueRule}" : null;
            if (fault is not null) return false;
            requirement = new Requirement(key, comparison, values);
            return true;
        }

        private string? ReadSet(out string[] values)
        {
            values = [];
            List<string> read = [];
            SkipSpace();
            if (!TryTake('(')) return Expected("'(' with values");
            do
            {
                read.Add(ReadValue());
                SkipSpace();
            }
            while (TryTake(','));
            if (!TryTake(')')) return Expected("')' after the values");
            values = [.. read];
            return null;
        }

        private string ReadValue()
        {
            SkipSpace();
            return ReadWord();
        }

        private string ReadWord()
        {
            var start = _at;
            while (!AtEnd && text[_at] is not (' ' or ',' or '=' or '!' or '(' or ')')) _at++;
            return text[start.._at];
        }
    }
}
