namespace Gatehouse.Bench;

/// <summary>One comparison with a peer in the same run.</summary>
/// <param name="Name">The word on the command line.</param>
/// <param name="RunAsync">Measures and adds to the report.</param>
internal sealed record Comparison(string Name, Func<BenchContext, Task> RunAsync);

/// <summary>What a comparison gets.</summary>
/// <param name="Quick">Under three minutes, fewer rounds.</param>
/// <param name="Only"><c>--only PART</c>: the one part of the overlay or proxy comparison to measure, for work on it; null for all.</param>
/// <param name="Clusters"><c>--clusters N</c>: cluster managers of the scale comparison; null for as many as the size says.</param>
/// <param name="Workers"><c>--workers N</c>: how many workers it simulates for each of them; null for as many as the size says.</param>
/// <param name="Noise"><c>--noise</c>: in the proxy comparison a peer stands in the engine's place, to tell what the method can't tell apart.</param>
internal sealed record BenchContext(bool Quick, Report Report, string? Only = null, int? Clusters = null, int? Workers = null, bool Noise = false)
{
    /// <summary>Whether a part is to be measured.</summary>
    public bool Has(string part) => Only is null || Only == part;
}

/// <summary>Rows for people, then one <c>name value</c> line for each figure.</summary>
internal sealed class Report
{
    private readonly List<string> _rows = [];
    private readonly List<(string Name, double Value, string? Bar)> _figures = [];

    /// <summary>A line of the table, written at once and kept.</summary>
    public void Row(string text)
    {
        Console.WriteLine(text);
        _rows.Add(text);
    }

    /// <summary>A figure, with its bar as text (<c>&gt;= 0.95</c>) or null.</summary>
    public void Figure(string name, double value, string? bar = null) => _figures.Add((name, value, bar));

    public void Write(TextWriter output)
    {
        output.WriteLine();
        foreach (var (name, value, bar) in _figures.Where(f => f.Bar is not null)) output.WriteLine($"  {name,-36} {value,12:0.###}   bar {bar}");
        output.WriteLine();
        foreach (var (name, value, _) in _figures) output.WriteLine($"{name} {value:0.####}");
    }
}
