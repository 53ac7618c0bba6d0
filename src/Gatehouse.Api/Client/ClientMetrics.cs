using System.Diagnostics.Metrics;

namespace Gatehouse.Api.Client;

/// <summary>What clients and informers count. Tags: <c>kind</c> (the plural), and where it says so <c>outcome</c> or <c>cause</c>.</summary>
internal static class ClientMetrics
{
    public const string MeterName = "Gatehouse.Api.Client";

    private static readonly Meter Meter = new(MeterName);

    /// <summary>Answer times by method and outcome (<c>ok</c>, the status's reason, or <c>unreachable</c>).</summary>
    public static readonly Histogram<double> RequestDuration =
        Meter.CreateHistogram<double>("gatehouse.client.request.duration", "s", "From the call to the whole answer.");

    public static readonly Counter<long> Events =
        Meter.CreateCounter<long>("gatehouse.client.watch.events", "{event}", "Events that watches delivered.");

    /// <summary>By cause: <c>idle</c>, <c>cut</c>, <c>malformed</c>, <c>status</c>.</summary>
    public static readonly Counter<long> WatchFaults =
        Meter.CreateCounter<long>("gatehouse.client.watch.faults", "{watch}", "Watches that ended otherwise than by the server's will.");

    public static readonly Counter<long> Unreadable =
        Meter.CreateCounter<long>("gatehouse.client.objects.unreadable", "{object}", "Objects left out because they don't fit their kind.");

    public static readonly UpDownCounter<long> InformerObjects =
        Meter.CreateUpDownCounter<long>("gatehouse.informer.objects", "{object}", "Objects in informers' snapshots.");

    public static readonly Counter<long> InformerLists =
        Meter.CreateCounter<long>("gatehouse.informer.lists", "{list}", "Whole lists that informers took.");

    public static readonly Counter<long> InformerFaults =
        Meter.CreateCounter<long>("gatehouse.informer.faults", "{attempt}", "Attempts to list or watch that failed.");

    public static readonly Counter<long> InformerIgnored =
        Meter.CreateCounter<long>("gatehouse.informer.events.ignored", "{event}", "Events that repeated what was known.");

    public static readonly UpDownCounter<long> ReaderPending =
        Meter.CreateUpDownCounter<long>("gatehouse.informer.reader.pending", "{event}", "Changes that wait for readers.");

    /// <summary>By outcome: <c>written</c>, <c>failed</c>.</summary>
    public static readonly Counter<long> StateWrites =
        Meter.CreateCounter<long>("gatehouse.informer.state.writes", "{write}", "Writes of state files.");

    /// <summary>By outcome: <c>loaded</c>, <c>absent</c>, <c>refused</c>.</summary>
    public static readonly Counter<long> StateLoads =
        Meter.CreateCounter<long>("gatehouse.informer.state.loads", "{load}", "State files read at start.");

    public static KeyValuePair<string, object?> Kind(string plural) => new("kind", plural);

    public static KeyValuePair<string, object?> Cause(string cause) => new("cause", cause);

    public static KeyValuePair<string, object?> Outcome(string outcome) => new("outcome", outcome);
}
