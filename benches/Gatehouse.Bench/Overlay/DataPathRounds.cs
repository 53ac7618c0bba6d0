using Gatehouse.Bench.Store;
using Gatehouse.Linux;

namespace Gatehouse.Bench.Overlay;

/// <summary>One way from a client's namespace to the server's.</summary>
/// <param name="Name">For people.</param>
/// <param name="Client">A process in the client's namespace.</param>
internal sealed record Way(string Name, int Client, NetworkNamespace Network, string Address);

/// <summary>One measurement.</summary>
/// <param name="PerCpu">The same for each second of processor time; NaN when it is not known.</param>
internal readonly record struct Sample(double Rate, double PerCpu);

/// <summary>Measures several ways in turn, so that whatever else the machine does hits all of them.</summary>
internal static class DataPathRounds
{
    /// <summary>One row for each way, with the medians of the ratios of each round to the way that stands first.</summary>
    /// <returns>The medians of the ratios, by way.</returns>
    public static async Task<Sample[]> RunAsync(BenchContext context, string title, string unit, int rounds, IReadOnlyList<Way> ways, Func<Way, Task<Sample>> measure)
    {
        context.Report.Row("");
        context.Report.Row($"{title}, {rounds} rounds in turn");
        var results = ways.Select(_ => new Sample[rounds]).ToArray();
        for (var round = 0; round < rounds; round++)
        {
            // Who goes first changes with every round.
            for (var turn = 0; turn < ways.Count; turn++)
            {
                var way = (round + turn) % ways.Count;
                results[way][round] = await measure(ways[way]);
            }
        }

        Sample[] ratios = [.. results.Select(r => new Sample(Ratio(r, results[0], s => s.Rate), Ratio(r, results[0], s => s.PerCpu)))];
        for (var way = 0; way < ways.Count; way++)
        {
            double[] rates = [.. results[way].Select(r => r.Rate)];
            context.Report.Row($"  {ways[way].Name,-46} {Statistics.Median(rates),10:n2} {unit,-7} ({rates.Min(),9:n2} to {rates.Max(),9:n2}) {ratios[way].Rate,6:0.000}   per CPU second {ratios[way].PerCpu,6:0.000}");
        }

        return ratios;
    }

    private static double Ratio(Sample[] mine, Sample[] first, Func<Sample, double> value) => Statistics.Median(mine.Zip(first, (m, f) => value(m) / value(f)));
}
