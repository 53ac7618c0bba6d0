using Gatehouse.Proxy.Tls;

namespace Gatehouse.Proxy.Engine;

/// <summary>What a configuration that was replaced leaves behind. Loops forget it each on its own; it is disposed of when the last has, for until then one may be in what it had before.</summary>
internal sealed class Leavings(TlsSnapshot? tls) : IDisposable
{
    private volatile bool _isForgotten;

    /// <summary>Endpoints are gone, whose idle connections are to be closed.</summary>
    public bool Endpoints { get; set; }

    /// <summary>Listeners are gone, whose clients are to go to another.</summary>
    public bool Listeners { get; set; }

    /// <summary>Places of counters that are to be cleared, for they will be other things'.</summary>
    public IReadOnlyList<int> Places { get; set; } = [];

    /// <summary>All loops have cleared the places.</summary>
    public bool IsForgotten => _isForgotten;

    /// <inheritdoc/>
    public void Dispose()
    {
        _isForgotten = true;
        tls?.Dispose();
    }
}
