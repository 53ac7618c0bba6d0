using System.Diagnostics.Metrics;

namespace Gatehouse.Cluster.Gateways;

/// <summary>What the cluster counts about gateways and exposures. Meter <c>Gatehouse.Cluster.Gateways</c>.</summary>
internal sealed class GatewayMetrics : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Gatehouse.Cluster.Gateways";

    private readonly Meter _meter = new(MeterName);
    private readonly Counter<long> _takeovers;
    private readonly Counter<long> _unplaced;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _failedWrites;

    /// <summary>Creates the instruments.</summary>
    /// <param name="exposures">Exposures that the cluster knows.</param>
    /// <param name="identifiers">Identifiers in use.</param>
    /// <param name="waiting">Changes that wait for a decision.</param>
    public GatewayMetrics(Func<int> exposures, Func<int> identifiers, Func<int> waiting)
    {
        _takeovers = _meter.CreateCounter<long>("gatehouse.gateway.takeovers", "{takeover}", "Gateways that went to another worker because theirs was lost.");
        _unplaced = _meter.CreateCounter<long>("gatehouse.gateway.unplaced", "{decision}", "Decisions that left a gateway without an available worker.");
        _refused = _meter.CreateCounter<long>("gatehouse.exposure.refused", "{exposure}", "Exposures that were refused their port.");
        _failedWrites = _meter.CreateCounter<long>("gatehouse.gateway.failed_writes", "{write}", "Status writes that failed and are tried again.");
        _meter.CreateObservableGauge("gatehouse.exposure.count", exposures, "{exposure}", "Exposures that the cluster knows.");
        _meter.CreateObservableGauge("gatehouse.exposure.identifiers", identifiers, "{identifier}", $"Exposure identifiers in use, of {ExposureIds.Max}.");
        _meter.CreateObservableGauge("gatehouse.gateway.waiting_decisions", waiting, "{object}", "Gateways and exposures that wait for a decision; bounded by their number.");
    }

    /// <summary>Another worker took a gateway over.</summary>
    public void Takeover(string gateway) => _takeovers.Add(1, new KeyValuePair<string, object?>("gateway", gateway));

    /// <summary>No worker is available for a gateway.</summary>
    public void Unplaced(string gateway) => _unplaced.Add(1, new KeyValuePair<string, object?>("gateway", gateway));

    /// <summary>An exposure can't have its port.</summary>
    public void Refused() => _refused.Add(1);

    /// <summary>A write failed.</summary>
    public void FailedWrite() => _failedWrites.Add(1);

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();
}
