using System.Diagnostics.Metrics;
using Gatehouse.Api.Server.Registry;

namespace Gatehouse.Api.Server;

/// <summary>What an API server counts (meter <c>gatehouse.api</c>). Labels come from the kinds and from fixed words, never from clients.</summary>
internal sealed class ApiServerMetrics : IDisposable
{
    private readonly Meter _meter = new("gatehouse.api");
    private readonly Histogram<double> _duration;
    private readonly UpDownCounter<long> _inFlight;
    private readonly UpDownCounter<long> _watches;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _retries;
    private readonly Counter<long> _events;
    private readonly Counter<long> _encodings;
    private readonly Counter<long> _overflows;
    private readonly Counter<long> _joins;

    public ApiServerMetrics()
    {
        _duration = _meter.CreateHistogram("gatehouse.api.request.duration", "s", "Time from request to answer, watches not counted.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] });
        _inFlight = _meter.CreateUpDownCounter<long>("gatehouse.api.requests.active", "{request}", "Requests under way, watches not counted.");
        _watches = _meter.CreateUpDownCounter<long>("gatehouse.api.watches.active", "{watch}", "Open watches.");
        _refused = _meter.CreateCounter<long>("gatehouse.api.requests.rejected", "{request}", "Requests refused at a bound of the server.");
        _retries = _meter.CreateCounter<long>("gatehouse.api.write.retries", "{write}", "Writes done again because another one came between.");
        _events = _meter.CreateCounter<long>("gatehouse.api.watch.events", "{event}", "Events handed to watches.");
        _encodings = _meter.CreateCounter<long>("gatehouse.api.watch.encodings", "{event}", "Events written out as bytes, once for all their watches.");
        _overflows = _meter.CreateCounter<long>("gatehouse.api.watch.overflows", "{watch}", "Watches ended because their reader was too slow.");
        _joins = _meter.CreateCounter<long>("gatehouse.api.joins", "{join}", "Joins and renewals by role and outcome.");
    }

    public void RequestDone(string verb, string resource, int code, TimeSpan took) =>
        _duration.Record(took.TotalSeconds, new("verb", verb), new("resource", resource), new("code", code));

    public void InFlight(int change) => _inFlight.Add(change);

    public void Watch(RegisteredKind kind, int change) => _watches.Add(change, new KeyValuePair<string, object?>("resource", kind.Info.Plural));

    public void Rejected(string bound) => _refused.Add(1, new KeyValuePair<string, object?>("bound", bound));

    public void Retried(RegisteredKind kind) => _retries.Add(1, new KeyValuePair<string, object?>("resource", kind.Info.Plural));

    public void Delivered(RegisteredKind kind, int events)
    {
        if (events > 0) _events.Add(events, new KeyValuePair<string, object?>("resource", kind.Info.Plural));
    }

    public void Encoded(RegisteredKind kind) => _encodings.Add(1, new KeyValuePair<string, object?>("resource", kind.Info.Plural));

    public void Overflowed(RegisteredKind kind) => _overflows.Add(1, new KeyValuePair<string, object?>("resource", kind.Info.Plural));

    public void Joined(string role, string outcome) => _joins.Add(1, new("role", role), new("outcome", outcome));

    public void Dispose() => _meter.Dispose();
}
