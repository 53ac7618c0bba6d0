using System.Net;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tests.Configuration;

/// <summary>What a person writes, and what comes of it.</summary>
public sealed class RoutesFileTests
{
    [Fact]
    public void The_short_forms_are_read()
    {
        var config = Read.Right("""
            listeners:
              - name: web
                address: 0.0.0.0:80
            virtualHosts:
              - hosts: shop.example.com
                routes:
                  - path: /api
                    to: api
                  - exact: /health
                    respond: 204
                  - regex: /v[0-9]+/.*
                    methods: GET
                    headers: { X-Canary: always }
                    upstream: api
                  - to: web
              - name: rest
                host: ["**.example.com", "*"]
                to: web
            upstreams:
              - name: api
                endpoints: [10.0.0.1:8080, "[2001:db8::1]:8080", { address: 10.0.0.2:8080, name: two, weight: 3 }]
              - { name: web, endpoints: 10.0.0.3:80 }
            """);

        Assert.Equal(new Listener { Name = "web", Address = new IPEndPoint(IPAddress.Any, 80) }, Assert.Single(config.Listeners));
        Assert.Equal(
            [
                new VirtualHost
                {
                    Name = "shop.example.com",
                    Hosts = ["shop.example.com"],
                    Routes =
                    [
                        new Route { Name = "route-1", Path = new(PathMatchKind.Prefix, "/api"), Upstream = "api" },
                        new Route { Name = "route-2", Path = new(PathMatchKind.Exact, "/health"), Respond = new FixedResponse { Status = 204 } },
                        new Route { Name = "route-3", Path = new(PathMatchKind.Regex, "/v[0-9]+/.*"), Methods = ["GET"], Headers = [new("X-Canary", ValueMatchKind.Exact, "always")], Upstream = "api" },
                        new Route { Name = "route-4", Upstream = "web" },
                    ],
                },
                new VirtualHost { Name = "rest", Hosts = ["**.example.com", "*"], Routes = [new Route { Name = "route-1", Upstream = "web" }] },
            ],
            config.VirtualHosts);
        Assert.Equal(
            [
                new UpstreamGroup { Name = "api", Endpoints = [At("10.0.0.1:8080"), At("[2001:db8::1]:8080"), new Endpoint { Name = "two", Address = IPEndPoint.Parse("10.0.0.2:8080"), Weight = 3 }] },
                new UpstreamGroup { Name = "web", Endpoints = [At("10.0.0.3:80")] },
            ],
            config.Upstreams);
    }

