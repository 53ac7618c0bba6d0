using System.Net;
using FsCheck;
using FsCheck.Fluent;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tests.Configuration;

/// <summary>Small configurations in which every field takes several values. Names come from few, so that two configurations have some in common.</summary>
internal static class RandomConfigs
{
    private static readonly string[] Texts = ["", "a", "é€😀", "line\nend\ttab", "\"quoted\" \\ 'text'", "<&+/=>", "1", "true", "no", "0x1F", "~", "*a", "- b: c", " # d"];
    private static readonly TimeSpan[] Spans = [TimeSpan.Zero, TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(1_500), TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(90), TimeSpan.FromHours(48), TimeSpan.FromDays(7)];

    /// <summary>Configurations without a fault.</summary>
    public static Arbitrary<ProxyConfig> Right { get; } = Seeds.Select(seed => new Maker(new Random(seed), broken: false).Config()).ToArbitrary();

    public static Arbitrary<(ProxyConfig From, ProxyConfig To)> Pairs { get; } = Seeds.Two().Select(seeds => (Make(seeds.Item1), Make(seeds.Item2))).ToArbitrary();

    /// <summary>A configuration and one in which few things are different and all else is the same object, in another order now and then.</summary>
    public static Arbitrary<(ProxyConfig From, ProxyConfig To)> Neighbours { get; } = Seeds.Select(seed =>
    {
        var maker = new Maker(new Random(seed), broken: false);
        var from = maker.Config();
        return (from, maker.Changed(from));
    }).ToArbitrary();

    /// <summary>Configurations with any number of faults.</summary>
    public static Arbitrary<ProxyConfig> Broken { get; } = Seeds.Select(seed => new Maker(new Random(seed), broken: true).Config()).ToArbitrary();

    private static Gen<int> Seeds => Gen.Choose(0, int.MaxValue - 1);

    private static ProxyConfig Make(int seed) => new Maker(new Random(seed), broken: false).Config();

    private sealed class Maker(Random random, bool broken)
    {
        private const int Things = 6;

        public ProxyConfig Config()
        {
            var upstreams = Names("u");
            var listeners = Names("l");
            return new ProxyConfig
            {
                Engine = new EngineSettings { Threads = Number(0, 1_024), MaxConnections = Number(1, 10_000_000), DrainTimeout = One(Spans), User = Maybe("gate"), Admin = Maybe(new IPEndPoint(IPAddress.Loopback, 9_000)) },
                AccessLog = new AccessLog { Format = One(Enum.GetValues<AccessLogFormat>()), Path = One("-", "/var/log/x y.log", "udp://10.0.0.1:514") },
                Listeners = [.. listeners.Select((name, i) => Listener(name, i, upstreams))],
                VirtualHosts = [.. Names("v").Select(name => Host(name, upstreams, listeners))],
                Upstreams = [.. upstreams.Select(Group)],
                Certificates = [.. Names("c").Select(Certificate)],
            };
        }

        public ProxyConfig Changed(ProxyConfig config) => config with
        {
            VirtualHosts = Few(config.VirtualHosts, v => v with { Hosts = [$"changed{random.Next()}.example.com"] }),
            Upstreams = Few(config.Upstreams, u => u with { Retries = Number(0, 100) }),
            Certificates = Few(config.Certificates, c => c with { OcspResponse = Convert.ToBase64String([1, (byte)random.Next(256)]) }),
            Engine = Yes() ? config.Engine : config.Engine with { Threads = Number(0, 1_024) },
        };

        private EquatableArray<T> Few<T>(EquatableArray<T> items, Func<T, T> change)
            where T : class, IEquatable<T>
        {
            var list = items.ToList();
            if (list.Count > 0 && Yes()) list.RemoveAt(random.Next(list.Count));
            if (list.Count > 0 && Yes() && random.Next(list.Count) is var at) list[at] = change(list[at]);
            if (list.Count > 1 && Yes()) list.Reverse(0, random.Next(list.Count));
            return [.. list];
        }

        private Listener Listener(string name, int index, string[] upstreams)
        {
            var protocol = broken ? One(Enum.GetValues<ListenerProtocol>()) : One(ListenerProtocol.Http, ListenerProtocol.Http, ListenerProtocol.Tcp, ListenerProtocol.Udp, ListenerProtocol.TlsPassthrough);
            return new Listener
            {
                Name = Bad("not a name") ?? name,
                Address = new IPEndPoint(One(IPAddress.Any, IPAddress.IPv6Any, IPAddress.Loopback, IPAddress.Parse("2001:db8::1")), Bad("") is null ? 1_000 + index : 1_000),
                Protocol = protocol,
                DefaultUpstream = Bad("missing") ?? Bad("no name !") ?? Maybe(Any(upstreams)),
                ServerNames = protocol == ListenerProtocol.TlsPassthrough && upstreams.Length > 0 ? [new ServerNameRoute { Host = Bad("A.example.com") ?? "**.example.com", Upstream = Bad("missing") ?? Any(upstreams)! }] : [],
                ProxyProtocolFrom = protocol == ListenerProtocol.Udp && !broken ? [] : Networks(),
                TrustedProxies = protocol == ListenerProtocol.Http || broken ? Networks() : [],
                Forwarded = One(ForwardedFields.None, ForwardedFields.XForwarded, ForwardedFields.Forwarded, ForwardedFields.XForwarded | ForwardedFields.Forwarded),
                Tls = broken && Yes() ? new ListenerTls { DefaultCertificate = One("c1", "c9"), Certificates = Yes() ? [] : ["c2", "c9"], Alpn = Yes() ? ["h2"] : [] } : null,
                Timeouts = new ClientTimeouts { Handshake = One(Spans), Header = One(Spans), KeepAlive = One(Spans), Idle = Bad("") is null ? One(Spans) : -One(Spans) },
                Limits = new ClientLimits
                {
                    RequestLineBytes = Number(64, 256),
                    HeadBytes = Number(256, 61_440),
                    Fields = Number(1, 1_000),
                    BodyBytes = random.NextInt64(1L << 50),
                    MinBodyRate = Number(0, 1 << 30),
                    ConnectionsPerClient = Number(0, 10_000_000),
                    Connections = Number(0, 10_000_000),
                    Flows = Number(Bad("") is null ? 1 : -1, 1 << 20),
                },
            };
        }

