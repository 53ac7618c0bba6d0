using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;

namespace Gatehouse.Api.Server.Metrics;

/// <summary>
/// All <c>gatehouse.*</c> meters of the process as Prometheus text (exposition format 0.0.4). Listens from its construction on; what was counted before is
/// not known to it.
/// </summary>
/// <remarks>Safe for any thread. At most <c>seriesLimit</c> series for an instrument: what is beyond is dropped and counted in <c>gatehouse_metrics_dropped_total</c>.</remarks>
internal sealed class PrometheusText : IDisposable
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private const string MeterPrefix = "gatehouse";

    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<Instrument, MetricSeries> _instruments = [];

    // By name, since a process may have several meters of one name, and a name may stand in the text once.
    private readonly ConcurrentDictionary<string, MetricSeries> _series = new(StringComparer.Ordinal);
    private readonly Lock _collecting = new();
    private readonly int _seriesLimit;
    private long _dropped;

    public PrometheusText(int seriesLimit = 2_000)
    {
        _seriesLimit = seriesLimit;
        _listener.InstrumentPublished = Enable;
        _listener.MeasurementsCompleted = (instrument, _) => _instruments.TryRemove(instrument, out var _);
        _listener.SetMeasurementEventCallback<double>((i, value, tags, _) => Record(i, value, tags));
        _listener.SetMeasurementEventCallback<long>((i, value, tags, _) => Record(i, value, tags));
        _listener.SetMeasurementEventCallback<int>((i, value, tags, _) => Record(i, value, tags));
        _listener.Start();
    }

    /// <summary>The present figures.</summary>
    public string Write()
    {
        var text = new StringBuilder(16 * 1024);
        lock (_collecting)
        {
            foreach (var (instrument, series) in _instruments)
            {
                if (instrument.IsObservable) series.Clear();
            }

            _listener.RecordObservableInstruments();
            foreach (var (_, series) in _series.OrderBy(static s => s.Key, StringComparer.Ordinal)) series.Write(text);
        }

        text.Append("# TYPE gatehouse_metrics_dropped_total counter\ngatehouse_metrics_dropped_total ").Append(Volatile.Read(ref _dropped)).Append('\n');
        return text.ToString();
    }

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    private void Enable(Instrument instrument, MeterListener listener)
    {
        if (!instrument.Meter.Name.StartsWith(MeterPrefix, StringComparison.OrdinalIgnoreCase) || MetricNames.ShapeOf(instrument) is not { } shape) return;
        _instruments[instrument] = _series.GetOrAdd(MetricNames.Of(instrument, shape), _ => new MetricSeries(instrument, shape, _seriesLimit));
        listener.EnableMeasurementEvents(instrument);
    }

    private void Record(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (_instruments.TryGetValue(instrument, out var series) && !series.Record(value, tags)) Interlocked.Increment(ref _dropped);
    }
}
