using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Balancing;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Listeners;
using Gatehouse.Proxy.Routing;
using Gatehouse.Proxy.Tls;

namespace Gatehouse.Proxy.Engine;

/// <summary>
/// Turns a valid configuration into what the loops read, off their path. What did not change is shared with what was compiled before, so that a change costs what it changes and the tables
/// of hosts. One thread at a time.
/// </summary>
internal sealed class SnapshotCompiler(TimeProvider time) : IDisposable
{
    private readonly Dictionary<string, UpstreamState> _upstreams = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ListenerState> _listeners = new(StringComparer.Ordinal);
    private readonly Dictionary<string, CompiledHost> _hosts = new(StringComparer.Ordinal);
    private readonly TlsCompiler _tlsCompiler = new(time.GetUtcNow());
    private TlsSnapshot? _tls;

    /// <summary>What is counted where; for figures.</summary>
    public CounterPlaces Places { get; } = new(time);

    /// <summary>What of TLS can't be served as it is configured.</summary>
    public IReadOnlyList<TlsSetupFault> TlsFaults => _tls?.Faults ?? [];

    public IReadOnlyDictionary<string, UpstreamState> Upstreams => _upstreams;

    public IReadOnlyDictionary<string, ListenerState> Listeners => _listeners;

    /// <summary>Puts a configuration in place: groups first, then what leads to them, so that a request finds either what was or what is.</summary>
    /// <returns>What is no more, which the loops are to forget.</returns>
    public Leavings Apply(ProxyConfig config)
    {
        var left = new Leavings(_tls);
        _tls = _tlsCompiler.Compile(config);
        left.Endpoints = ApplyUpstreams(config);
        var hosts = config.VirtualHosts.Select(Compile).ToList();
        foreach (var listener in config.Listeners) ApplyListener(listener, hosts);
        foreach (var host in Forget(_hosts, config.VirtualHosts.Select(h => h.Name))) Release(host);
        foreach (var listener in Forget(_listeners, config.Listeners.Select(l => l.Name)))
        {
            left.Listeners = listener.IsRemoved = true;
            Release(listener);
        }

        left.Endpoints |= ForgetUpstreams(config);
        return left;
    }

    /// <summary>What has figures in the configuration that was put in place last.</summary>
    public FigureIndex Figures(ProxyConfig config)
    {
        var listeners = config.Listeners.Select(l => _listeners[l.Name]).ToList();
        var leading = listeners.Select(l => l.Current).SelectMany(l => (l.ServerNames?.Values ?? []).Concat(l.Default is { } fallback ? [fallback] : []));
        return new FigureIndex(listeners, [.. config.VirtualHosts.SelectMany(h => _hosts[h.Name].Routes), .. leading], [.. config.Upstreams.Select(u => _upstreams[u.Name])]);
    }

    /// <summary>Renews ticket keys that are old enough; to be called each minute or so.</summary>
    public void RotateTickets() => _tlsCompiler.Rotate(time.GetUtcNow());

    /// <inheritdoc/>
    public void Dispose()
    {
        _tls?.Dispose();
        _tlsCompiler.Dispose();
    }

    private bool ApplyUpstreams(ProxyConfig config)
    {
        var removed = false;
        foreach (var group in config.Upstreams)
        {
            if (!_upstreams.TryGetValue(group.Name, out var state))
            {
                _upstreams[group.Name] = state = new UpstreamState(group.Name, Places.Take("group/" + group.Name));
                state.Current = new UpstreamModel(group, [.. group.Endpoints.Select(e => NewEndpoint(group, e))], state, _tls!.Upstream(group.Name));
                continue;
            }

            var tls = _tls!.Upstream(group.Name);
            if (tls == state.Current.Tls && (ReferenceEquals(state.Current.Config, group) || state.Current.Config.Equals(group))) continue;
            var before = state.Current.Endpoints;
            var now = group.Endpoints.Select(e => before.FirstOrDefault(b => b.Name == e.Name && b.IsAt(e.Address)) ?? NewEndpoint(group, e)).ToList();
            state.Current = new UpstreamModel(group, now, state, tls);
            removed |= MarkRemoved(before.Except(now));
        }

        return removed;
    }

    private EndpointModel NewEndpoint(UpstreamGroup group, Endpoint endpoint) => new(group.Name, endpoint, Places.Take(PlaceOf(group.Name, endpoint.Name)));

    private bool ForgetUpstreams(ProxyConfig config)
    {
        var removed = false;
        foreach (var state in Forget(_upstreams, config.Upstreams.Select(u => u.Name)))
        {
            removed |= MarkRemoved(state.Current.Endpoints);
            Places.Release("group/" + state.Name);
        }

        return removed;
    }

