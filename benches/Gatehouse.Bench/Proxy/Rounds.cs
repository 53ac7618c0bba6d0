using Gatehouse.Bench.Store;

namespace Gatehouse.Bench.Proxy;

/// <summary>One contender's numbers, one for each round.</summary>
internal sealed record Measured(string Name, IReadOnlyList<double> Values)
{
    public double Median => Statistics.Median(Values);
}

/// <summary>Interleaved rounds: each contender is measured in each of them, and ratios are taken within one, since a machine that is shared is slower in some rounds than in others.</summary>
internal sealed class Rounds(Report report, int count)
{
    /// <summary>Measures.</summary>
    /// <param name="contenders">Names, and what gives a round's number.</param>
    public async Task<IReadOnlyList<Measured>> RunAsync(IReadOnlyList<(string Name, Func<Task<double>> MeasureAsync)> contenders, CancellationToken cancellation)
    {
        var values = contenders.Select(_ => new List<double>()).ToList();
        for (var round = 0; round < count; round++)
        {
            for (var turn = 0; turn < contenders.Count; turn++)
            {
                cancellation.ThrowIfCancellationRequested();
                // Who goes first goes round.
                var i = (round + turn) % contenders.Count;
                values[i].Add(await contenders[i].MeasureAsync());
            }
        }

        return [.. contenders.Zip(values, (contender, own) => new Measured(contender.Name, own))];
    }

    /// <summary>A row for each contender.</summary>
    /// <param name="unit">Of the numbers.</param>
    public void Tell(IReadOnlyList<Measured> all, string unit)
    {
        foreach (var one in all) report.Row($"  {one.Name,-30} {one.Median,9:0.00} {unit}   ({one.Values.Min():0.00} to {one.Values.Max():0.00})");
    }

    /// <summary>The median of the rounds' ratios; told with the widest of them.</summary>
    public double Ratio(Measured own, Measured peer)
    {
        var ratios = own.Values.Zip(peer.Values, (a, b) => a / b).ToList();
        var median = Statistics.Median(ratios);
        report.Row($"  {own.Name} / {peer.Name}: {median:0.000} (rounds {ratios.Min():0.000} to {ratios.Max():0.000})");
        return median;
    }
}
