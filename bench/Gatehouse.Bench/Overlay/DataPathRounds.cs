using Gatehouse.Bench.Store;
using Gatehouse.Linux;

namespace Gatehouse.Bench.Overlay;

/// <summary>One way from a client's namespace to the server's.</summary>
/// <param name="Name">For people.</param>
/// <param name="Client">A process in the client's namespace.</param>
internal sealed record Way(string Name, int Client, NetworkNamespace Network, string Address);

/// <summary>Measures several ways in turn, so that whatever else the machine does hits all of them.</summary>
internal static class DataPathRounds
{
    /// <summary>One row for each way, with the median of each round's ratio to the way that stands first.</summary>
    /// <returns>The medians of the ratios, by way.</returns>
    public static async Task<double[]> RunAsync(BenchContext context, string title, string unit, int rounds, IReadOnlyList<Way> ways, Func<Way, Task<double>> measure)
    {
        context.Report.Row("");
        context.Report.Row(title);
        var results = ways.Select(_ => new double[rounds]).ToArray();
        for (var round = 0; round < rounds; round++)
        {
            // Who goes first changes with every round.
            for (var turn = 0; turn < ways.Count; turn++)
            {
                var way = (round + turn) % ways.Count;
                results[way][round] = await measure(ways[way]);
            }
        }

        double[] ratios = [.. results.Select(r => Statistics.Median(r.Zip(results[0], (mine, first) => mine / first)))];
        for (var way = 0; way < ways.Count; way++)
        {
            context.Report.Row($"  {ways[way].Name,-46} {Statistics.Median(results[way]),10:n2} {unit,-10} {results[way].Min(),10:n2} to {results[way].Max(),10:n2}   {ratios[way],5:0.000} of the first");
        }

        return ratios;
    }
}
