using System.Net;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tests;

/// <summary>Configurations that many tests begin with.</summary>
internal static class Configs
{
    /// <summary>One listener that sends everything to one group of these endpoints.</summary>
    public static ProxyConfig One(params RawServer[] servers) => new()
    {
        Listeners = [new Listener { Name = "web", Address = new IPEndPoint(IPAddress.Loopback, 0), DefaultUpstream = "app" }],
        Upstreams = [Group("app", servers)],
    };

    /// <summary>The same, without forwarded fields, so that what goes on is what came.</summary>
    public static ProxyConfig Plain(params RawServer[] servers) => One(servers).With(l => l with { Forwarded = ForwardedFields.None });

    public static UpstreamGroup Group(string name, params RawServer[] servers) => new()
    {
        Name = name,
        Endpoints = [.. servers.Select((s, i) => new Endpoint { Name = $"{name}-{i}", Address = s.Address })],
    };

    /// <summary>With the only listener changed.</summary>
    public static ProxyConfig With(this ProxyConfig config, Func<Listener, Listener> change) => config with { Listeners = [change(config.Listeners[0])] };

    /// <summary>With the only group changed.</summary>
    public static ProxyConfig With(this ProxyConfig config, Func<UpstreamGroup, UpstreamGroup> change) => config with { Upstreams = [change(config.Upstreams[0])] };
}
