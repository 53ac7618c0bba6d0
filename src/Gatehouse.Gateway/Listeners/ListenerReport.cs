using Gatehouse.Api.Gateways;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Gateway.Listeners;

/// <summary>Tells the cluster which sockets of the host outside hosts reach, when that changed. Any thread; one report at a time.</summary>
internal sealed class ListenerReport(ListenerScan scan, GatewayClient cluster) : IDisposable
{
    private readonly SemaphoreSlim _one = new(1);
    private IReadOnlyList<HostListener>? _sent;

    /// <summary>Listeners in the last report.</summary>
    public int Count => Volatile.Read(ref _sent)?.Count ?? 0;

    /// <summary>Reports readiness together with the listeners.</summary>
    public Task SendReadyAsync(string gatewayId, IReadOnlyList<string> publicAddresses, CancellationToken cancellation) =>
        SendAsync(gatewayId, publicAddresses, always: true, cancellation);

    /// <summary>Reports the listeners if they are not those of the last report.</summary>
    public Task SendIfChangedAsync(string gatewayId, IReadOnlyList<string> publicAddresses, CancellationToken cancellation) =>
        SendAsync(gatewayId, publicAddresses, always: false, cancellation);

    /// <summary>The next report is made whatever the last one was.</summary>
    public void Forget() => Volatile.Write(ref _sent, null);

    /// <inheritdoc/>
    public void Dispose() => _one.Dispose();

    private async Task SendAsync(string gatewayId, IReadOnlyList<string> publicAddresses, bool always, CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation);
        try
        {
            var listeners = await scan.ReadAsync(publicAddresses, cancellation);
            if (always) await cluster.ReadyAsync(gatewayId, new GatewayReport(listeners), cancellation);
            else if (Volatile.Read(ref _sent) is { } sent && sent.SequenceEqual(listeners)) return;
            else await cluster.ReportListenersAsync(gatewayId, new GatewayReport(listeners), cancellation);
            Volatile.Write(ref _sent, listeners);
        }
        finally
        {
            _one.Release();
        }
    }
}
