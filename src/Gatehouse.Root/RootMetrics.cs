using System.Diagnostics.Metrics;

namespace Gatehouse.Root;

/// <summary>How full root's tables are; tag <c>phase</c>.</summary>
internal sealed class RootMetrics : IDisposable
{
    private readonly Meter _meter = new("gatehouse.root");

    public RootMetrics(RootState state)
    {
        _meter.CreateObservableGauge("gatehouse.root.subnetworks", () => Phases(state.Subnetworks.Counts), "{subnetwork}", "Subnetworks that were ever leased, of 15,360.");
        _meter.CreateObservableGauge("gatehouse.root.addresses", () => Phases(state.Book.Counts), "{address}", "IPv4 service and instance addresses that were ever leased, of 65,536.");
        _meter.CreateObservableGauge("gatehouse.root.services", () => state.Table.Count, "{service}", "Services that can be resolved.");
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private static IEnumerable<Measurement<int>> Phases((int Leased, int Quarantined, int Free) counts) =>
        [Of(counts.Leased, "leased"), Of(counts.Quarantined, "quarantined"), Of(counts.Free, "free")];

    private static Measurement<int> Of(int count, string phase) => new(count, new KeyValuePair<string, object?>("phase", phase));
}
