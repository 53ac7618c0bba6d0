using Gatehouse.Proxy.Configuration.Form;

namespace Gatehouse.Proxy.Configuration.Validation;

/// <summary>Looks whether what names refer to is there.</summary>
internal sealed class References
{
    private readonly ProxyConfig _config;
    private readonly ConfigCheck _check;
    private readonly HashSet<string> _upstreams;
    private readonly HashSet<string> _certificates;
    private readonly Dictionary<string, Listener> _listeners;

    private References(ProxyConfig config, ConfigCheck check)
    {
        (_config, _check) = (config, check);
        _upstreams = NamesOf(config.Upstreams, static u => u.Name);
        _certificates = NamesOf(config.Certificates, static c => c.Name);
        _listeners = new(StringComparer.Ordinal);
        foreach (var listener in config.Listeners) _listeners.TryAdd(listener.Name ?? "", listener);
    }

    public static void Check(ProxyConfig config, ConfigCheck check)
    {
        var references = new References(config, check);
        references.OfListeners();
        references.OfVirtualHosts();
        references.OfUpstreams();
    }

    private static HashSet<string> NamesOf<T>(EquatableArray<T> items, Func<T, string> name)
        where T : IEquatable<T>
    {
        HashSet<string> names = new(items.Count, StringComparer.Ordinal);
        foreach (var item in items) names.Add(name(item) ?? "");
        return names;
    }

    private void OfListeners()
    {
        for (var i = 0; i < _config.Listeners.Count; i++)
        {
            var listener = _config.Listeners[i];
            Enter("listeners", i);
            Upstream(listener.DefaultUpstream, "to");
            for (var j = 0; j < listener.ServerNames.Count; j++)
            {
                Enter("serverNames", j);
                Upstream(listener.ServerNames[j].Upstream, "to");
                Leave();
            }

            if (listener.Tls is { } tls) OfTls(listener, tls);
            if (listener.Protocol == ListenerProtocol.Udp) OfUdp(listener);
            Leave();
        }
    }

    /// <summary>Packets are passed on as they are: nothing comes before them and they are put into nothing.</summary>
    private void OfUdp(Listener listener)
    {
        foreach (var group in _config.Upstreams)
        {
            if (group.Name != listener.DefaultUpstream || listener.DefaultUpstream is null) continue;
            if (group.Tls is not null) _check.Warn("to", $"{Shown.Value(group.Name)} is spoken to in TLS, and this is udp: every packet is dropped");
            if (group.ProxyProtocol != ProxyProtocolVersion.None) _check.Warn("to", $"{Shown.Value(group.Name)} gets a PROXY header, and this is udp: its packets get none");
        }
    }

    private void OfTls(Listener listener, ListenerTls tls)
    {
        _check.Trail.Enter("tls");
        Certificate(tls.DefaultCertificate, "defaultCertificate");
        for (var j = 0; j < tls.Certificates.Count; j++)
        {
            Enter("certificates", j);
            if (!_certificates.Contains(tls.Certificates[j])) _check.Fault(Missing("certificate", tls.Certificates[j], _certificates));
            Leave();
        }

        // A listener whose certificates all come with virtual hosts is right; one for which nobody has any can't serve.
        if (listener.Protocol == ListenerProtocol.Https && tls is { DefaultCertificate: null, Certificates.Count: 0 } && !HasHostWithCertificate(listener))
        {
            _check.Fault("defaultCertificate", "is required, because neither certificates nor a virtual host of this listener gives one");
        }

        _check.Trail.Leave();
    }

    private bool HasHostWithCertificate(Listener listener)
    {
        foreach (var host in _config.VirtualHosts)
        {
            if (host.Certificate is not null && (host.Listeners.Count == 0 || host.Listeners.Contains(listener.Name, StringComparer.Ordinal))) return true;
        }

        return false;
    }

    private void OfVirtualHosts()
    {
        for (var i = 0; i < _config.VirtualHosts.Count; i++)
        {
            var host = _config.VirtualHosts[i];
            Enter("virtualHosts", i);
            Certificate(host.Certificate, "certificate");
            for (var j = 0; j < host.Listeners.Count; j++)
            {
                Enter("listeners", j);
                if (!_listeners.TryGetValue(host.Listeners[j], out var listener)) _check.Fault(Missing("listener", host.Listeners[j], _listeners.Keys));
                else if (!ListenerRules.IsHttp(listener.Protocol)) _check.Fault($"{Shown.Value(listener.Name)} speaks {ListenerRules.Word(listener.Protocol)}: virtual hosts are for http and https");
                Leave();
            }

            for (var j = 0; j < host.Routes.Count; j++)
            {
                if (host.Routes[j].Upstream is not { } upstream || _upstreams.Contains(upstream)) continue;
                Enter("routes", j);
                Upstream(upstream, "to");
                Leave();
            }

            Leave();
        }
    }

    private void OfUpstreams()
    {
        for (var i = 0; i < _config.Upstreams.Count; i++)
        {
            if (_config.Upstreams[i].Tls?.Certificate is not { } name || _certificates.Contains(name)) continue;
            Enter("upstreams", i);
            _check.Trail.Enter("tls");
            Certificate(name, "certificate");
            _check.Trail.Leave();
            Leave();
        }
    }

    private void Upstream(string? name, string field)
    {
        if (name is not null && !_upstreams.Contains(name)) _check.Fault(field, Missing("upstream", name, _upstreams));
    }

    private void Certificate(string? name, string field)
    {
        if (name is not null && !_certificates.Contains(name)) _check.Fault(field, Missing("certificate", name, _certificates));
    }

    private void Enter(string list, int index)
    {
        _check.Trail.Enter(list);
        _check.Trail.Enter(index);
    }

    private void Leave()
    {
        _check.Trail.Leave();
        _check.Trail.Leave();
    }

    private static string Missing(string kind, string name, IReadOnlyCollection<string> known) =>
        $"there is no {kind} {Shown.Value(name)}" + (known.Count == 0 ? $": there are no {kind}s at all" : Nearest.Hint(name, known) is { Length: > 0 } hint ? hint : known.Count <= 8 ? $"; there are {string.Join(", ", known)}" : "");
}
