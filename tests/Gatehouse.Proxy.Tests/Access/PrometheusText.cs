using System.Globalization;
using System.Text.RegularExpressions;

namespace Gatehouse.Proxy.Tests.Access;

/// <summary>Reads Prometheus' text, version 0.0.4, by its rules and strictly: what is not allowed fails the test.</summary>
internal sealed partial class PrometheusText
{
    private readonly Dictionary<string, double> _series = new(StringComparer.Ordinal);

    public PrometheusText(string text)
    {
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        string? family = null;
        foreach (var line in text[..^1].Split('\n'))
        {
            if (Help().Match(line) is { Success: true } help)
            {
                family = help.Groups["name"].Value;
                Assert.True(Families.TryAdd(family, (Kind: "", Help: help.Groups["help"].Value, Labels: null)), $"{family} comes twice");
            }
            else if (Kind().Match(line) is { Success: true } kind)
            {
                Assert.Equal(family, kind.Groups["name"].Value);
                Families[family!] = Families[family!] with { Kind = kind.Groups["kind"].Value };
            }
            else
            {
                TakeSample(family, line);
            }
        }
    }

    /// <summary>Each metric with its kind, help, and the names of its labels; null when it has no series.</summary>
    public Dictionary<string, (string Kind, string Help, string? Labels)> Families { get; } = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, double> Series => _series;

    /// <summary>A series as it is written, without the common beginning.</summary>
    public double this[string series] => _series.TryGetValue("gatehouse_proxy_" + series, out var value) ? value : throw new KeyNotFoundException($"no series {series} in:\n{string.Join('\n', _series.Keys)}");

    private void TakeSample(string? family, string line)
    {
        var sample = Sample().Match(line);
        Assert.True(sample.Success, $"not a sample: {line}");
        Assert.Equal(family, sample.Groups["name"].Value);
        var labels = string.Join(' ', Label().Matches(sample.Groups["labels"].Value).Select(m => m.Groups["label"].Value));
        var known = Families[family!].Labels;
        Assert.True(known is null || known == labels, $"{family} has labels {labels} and {known}");
        Families[family!] = Families[family!] with { Labels = labels };
        Assert.True(_series.TryAdd(sample.Groups["series"].Value, double.Parse(sample.Groups["value"].Value, CultureInfo.InvariantCulture)), $"twice: {line}");
    }

    [GeneratedRegex("^# HELP (?<name>[a-z_0-9]+) (?<help>.+)$", RegexOptions.ExplicitCapture, 5_000)]
    private static partial Regex Help();

    [GeneratedRegex("^# TYPE (?<name>[a-z_0-9]+) (?<kind>counter|gauge)$", RegexOptions.ExplicitCapture, 5_000)]
    private static partial Regex Kind();

    [GeneratedRegex("""^(?<series>(?<name>[a-z_0-9]+)(\{(?<labels>[a-z]+="([^"\\\n]|\\[\\"n])*"(,[a-z]+="([^"\\\n]|\\[\\"n])*")*)\})?) (?<value>-?\d+(\.\d+)?(E[-+]\d+)?)$""", RegexOptions.ExplicitCapture, 5_000)]
    private static partial Regex Sample();

    [GeneratedRegex("""(?<label>[a-z]+)="([^"\\]|\\.)*",?""", RegexOptions.ExplicitCapture, 5_000)]
    private static partial Regex Label();
}