        private VirtualHost Host(string name, string[] upstreams, string[] listeners) => new()
        {
            Name = Bad("") ?? name,
            Hosts = [Bad("UPPER") ?? $"{name}.example.com", .. Yes() ? (string[])[$"*.{name}.example.com", "*"] : []],
            Listeners = broken && Yes() ? [One([.. listeners, "l9"])] : [],
            Certificate = broken ? One("c1", "c9", null) : null,
            Routes = [.. Enumerable.Range(0, random.Next(4)).Select(i => Route(i, upstreams))],
        };

        private Route Route(int index, string[] upstreams)
        {
            var to = Bad("missing") ?? Bad("no name !") ?? Maybe(Any(upstreams));
            return new Route
            {
                Name = Bad("r0") ?? $"r{index}",
                Path = Bad("") is null ? new PathMatch(One(Enum.GetValues<PathMatchKind>()), index == 0 ? "/" : $"/p{index}") : new PathMatch(PathMatchKind.Regex, "("),
                Methods = Yes() ? [] : ["GET", Bad("get") ?? "M-SEARCH"],
                Headers = Yes() ? [] : [One(new ValueMatch("X-A", ValueMatchKind.Regex, "v[0-9]+|é"), new("X-B", ValueMatchKind.Exact, "a b"), new("X-D", ValueMatchKind.Present)), new(Bad("X B") ?? "X-C", ValueMatchKind.Absent)],
                Query = Yes() ? [] : [new("q", ValueMatchKind.Exact, One(Texts)), new("p", ValueMatchKind.Present)],
                Priority = random.Next(-10, 10),
                Upstream = to,
                Respond = to is null ? new FixedResponse { Status = Number(206, 299), Body = One(Texts), ContentType = One("text/plain; charset=utf-8", "x/y") } : null,
                BodyBytes = Yes() ? null : random.NextInt64(1L << 50),
                Upgrade = Yes(),
            };
        }

        private UpstreamGroup Group(string name) => new()
        {
            Name = Bad("u1") ?? name,
            Endpoints = [.. Enumerable.Range(1, random.Next(4)).Select(i => new Endpoint { Name = Yes() ? $"10.0.0.{i}:80" : $"e{i}", Address = new IPEndPoint(IPAddress.Parse($"10.0.0.{i}"), 80), Weight = Number(Bad("") is null ? 0 : -5, 256) })],
            Tls = Yes() ? null : new UpstreamTls { ServerName = Maybe("in.example.com"), Verify = Yes(), MinVersion = One(TlsVersion.Tls12, TlsVersion.Tls13), Authorities = Bad("no PEM"), Certificate = Bad("c9") },
            ProxyProtocol = One(Enum.GetValues<ProxyProtocolVersion>()),
            Timeouts = new UpstreamTimeouts { Connect = One(Spans), Response = One(Spans), Idle = One(Spans), Tunnel = Yes() ? null : One(Spans), KeepAlive = One(Spans) },
            MaxIdleConnections = Number(0, 65_536),
            Retries = Number(0, 100),
        };

        private Certificate Certificate(string name) => new() { Name = name, Chain = Bad("no PEM") ?? TestCertificates.Chain, Key = Bad(TestCertificates.OtherKey) ?? TestCertificates.Key, OcspResponse = Maybe("AQID") };

        private EquatableArray<IPNetwork> Networks() => Yes() ? [] : [IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("::/0"), IPNetwork.Parse("192.0.2.1/32")];

        private string[] Names(string kind) => [.. Enumerable.Range(0, Things).Where(_ => random.Next(3) > 0).Select(i => $"{kind}{i}").OrderBy(_ => random.Next(8))];

        private bool Yes() => random.Next(2) == 0;

        private string? Bad(string text) => broken && random.Next(12) == 0 ? text : null;

        private T One<T>(params T[] of) => of[random.Next(of.Length)];

        private T? Maybe<T>(T? value)
            where T : class => Yes() ? value : null;

        private string? Any(string[] names) => names.Length == 0 ? null : One(names);

        private int Number(int least, int most) => random.Next(3) switch
        {
            0 => least,
            1 => most,
            _ => random.Next(least, most),
        };
    }
}
