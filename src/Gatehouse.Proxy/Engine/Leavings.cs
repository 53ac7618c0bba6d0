using Gatehouse.Proxy.Tls;

namespace Gatehouse.Proxy.Engine;

/// <summary>What a configuration that was replaced leaves behind. Loops forget it each on its own; it is disposed of when the last has, for until then one may be in what it had before.</summary>
internal sealed class Leavings(TlsSnapshot? tls) : IDisposable
{
    /// <summary>Endpoints are gone, whose idle connections are to be closed.</summary>
    public bool Endpoints { get; set; }

    /// <summary>Listeners are gone, whose clients are to go to another.</summary>
    public bool Listeners { get; set; }

    /// <inheritdoc/>
    public void Dispose() => tls?.Dispose();
}
