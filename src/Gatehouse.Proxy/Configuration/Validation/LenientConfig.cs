using System.Diagnostics;
using Gatehouse.Proxy.Configuration.Form;

namespace Gatehouse.Proxy.Configuration.Validation;

/// <summary>Takes out of a configuration what has faults.</summary>
internal static class LenientConfig
{
    /// <summary>What was taken out can leave something without what it needs: a listener without a certificate, a virtual host without a listener. Nothing is further away.</summary>
    private const int MostPasses = 8;

    private static readonly FixedResponse Unavailable = new() { Status = 503 };

    /// <summary>What can be served, without a fault.</summary>
    /// <param name="check">What was found in it.</param>
    public static ProxyConfig Rest(ProxyConfig config, ConfigCheck check, TimeProvider time, ProxyConfig? known)
    {
        // At first only what is wrong in itself: what names something that is missing can often stay without it.
        var rest = Repair(Without(config, check.FaultyThemselves));
        for (var pass = 0; pass < MostPasses; pass++)
        {
            check = ConfigValidator.Run(rest, time, known);
            if (check.Objects.Count == 0) return rest;
            rest = Repair(Without(rest, check.Objects));
        }

        throw new UnreachableException($"what is left of a configuration has faults: {check.Faults[0]}");
    }

    private static ProxyConfig Without(ProxyConfig config, IEnumerable<FaultyObject> faulty)
    {
        var bySection = faulty.ToLookup(f => f.Section);
        return config with
        {
            Engine = bySection["engine"].Any() ? new EngineSettings() : config.Engine,
            AccessLog = bySection["accessLog"].Any() ? new AccessLog() : config.AccessLog,
            Listeners = Each(config.Listeners, bySection["listeners"], ConfigForm.MostListeners, static (_, _) => null),
            VirtualHosts = Each(config.VirtualHosts, bySection["virtualHosts"], ConfigForm.MostOfAKind, Host),
            Upstreams = Each(config.Upstreams, bySection["upstreams"], ConfigForm.MostOfAKind, Group),
            Certificates = Each(config.Certificates, bySection["certificates"], ConfigForm.MostOfAKind, static (_, _) => null),
        };
    }

    /// <summary>The items without those for which nothing is left.</summary>
    private static EquatableArray<T> Each<T>(EquatableArray<T> items, IEnumerable<FaultyObject> faulty, int most, Func<T, List<FaultyObject>, T?> rest)
        where T : class, IEquatable<T>
    {
        var byIndex = faulty.GroupBy(f => f.Index).ToDictionary(g => g.Key, g => g.ToList());
        if (byIndex.Count == 0) return items;
        List<T> kept = [];
        for (var i = 0; i < Math.Min(items.Count, most); i++)
        {
            if ((byIndex.TryGetValue(i, out var own) ? rest(items[i], own) : items[i]) is { } one) kept.Add(one);
        }

        return [.. kept];
    }

    /// <summary>Null: nothing of it can be served.</summary>
    private static VirtualHost? Host(VirtualHost host, List<FaultyObject> faulty)
    {
        if (faulty.Exists(f => f.Inner is not ("routes" or "hosts"))) return null;
        var hosts = faulty.Where(f => f.Inner == "hosts").Select(f => f.InnerIndex).ToHashSet();
        var routes = faulty.Where(f => f.Inner == "routes").ToLookup(f => f.InnerIndex, f => f.Field);
        var rest = host with
        {
            Hosts = [.. host.Hosts.Where((_, i) => !hosts.Contains(i))],
            Routes = [.. host.Routes.Select((route, i) => routes.Contains(i) ? RouteOf(route, routes[i]) : route).OfType<Route>()],
        };
        return rest.Hosts.Count == 0 ? null : rest;
    }

