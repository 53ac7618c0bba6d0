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
    Console.Error.WriteLine($"usage: bench NAME [--quick] [--clusters N] [--workers N]; the numbers are scale's: cluster managers, and workers of each; NAME is one of: {string.Join(", ", comparisons.Select(c => c.Name))}");
    return 64;
}

var report = new Report();
await chosen.RunAsync(new BenchContext(args.Contains("--quick"), report, Number("--clusters"), Number("--workers")));
report.Write(Console.Out);
return 0;

int? Number(string option) => Array.IndexOf(args, option) is var at and >= 0 ? int.Parse(args[at + 1], CultureInfo.InvariantCulture) : null;
