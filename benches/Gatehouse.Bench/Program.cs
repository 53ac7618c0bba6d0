using System.Globalization;
using Gatehouse.Bench;
using Gatehouse.Bench.Overlay;
using Gatehouse.Bench.Scale;
using Gatehouse.Bench.Store;

// One command for each comparison; each prints a table for people and ends with `name value` lines.
IReadOnlyList<Comparison> comparisons =
[
    OverlayComparison.Comparison,
    StoreComparison.Comparison,
    ScaleComparison.Comparison,
];

// A part of a comparison that needs a process of its own.
if (args is [Fleet.Word]) return await Fleet.RunAsync(Console.In, Console.Out);

var chosen = comparisons.FirstOrDefault(c => args.Length > 0 && c.Name == args[0]);
if (chosen is null)
{
    Console.Error.WriteLine($"usage: bench NAME [--quick] [--only PART] [--clusters N] [--workers N]; NAME is one of: {string.Join(", ", comparisons.Select(c => c.Name))}");
    Console.Error.WriteLine("--clusters and --workers are scale's: cluster managers, and workers of each");
    return 64;
}

var report = new Report();
await chosen.RunAsync(new BenchContext(args.Contains("--quick"), Text("--only"), report, Number("--clusters"), Number("--workers")));
report.Write(Console.Out);
return 0;

string? Text(string option) => args.SkipWhile(a => a != option).Skip(1).FirstOrDefault();

int? Number(string option) => Text(option) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;
