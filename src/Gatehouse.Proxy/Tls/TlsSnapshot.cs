namespace Gatehouse.Proxy.Tls;

/// <summary>What one configuration's listeners and groups use for TLS. It is disposed when no loop looks at its configuration any more; sessions that run need it not.</summary>
internal sealed class TlsSnapshot : IDisposable
{
    private readonly Dictionary<string, ListenerTlsState> _listeners;
    private readonly Dictionary<string, UpstreamTlsState> _upstreams;
    private readonly Action<TlsSnapshot> _release;
    private int _disposed;

    internal TlsSnapshot(
        Dictionary<string, ListenerTlsState> listeners, Dictionary<string, UpstreamTlsState> upstreams, IReadOnlyList<TlsSetupFault> faults, Action<TlsSnapshot> release)
    {
        (_listeners, _upstreams, Faults, _release) = (listeners, upstreams, faults, release);
    }

    /// <summary>All that cannot be served as it is configured.</summary>
    public IReadOnlyList<TlsSetupFault> Faults { get; }

    internal IReadOnlyCollection<ListenerTlsState> Listeners => _listeners.Values;

    internal IReadOnlyCollection<UpstreamTlsState> Upstreams => _upstreams.Values;

    /// <summary>A listener's, or null: it speaks no TLS, or <see cref="Faults"/> says why it cannot.</summary>
    public ListenerTlsState? Listener(string name) => _listeners.GetValueOrDefault(name);

    /// <summary>A group's, or null: it is spoken to in plain, or <see cref="Faults"/> says why it cannot be spoken to: then not in plain either.</summary>
    public UpstreamTlsState? Upstream(string name) => _upstreams.GetValueOrDefault(name);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0) _release(this);
    }
}
