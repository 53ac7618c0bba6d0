using System.Diagnostics.Metrics;

namespace Gatehouse.Gateway.Management;

/// <summary>What the gateway role counts. Meter <c>Gatehouse.Gateway</c>.</summary>
internal sealed class ManagementMetrics : IDisposable
{
    private readonly Meter _meter = new("Gatehouse.Gateway");
    private readonly Counter<long> _requests;

    /// <summary>Creates the instruments.</summary>
    /// <param name="serving">1 while the management API listens, otherwise 0.</param>
    /// <param name="listeners">Sockets of the host that exposures must not hide.</param>
    public ManagementMetrics(Func<int> serving, Func<int> listeners)
    {
        _requests = _meter.CreateCounter<long>("gatehouse.gateway.management.requests", "{request}", "Requests to the management API by act and status.");
        _meter.CreateObservableGauge("gatehouse.gateway.serving", serving, "{endpoint}", "Addresses on which the management API listens.");
        _meter.CreateObservableGauge("gatehouse.gateway.host_listeners", listeners, "{socket}", "Sockets of the host that exposures must not hide.");
    }

    /// <summary>A request was answered.</summary>
    public void Request(string act, int status) =>
        _requests.Add(1, new KeyValuePair<string, object?>("act", act), new KeyValuePair<string, object?>("status", status));

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();
}
