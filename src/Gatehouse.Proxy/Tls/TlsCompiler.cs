using System.Collections.Concurrent;
using Gatehouse.Linux.OpenSsl;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tls;

/// <summary>
/// Makes what listeners and groups need for TLS out of configurations, one after the other, beside the loops. What did not change between two of them is the same object in
/// both: certificates are not read again, contexts not made again, sessions resumed. Safe for several threads.
/// </summary>
internal sealed class TlsCompiler(DateTimeOffset now) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CertificateTable _certificates = new();
    private readonly TicketKeyRing _tickets = new(now);
    private readonly Dictionary<ServerSettings, ServerContexts> _servers = [];
    private readonly Dictionary<(UpstreamTls Config, CertificateEntry? Certificate), SharedContext> _clients = [];
    private readonly ConcurrentQueue<ListenerTlsState> _unused = new();
    private Dictionary<string, ListenerTlsState> _listeners = new(StringComparer.Ordinal);
    private Dictionary<string, UpstreamTlsState> _upstreams = new(StringComparer.Ordinal);
    private TlsAuthorities? _system;

    /// <summary>Contexts that are there, beside the listeners' own.</summary>
    public int Contexts
    {
        get
        {
            lock (_gate) return _servers.Values.Sum(s => s.Count) + _clients.Count;
        }
    }

    /// <summary>What a configuration needs. Never throws for what stands in it: see <see cref="TlsSnapshot.Faults"/>. A listener or group that cannot be made keeps the state that it had.</summary>
    public TlsSnapshot Compile(ProxyConfig config)
    {
        lock (_gate)
        {
            ReleaseUnused();
            List<TlsSetupFault> faults = [];
            _certificates.Update([.. config.Certificates]);
            Dictionary<string, ListenerTlsState> listeners = new(StringComparer.Ordinal);
            foreach (var listener in config.Listeners)
            {
                if (listener is { Tls: not null, Protocol: ListenerProtocol.Https or ListenerProtocol.Tls } && Make(listener, config, faults) is { } state && listeners.TryAdd(listener.Name, state))
                {
                    state.Leases++;
                    faults.AddRange(state.Faults);
                }
            }

            Dictionary<string, UpstreamTlsState> upstreams = new(StringComparer.Ordinal);
            foreach (var group in config.Upstreams)
            {
                if (group.Tls is { } tls && Make(group.Name, tls, faults) is { } state && upstreams.TryAdd(group.Name, state)) state.Leases++;
            }

            _tickets.Keep(listeners.Keys.ToHashSet(StringComparer.Ordinal));
            (_listeners, _upstreams) = (listeners, upstreams);
            faults.AddRange(_certificates.Faults);
            return new TlsSnapshot(new(listeners, StringComparer.Ordinal), new(upstreams, StringComparer.Ordinal), faults, Release);
        }
    }

    /// <summary>Renews the process's ticket key when it is old enough, and frees what the last handshakes have left. To be called each minute or so.</summary>
    public void Rotate(DateTimeOffset now)
    {
        lock (_gate)
        {
            _tickets.Rotate(now);
            ReleaseUnused();
        }
    }

    /// <summary>Frees what no snapshot needs; snapshots are disposed on their own.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            ReleaseUnused();
            _certificates.Dispose();
            _system?.Dispose();
            _system = null;
        }
    }

    private ListenerTlsState? Make(Listener listener, ProxyConfig config, List<TlsSetupFault> faults)
    {
        var recipe = ListenerTlsRecipe.Of(listener, config, _certificates, _tickets.Of(listener, faults));
        var former = _listeners.GetValueOrDefault(listener.Name);
        if (former is { Leases: 0 }) former = null;
        if (former?.Recipe.IsSame(recipe) == true) return former;
        try
        {
            var settings = ServerSettings.Of(recipe.Tls);
            if (!_servers.TryGetValue(settings, out var contexts)) _servers.Add(settings, contexts = new ServerContexts(settings));
            return new ListenerTlsState(listener.Name, recipe, contexts, _unused.Enqueue);
        }
        catch (OpenSslException fault)
        {
            faults.Add(new("listener", listener.Name, $"tls: {fault.Message}; {(former is null ? "it is not served" : "it is served as before")}"));
            return former;
        }
    }

    private UpstreamTlsState? Make(string group, UpstreamTls tls, List<TlsSetupFault> faults)
    {
        var certificate = _certificates.Find(tls.Certificate);
        var former = _upstreams.GetValueOrDefault(group);
        if (former is { Leases: 0 }) former = null;
        if (former is not null && former.Certificate == certificate && former.Config == tls) return former;
        try
        {
            if (tls.Certificate is not null && certificate is null) throw new OpenSslException($"the certificate '{tls.Certificate}' is not there, or can't be read");
            return new UpstreamTlsState(group, tls, certificate, Lease(tls, certificate));
        }
        catch (OpenSslException fault)
        {
            faults.Add(new("upstream", group, $"tls: {fault.Message}; {(former is null ? "it is not spoken to" : "it is spoken to as before")}"));
            return former;
        }
    }

    private SharedContext Lease(UpstreamTls tls, CertificateEntry? certificate)
    {
        // The name belongs to the peers: groups that differ in it alone share a context.
        var key = (Config: tls with { ServerName = null }, Certificate: certificate);
        if (_clients.TryGetValue(key, out var shared)) return shared.Lease();
        var own = tls is { Verify: true, Authorities: { } pem } ? TlsAuthorities.Read(pem) : null;
        try
        {
            shared = new SharedContext(
                TlsContext.Client(new TlsClientOptions
                {
                    Authorities = !tls.Verify ? null : own ?? (_system ??= TlsAuthorities.OfSystem()),
                    Certificate = certificate?.Tls,
                    MinVersion = tls.MinVersion == TlsVersion.Tls13 ? TlsProtocol.Tls13 : TlsProtocol.Tls12,
                }),
                _ => _clients.Remove(key));
        }
        finally
        {
            own?.Dispose();
        }

        _clients.Add(key, shared);
        return shared.Lease();
    }

    private void Release(TlsSnapshot snapshot)
    {
        lock (_gate)
        {
            foreach (var listener in snapshot.Listeners)
            {
                // Handshakes that run in it still ask for names: what it leased goes when the last has ended.
                if (--listener.Leases == 0) listener.Context.Dispose();
            }

            foreach (var upstream in snapshot.Upstreams)
            {
                if (--upstream.Leases == 0) upstream.Release();
            }

            ReleaseUnused();
        }
    }

    private void ReleaseUnused()
    {
        while (_unused.TryDequeue(out var listener)) listener.Release();
        foreach (var (settings, contexts) in _servers.Where(s => s.Value.Count == 0 && !_listeners.Values.Any(l => l.Leases > 0 && ServerSettings.Of(l.Recipe.Tls) == s.Key)).ToList())
        {
            contexts.Dispose();
            _servers.Remove(settings);
        }
    }
}