    /// <summary>A route that is known to match keeps its requests from others.</summary>
    private static Route? RouteOf(Route route, IEnumerable<string?> fields) =>
        fields.All(f => f is "to" or "respond" or "bodyBytes" or "upgrade") ? route with { Upstream = null, Respond = Unavailable, BodyBytes = null } : null;

    private static UpstreamGroup? Group(UpstreamGroup group, List<FaultyObject> faulty)
    {
        if (faulty.Exists(f => f.Field == "name" && f.Inner is null)) return null;
        if (faulty.Exists(f => f.Inner != "endpoints")) return new UpstreamGroup { Name = group.Name };
        var endpoints = faulty.Select(f => f.InnerIndex).ToHashSet();
        return group with { Endpoints = [.. group.Endpoints.Where((_, i) => !endpoints.Contains(i))] };
    }

    /// <summary>Mends what names something that is not there.</summary>
    private static ProxyConfig Repair(ProxyConfig config)
    {
        var upstreams = config.Upstreams.Select(u => u.Name).ToHashSet(StringComparer.Ordinal);
        var certificates = config.Certificates.Select(c => c.Name).ToHashSet(StringComparer.Ordinal);
        var listeners = config.Listeners.Where(l => ListenerRules.IsHttp(l.Protocol)).Select(l => l.Name).ToHashSet(StringComparer.Ordinal);
        List<UpstreamGroup> empty = [];
        bool Has(string upstream)
        {
            if (upstreams.Contains(upstream)) return true;
            if (TextRules.Name(upstream) is not null) return false;
            upstreams.Add(upstream);
            empty.Add(new UpstreamGroup { Name = upstream });
            return true;
        }

        var repaired = config with
        {
            Listeners = [.. config.Listeners.Select(l => Mended(l, Has, certificates))],
            VirtualHosts = [.. config.VirtualHosts.Select(v => Mended(v, Has, certificates, listeners)).OfType<VirtualHost>()],
        };
        return repaired with
        {
            Upstreams = [.. config.Upstreams.Select(u => u.Tls?.Certificate is { } name && !certificates.Contains(name) ? new UpstreamGroup { Name = u.Name } : u), .. empty],
        };
    }

    private static Listener Mended(Listener listener, Func<string, bool> has, HashSet<string> certificates)
    {
        // All of them, because a name that is known to be missing must not fall to the default.
        var names = listener.ServerNames.Count(n => !has(n.Upstream));
        var to = listener.DefaultUpstream is { } upstream && !has(upstream) ? null : listener.DefaultUpstream;
        var tls = listener.Tls;
        if (tls is { DefaultCertificate: { } standard } && !certificates.Contains(standard)) tls = tls with { DefaultCertificate = null };
        if (tls is not null && tls.Certificates.Any(c => !certificates.Contains(c))) tls = tls with { Certificates = [.. tls.Certificates.Where(certificates.Contains)] };
        return names == 0 && to == listener.DefaultUpstream && tls == listener.Tls ? listener : listener with { DefaultUpstream = to, Tls = tls };
    }

    /// <summary>Null: none of its listeners is there, and without any it would belong to all.</summary>
    private static VirtualHost? Mended(VirtualHost host, Func<string, bool> has, HashSet<string> certificates, HashSet<string> listeners)
    {
        if (host.Certificate is { } name && !certificates.Contains(name)) host = host with { Certificate = null };
        if (host.Listeners.Any(l => !listeners.Contains(l))) host = host with { Listeners = [.. host.Listeners.Where(listeners.Contains)] };
        else if (host.Routes.All(r => r.Upstream is null || has(r.Upstream))) return host;
        else return host with { Routes = Answered(host.Routes, has) };
        return host.Listeners.Count == 0 ? null : host with { Routes = Answered(host.Routes, has) };
    }

    private static EquatableArray<Route> Answered(EquatableArray<Route> routes, Func<string, bool> has) =>
        [.. routes.Select(r => r.Upstream is { } upstream && !has(upstream) ? r with { Upstream = null, Respond = Unavailable } : r)];
}
