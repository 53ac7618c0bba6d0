using System.Globalization;
using Gatehouse.Bench;
using Gatehouse.Bench.Overlay;
using Gatehouse.Bench.Proxy;
using Gatehouse.Bench.Scale;
using Gatehouse.Bench.Store;

// One command for each comparison; each prints a table for people and ends with `name value` lines.
IReadOnlyList<Comparison> comparisons =
[
    OverlayComparison.Comparison,
    StoreComparison.Comparison,
    ScaleComparison.Comparison,
    ProxyComparison.Comparison,
];

// A part of a comparison that needs a process of its own.
if (args is [Fleet.Word]) return await Fleet.RunAsync(Console.In, Console.Out);

var chosen = comparisons.FirstOrDefault(c => args.Length > 0 && c.Name == args[0]);
if (chosen is null)
{
    Console.Error.WriteLine($"usage: bench NAME [--quick] [--only PART] [--noise] [--clusters N] [--workers N]; NAME is one of: {string.Join(", ", comparisons.Select(c => c.Name))}; PART is overlay's: plain, flat, first, change or kill, or proxy's: {string.Join(", ", ProxyComparison.PartNames)}; the numbers are scale's: cluster managers, and workers of each");
    return 64;
}

var report = new Report();
await chosen.RunAsync(new BenchContext(args.Contains("--quick"), report, Word("--only"), Number("--clusters"), Number("--workers"), args.Contains("--noise")));
report.Write(Console.Out);
return Environment.ExitCode;

string? Word(string option) => args.SkipWhile(a => a != option).Skip(1).FirstOrDefault();

int? Number(string option) => Word(option) is { } word ? int.Parse(word, CultureInfo.InvariantCulture) : null;