    [Fact]
    public void Every_key_is_read()
    {
        var config = Read.Right("""
            engine: { threads: 4, maxConnections: 5000, drainTimeout: 5m, user: gatehouse, admin: 127.0.0.1:9100 }
            accessLog: { format: json, path: udp://10.0.0.9:514 }
            listeners:
              - name: web
                address: "[::]:8080"
                protocol: http
                defaultUpstream: all
                proxyProtocolFrom: 10.0.0.0/8
                trustedProxies: [10.1.0.0/16, fd00::/8, 192.0.2.1]
                forwarded: [xForwarded, forwarded]
                timeouts: { handshake: 1s, header: 2s, keepAlive: 3m, idle: 0 }
                limits: { requestLineBytes: 4KB, headBytes: 32KB, fields: 50, bodyBytes: 1GB, minBodyRate: 0, connectionsPerClient: 10, connections: 1000, flows: 1 }
              - { name: dns, address: 127.0.0.1:53, protocol: udp, to: all }
              - name: sni
                address: 127.0.0.1:443
                protocol: tlsPassthrough
                serverNames: { a.example.com: all, "**.b.example.com": all }
              - name: silent
                address: 127.0.0.2:80
                forwarded: []
            virtualHosts:
              - name: one
                hosts: [127.0.0.1, "[::1]"]
                listeners: [web]
                routes:
                  - name: r
                    path: /a/b
                    methods: [GET, PURGE]
                    headers:
                      - { name: a, exact: "1" }
                      - { name: b, regex: "v[0-9]" }
                      - { name: c, present: true }
                      - { name: d, present: false }
                      - name: e
                    query: { q: "1" }
                    priority: -5
                    respond: { status: 302, location: "https://example.com/", body: moved, contentType: text/html }
                    bodyBytes: 16KB
                    upgrade: false
            upstreams:
              - name: all
                balance: roundRobin
                endpoints: []
                tls: { serverName: inner.example.com, verify: false, minVersion: 1.3 }
                proxyProtocol: v2
                timeouts: { connect: 500ms, response: 1.5s, idle: 1h, tunnel: 2h, keepAlive: 1s }
                maxIdleConnections: 0
                retries: 0
            """);

        Assert.Equal(new EngineSettings { Threads = 4, MaxConnections = 5_000, DrainTimeout = TimeSpan.FromMinutes(5), User = "gatehouse", Admin = IPEndPoint.Parse("127.0.0.1:9100") }, config.Engine);
        Assert.Equal(new AccessLog { Format = AccessLogFormat.Json, Path = "udp://10.0.0.9:514" }, config.AccessLog);
        Assert.Equal(
            new Listener
            {
                Name = "web",
                Address = new IPEndPoint(IPAddress.IPv6Any, 8080),
                DefaultUpstream = "all",
                ProxyProtocolFrom = [IPNetwork.Parse("10.0.0.0/8")],
                TrustedProxies = [IPNetwork.Parse("10.1.0.0/16"), IPNetwork.Parse("fd00::/8"), IPNetwork.Parse("192.0.2.1/32")],
                Forwarded = ForwardedFields.XForwarded | ForwardedFields.Forwarded,
                Timeouts = new ClientTimeouts { Handshake = TimeSpan.FromSeconds(1), Header = TimeSpan.FromSeconds(2), KeepAlive = TimeSpan.FromMinutes(3), Idle = TimeSpan.Zero },
                Limits = new ClientLimits { RequestLineBytes = 4_096, HeadBytes = 32_768, Fields = 50, BodyBytes = 1L << 30, MinBodyRate = 0, ConnectionsPerClient = 10, Connections = 1_000, Flows = 1 },
            },
            config.Listeners[0]);
        Assert.Equal((ListenerProtocol.Udp, "all"), (config.Listeners[1].Protocol, config.Listeners[1].DefaultUpstream));
        Assert.Equal([new ServerNameRoute { Host = "a.example.com", Upstream = "all" }, new ServerNameRoute { Host = "**.b.example.com", Upstream = "all" }], config.Listeners[2].ServerNames);
        Assert.Equal(ForwardedFields.None, config.Listeners[3].Forwarded);
        Assert.Equal(
            new VirtualHost
            {
                Name = "one",
                Hosts = ["127.0.0.1", "[::1]"],
                Listeners = ["web"],
                Routes =
                [
                    new Route
                    {
                        Name = "r",
                        Path = new(PathMatchKind.Prefix, "/a/b"),
                        Methods = ["GET", "PURGE"],
                        Headers = [new("a", ValueMatchKind.Exact, "1"), new("b", ValueMatchKind.Regex, "v[0-9]"), new("c", ValueMatchKind.Present), new("d", ValueMatchKind.Absent), new("e", ValueMatchKind.Present)],
                        Query = [new("q", ValueMatchKind.Exact, "1")],
                        Priority = -5,
                        Respond = new FixedResponse { Status = 302, Location = "https://example.com/", Body = "moved", ContentType = "text/html" },
                        BodyBytes = 16_384,
                        Upgrade = false,
                    },
                ],
            },
            Assert.Single(config.VirtualHosts));
        Assert.Equal(
            new UpstreamGroup
            {
                Name = "all",
                Tls = new UpstreamTls { ServerName = "inner.example.com", Verify = false, MinVersion = TlsVersion.Tls13 },
                ProxyProtocol = ProxyProtocolVersion.V2,
                Timeouts = new UpstreamTimeouts
                {
                    Connect = TimeSpan.FromMilliseconds(500),
                    Response = TimeSpan.FromMilliseconds(1_500),
                    Idle = TimeSpan.FromHours(1),
                    Tunnel = TimeSpan.FromHours(2),
                    KeepAlive = TimeSpan.FromSeconds(1),
                },
                MaxIdleConnections = 0,
                Retries = 0,
            },
            Assert.Single(config.Upstreams));
    }

    [Fact]
    public void All_faults_are_told_at_once_with_their_places()
    {
        Assert.Equal(
            [
                "routes.yaml:3:14: listeners[0].address: 'example.com:80' is a name: only addresses can stand here, because names are not resolved; write an address with its port, such as 10.0.0.1:80 or \"[2001:db8::1]:80\"",
                "routes.yaml:4:5: listeners[0].protocl: is not known; did you mean 'protocol'?",
                "routes.yaml:6:12: virtualHosts[0].hosts[0]: 'Shop.example.com' is not valid: in small letters: shop.example.com",
                "routes.yaml:8:15: virtualHosts[0].routes[0].path: 'api' is not valid: a path begins with / and has at most 8,192 characters",
                "routes.yaml:9:13: virtualHosts[0].routes[0].to: there is no upstream 'apis'; did you mean 'api'?",
                "routes.yaml:12:20: upstreams[0].endpoints[0].address: '10.0.0.1' has no port: for example \"10.0.0.1:80\"",
                "routes.yaml:13:14: upstreams[0].retries: '101' is not valid: a number: 0 to 100",
            ],
            Read.Faults("""
                listeners:
                  - name: web
                    address: example.com:80
                    protocl: http
                virtualHosts:
                  - hosts: Shop.example.com
                    routes:
                      - path: api
                        to: apis
                upstreams:
                  - name: api
                    endpoints: [   10.0.0.1]
                    retries: 101
                """));
    }

    private static Endpoint At(string address) => new() { Name = address, Address = IPEndPoint.Parse(address) };
}