    private bool MarkRemoved(IEnumerable<EndpointModel> endpoints)
    {
        var any = false;
        foreach (var endpoint in endpoints)
        {
            any = endpoint.IsRemoved = true;
            Places.Release(PlaceOf(endpoint.Group, endpoint.Name));
        }

        return any;
    }

    private void Release(CompiledHost host)
    {
        foreach (var route in host.Routes) Places.Release(PlaceOf(route));
    }

    private void Release(ListenerState listener)
    {
        ReleaseLeading(listener.Current);
        Places.Release("listener/" + listener.Name);
    }

    private void ReleaseLeading(ListenerModel model)
    {
        foreach (var route in model.Leading) Places.Release(PlaceOf(route));
    }

    private static string PlaceOf(RouteModel route) => $"route/{route.Host}/{route.Config.Name}";

    private static string PlaceOf(string group, string endpoint) => $"endpoint/{group}/{endpoint}";

    private CompiledHost Compile(VirtualHost host)
    {
        if (_hosts.TryGetValue(host.Name, out var known) && known.StillHolds(host, _upstreams)) return known;
        var routes = host.Routes.Select(r => new RouteModel(host.Name, r, UpstreamOf(r), Places.Take($"route/{host.Name}/{r.Name}"))).ToList();
        if (known is not null) Release(known);
        return _hosts[host.Name] = new CompiledHost(host, routes, new PathTable(routes));
    }

    private UpstreamState? UpstreamOf(Route route) => route.Upstream is { } name ? _upstreams[name] : null;

    private void ApplyListener(Listener listener, List<CompiledHost> hosts)
    {
        var model = Compile(listener, hosts);
        if (_listeners.TryGetValue(listener.Name, out var state))
        {
            ReleaseLeading(state.Current);
            state.Current = model;
        }
        else _listeners[listener.Name] = new ListenerState(listener.Name, Places.Take("listener/" + listener.Name), model);
    }

    private ListenerModel Compile(Listener listener, List<CompiledHost> hosts)
    {
        var own = hosts.Where(h => h.Config.Listeners.Count == 0 || h.Config.Listeners.Contains(listener.Name));
        Dictionary<string, object> tables = new(StringComparer.Ordinal);
        foreach (var host in own)
        {
            foreach (var pattern in host.Config.Hosts)
            {
                // A name of several virtual hosts has the routes of all.
                if (!tables.TryAdd(pattern, host)) (tables[pattern] as List<CompiledHost> ?? (List<CompiledHost>)(tables[pattern] = new List<CompiledHost> { (CompiledHost)tables[pattern] })).Add(host);
            }
        }

        var table = new HostTable<PathTable>(tables.Select(t => KeyValuePair.Create(t.Key, TableOf(t.Value))));
        var names = listener.ServerNames.Count == 0 ? null
            : new HostTable<RouteModel>(listener.ServerNames.Select(n => KeyValuePair.Create(n.Host, Leading(listener, n.Host, n.Upstream))));
        return new ListenerModel(listener, table, listener.DefaultUpstream is { } fallback ? Leading(listener, "default", fallback) : null, names, _tls!.Listener(listener.Name));
    }

    private static PathTable TableOf(object hosts) =>
        hosts is CompiledHost one ? one.Table : new PathTable([.. ((List<CompiledHost>)hosts).SelectMany(h => h.Routes)]);

    private RouteModel Leading(Listener listener, string name, string upstream) =>
        new(listener.Name + ":", new Route { Name = name, Upstream = upstream }, _upstreams[upstream], Places.Take($"route/{listener.Name}:/{name}"));

    private static List<T> Forget<T>(Dictionary<string, T> things, IEnumerable<string> names)
    {
        var kept = names.ToHashSet(StringComparer.Ordinal);
        List<T> gone = [];
        if (kept.Count == things.Count) return gone;
        foreach (var (name, thing) in things)
        {
            if (!kept.Contains(name) && things.Remove(name)) gone.Add(thing);
        }

        return gone;
    }

    /// <summary>A virtual host with what was made of it.</summary>
    private sealed record CompiledHost(VirtualHost Config, IReadOnlyList<RouteModel> Routes, PathTable Table)
    {
        /// <summary>Nothing of it changed, and its groups are those that it leads to (one may have gone and come back).</summary>
        public bool StillHolds(VirtualHost host, Dictionary<string, UpstreamState> upstreams) =>
            (ReferenceEquals(Config, host) || Config.Equals(host)) && Routes.All(r => r.Upstream is null || (upstreams.TryGetValue(r.Upstream.Name, out var state) && state == r.Upstream));
    }
}
