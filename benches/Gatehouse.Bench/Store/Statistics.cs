namespace Gatehouse.Bench.Store;

/// <summary>What is told of many measurements.</summary>
internal static class Statistics
{
    public static double Median(IEnumerable<double> values) => Percentile([.. values], 0.5);

    /// <param name="share">0 to 1.</param>
    public static double Percentile(IReadOnlyCollection<double> values, double share)
    {
        double[] sorted = [.. values];
        Array.Sort(sorted);
        return sorted.Length == 0 ? double.NaN : sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * share))];
    }
}
