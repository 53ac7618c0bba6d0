namespace Gatehouse.Bench.Store;

/// <summary>What is told of many measurements.</summary>
internal static class Statistics
{
    public static double Median(IEnumerable<double> values) => Percentile([.. values], 0.5);

    /// <param name="share">0 to 1.</param>
    public static double Percentile(double[] values, double share)
    {
        Array.Sort(values);
        return values.Length == 0 ? double.NaN : values[Math.Min(values.Length - 1, (int)(values.Length * share))];
    }
}
