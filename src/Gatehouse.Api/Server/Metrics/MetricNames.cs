using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text;

namespace Gatehouse.Api.Server.Metrics;

/// <summary>How an instrument appears in Prometheus.</summary>
internal enum MetricShape
{
    /// <summary>Sums what is added; only grows.</summary>
    Counter,

    /// <summary>Sums what is added; may shrink.</summary>
    UpDown,

    /// <summary>An observed sum that only grows.</summary>
    Total,

    /// <summary>The last value.</summary>
    Gauge,

    /// <summary>Counts by bucket.</summary>
    Histogram,
}

/// <summary>.NET's instrument names and units to Prometheus' names: <c>gatehouse.api.request.duration</c> in <c>s</c> is <c>gatehouse_api_request_duration_seconds</c>.</summary>
internal static class MetricNames
{
    public static string Of(Instrument instrument, MetricShape shape)
    {
        var name = Sanitize(instrument.Name) + UnitOf(instrument.Unit);
        return shape is MetricShape.Counter or MetricShape.Total ? $"{name}_total" : name;
    }

    public static string TypeOf(MetricShape shape) => shape switch
    {
        MetricShape.Counter or MetricShape.Total => "counter",
        MetricShape.UpDown or MetricShape.Gauge => "gauge",
        MetricShape.Histogram => "histogram",
        _ => throw new UnreachableException(),
    };

    /// <summary>The shape of an instrument; null for a kind that is not known.</summary>
    public static MetricShape? ShapeOf(Instrument instrument) => instrument switch
    {
        Counter<long> or Counter<int> or Counter<double> => MetricShape.Counter,
        UpDownCounter<long> or UpDownCounter<int> or UpDownCounter<double> => MetricShape.UpDown,
        Histogram<long> or Histogram<int> or Histogram<double> => MetricShape.Histogram,
        ObservableCounter<long> or ObservableCounter<int> or ObservableCounter<double> => MetricShape.Total,
        Gauge<long> or Gauge<int> or Gauge<double> => MetricShape.Gauge,
        ObservableGauge<long> or ObservableGauge<int> or ObservableGauge<double> => MetricShape.Gauge,
        ObservableUpDownCounter<long> or ObservableUpDownCounter<int> or ObservableUpDownCounter<double> => MetricShape.Gauge,
        _ => null,
    };

    public static string Sanitize(string name)
    {
        var text = new StringBuilder(name.Length);
        foreach (var c in name) text.Append(char.IsAsciiLetterOrDigit(c) || c == '_' ? c : '_');
        if (text.Length == 0 || char.IsAsciiDigit(text[0])) text.Insert(0, '_');
        return text.ToString();
    }

    /// <summary>UCUM units that have a name in Prometheus' conventions; counts of things (<c>{request}</c>) have none.</summary>
    private static string UnitOf(string? unit) => unit switch
    {
        "s" => "_seconds",
        "ms" => "_milliseconds",
        "By" => "_bytes",
        "1" => "_ratio",
        _ => "",
    };
}
