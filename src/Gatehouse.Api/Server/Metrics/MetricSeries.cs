using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Gatehouse.Api.Server.Metrics;

/// <summary>One instrument's series, in Prometheus' terms.</summary>
/// <remarks>Safe for any thread.</remarks>
internal sealed class MetricSeries(Instrument instrument, MetricShape shape, int limit)
{
    /// <summary>Seconds, for histograms that name no buckets of their own.</summary>
    private static readonly double[] DefaultBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Series> _series = new(StringComparer.Ordinal);
    private readonly double[] _buckets = shape == MetricShape.Histogram ? BucketsOf(instrument) : [];

    /// <summary>Adds a measurement.</summary>
    /// <returns>False when the instrument has all the series that it may have, and this would be one more.</returns>
    public bool Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = LabelsOf(tags);
        lock (_lock)
        {
            if (!_series.TryGetValue(labels, out var series))
            {
                if (_series.Count >= limit) return false;
                _series[labels] = series = new Series(_buckets.Length);
            }

            if (shape is MetricShape.Gauge or MetricShape.Total) series.Sum = value;
            else series.Sum += value;
            if (shape == MetricShape.Histogram) series.Observe(value, _buckets);
            return true;
        }
    }

    /// <summary>Forgets what an observable instrument said before: what it does not name any more is gone.</summary>
    public void Clear()
    {
        lock (_lock) _series.Clear();
    }

    public void Write(StringBuilder output)
    {
        var name = MetricNames.Of(instrument, shape);
        lock (_lock)
        {
            if (_series.Count == 0) return;
            if (!string.IsNullOrEmpty(instrument.Description))
                output.Append("# HELP ").Append(name).Append(' ').Append(instrument.Description.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)).Append('\n');
            output.Append("# TYPE ").Append(name).Append(' ').Append(MetricNames.TypeOf(shape)).Append('\n');
            foreach (var (labels, series) in _series)
            {
                if (shape == MetricShape.Histogram) WriteHistogram(output, name, labels, series);
                else WriteLine(output, name, labels, series.Sum);
            }
        }
    }

    private void WriteHistogram(StringBuilder output, string name, string labels, Series series)
    {
        var prefix = labels.Length == 0 ? "" : labels + ",";
        long count = 0;
        for (var i = 0; i < _buckets.Length; i++)
        {
            count += series.Counts[i];
            WriteLine(output, $"{name}_bucket", $"{prefix}le=\"{Number(_buckets[i])}\"", count);
        }

        WriteLine(output, $"{name}_bucket", $"{prefix}le=\"+Inf\"", series.Count);
        WriteLine(output, $"{name}_sum", labels, series.Sum);
        WriteLine(output, $"{name}_count", labels, series.Count);
    }

    private static void WriteLine(StringBuilder output, string name, string labels, double value)
    {
        output.Append(name);
        if (labels.Length > 0) output.Append('{').Append(labels).Append('}');
        output.Append(' ').Append(Number(value)).Append('\n');
    }

    private static string Number(double value) => double.IsPositiveInfinity(value) ? "+Inf" : double.IsNegativeInfinity(value) ? "-Inf" : value.ToString("R", CultureInfo.InvariantCulture);

    private static double[] BucketsOf(Instrument instrument) => instrument switch
    {
        Histogram<double> { Advice.HistogramBucketBoundaries: { Count: > 0 } buckets } => [.. buckets],
        Histogram<long> { Advice.HistogramBucketBoundaries: { Count: > 0 } buckets } => [.. buckets.Select(static b => (double)b)],
        Histogram<int> { Advice.HistogramBucketBoundaries: { Count: > 0 } buckets } => [.. buckets.Select(static b => (double)b)],
        _ => DefaultBuckets,
    };

    private static string LabelsOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.IsEmpty) return "";
        var text = new StringBuilder();
        foreach (var (key, value) in tags)
        {
            if (text.Length > 0) text.Append(',');
            text.Append(MetricNames.Sanitize(key)).Append("=\"").Append(Escape(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")).Append('"');
        }

        return text.ToString();
    }

    private static string Escape(string value) =>
        value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private sealed class Series(int buckets)
    {
        public double Sum { get; set; }

        public long Count { get; private set; }

        public long[] Counts { get; } = new long[buckets];

        public void Observe(double value, double[] bounds)
        {
            Count++;
            for (var i = 0; i < bounds.Length; i++)
            {
                if (value > bounds[i]) continue;
                Counts[i]++;
                break;
            }
        }
    }
}
