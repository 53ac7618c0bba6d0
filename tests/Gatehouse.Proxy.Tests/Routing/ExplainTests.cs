using System.Net;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Engine;
using Gatehouse.Proxy.Routing;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Tests.Routing;

/// <summary>An explanation names the route that the loops take, whatever the routes and the request are.</summary>
public sealed class ExplainTests
{
    private static readonly Gen<string> Paths = Gen.Elements("/", "/a", "/a/", "/a/b", "/ab", "/a/b/c", "/%61", "/a%2Fb", "/x", "/a/./b", "/é");
    private static readonly Gen<string> Hosts = Gen.Elements("a", "a.b", "c.a.b", "d.c.a.b", "A.B", "", ".b", "b.", "x");
    private static readonly Gen<string> Patterns = Gen.Elements("a", "a.b", "*.b", "*.a.b", "**.b", "**.a.b", "*", "c.a.b");

    private static readonly Gen<PathMatch> PathMatches = Gen.OneOf(
        Paths.Select(p => new PathMatch(PathMatchKind.Exact, p)),
        Paths.Select(p => new PathMatch(PathMatchKind.Prefix, p)),
        Gen.Elements("/a", "/a/.", "/.*b", "/[ab]+$").Select(p => new PathMatch(PathMatchKind.Regex, p)));

    private static readonly Gen<ValueMatch> Values =
        from name in Gen.Elements("x", "y")
        from kind in Gen.Elements(Enum.GetValues<ValueMatchKind>())
        from value in Gen.Elements("1", "2", "1|2")
        select new ValueMatch(name, kind, kind is ValueMatchKind.Exact or ValueMatchKind.Regex ? value : "");

    private static readonly Gen<Route> Routes =
        from path in PathMatches
        from methods in Gen.Elements<string[]>([], ["GET"], ["POST", "PUT"])
        from headers in Values.ListOf().Resize(2)
        from query in Values.ListOf().Resize(1)
        from priority in Gen.Elements(0, 0, 0, 1, -1)
        select new Route { Name = "r", Path = path, Methods = [.. methods], Headers = [.. headers], Query = [.. query], Priority = priority, Upstream = "app" };

    private static readonly Gen<string> Requests =
        from method in Gen.Elements("GET", "POST", "DELETE")
        from path in Paths.Where(p => p.All(char.IsAscii))
        from query in Gen.Elements("", "?x=1", "?x=2&y=1", "?y", "?x")
        from fields in Gen.Elements("", "x: 1\r\n", "X: 2\r\ny: 1\r\n", "y:\r\n")
        select $"{method} {path}{query} HTTP/1.1\r\nHost: a\r\n{fields}\r\n";

    [Fact]
    public void The_first_route_without_a_reason_is_the_one_that_is_taken() => Prop.ForAll(Gen.Zip(Routes.NonEmptyListOf(), Requests).ToArbitrary(), pair =>
    {
        var table = new PathTable([.. pair.Item1.Select((r, i) => new RouteModel("h", r with { Name = $"r{i}" }, upstream: null, counter: i))]);
        var bytes = Encoding.ASCII.GetBytes(pair.Item2);
        var head = Read(bytes);
        Assert.True(RoutePath.TryNormalize(head.Path.In(bytes), new byte[256], out var path));
        var steps = table.Explain(path, head, bytes);
        Assert.Equal(table.Routes, steps.Select(s => s.Route));
        Assert.Equal(table.Find(path, head, bytes), steps.FirstOrDefault(s => s.Reason is null).Route);
        Assert.InRange(steps.Count(s => s.Reason is null), 0, 1);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_first_pattern_is_the_one_that_is_taken_and_all_that_match_are_named() => Prop.ForAll(Gen.Zip(Patterns.ListOf(), Hosts).ToArbitrary(), pair =>
    {
        var patterns = pair.Item1.Distinct().ToList();
        var table = new HostTable<string>(patterns.Select(p => KeyValuePair.Create(p, p)));
        var matches = table.Matches(Encoding.ASCII.GetBytes(pair.Item2));
        Assert.Equal(table.Find(Encoding.ASCII.GetBytes(pair.Item2)), matches.Count > 0 ? matches[0].Value : null);
        Assert.All(matches, m => Assert.Equal(m.Pattern, m.Value));
        Assert.Equal(patterns.Where(p => Covers(p, pair.Item2.ToLowerInvariant())).Order(StringComparer.Ordinal), matches.Select(m => m.Pattern).Order(StringComparer.Ordinal));
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("POST", "/a", "", "")]
    [InlineData("GET", "/a", "", "the method is GET, not POST or PUT")]
    [InlineData("POST", "/b", "", "the path is not /a or below it")]
    [InlineData("POST", "/a", "x-old: 1", "header x-old is there")]
    [InlineData("POST", "/a?q=z", "", "query parameter q is \"z\", which [ab] does not match")]
    public void The_condition_that_fails_is_named(string method, string url, string field, string reason)
    {
        var route = new Route
        {
            Name = "one",
            Path = new PathMatch(PathMatchKind.Prefix, "/a"),
            Methods = ["POST", "PUT"],
            Headers = [new ValueMatch("x-old", ValueMatchKind.Absent, "")],
            Query = [new ValueMatch("q", ValueMatchKind.Regex, "[ab]")],
            Upstream = "app",
        };
        var table = new PathTable([new RouteModel("h", route with { Query = url.Contains('?', StringComparison.Ordinal) ? route.Query : [] }, upstream: null, counter: 0)]);
        var bytes = Encoding.ASCII.GetBytes($"{method} {url} HTTP/1.1\r\nHost: a\r\n{(field.Length > 0 ? field + "\r\n" : "")}\r\n");
        var head = Read(bytes);
        Assert.Equal(reason, Assert.Single(table.Explain(head.Path.In(bytes), head, bytes)).Reason ?? "");
    }

    public static TheoryData<string, Route, Route> Ranks
    {
        get
        {
            var plain = new Route { Name = "plain", Path = new PathMatch(PathMatchKind.Prefix, "/a"), Upstream = "app" };
            return new()
            {
                { "priority 1 before 0", plain with { Priority = 1 }, plain },
                { "an exact path before a prefix", plain with { Path = new PathMatch(PathMatchKind.Exact, "/a") }, plain },
                { "its path is longer", plain, plain with { Path = new PathMatch(PathMatchKind.Prefix, "/") } },
                { "it names methods", plain with { Methods = ["GET"] }, plain },
                { "it has more conditions for headers", plain with { Headers = [new ValueMatch("host", ValueMatchKind.Present, "")] }, plain },
                { "it has more conditions for the query", plain with { Query = [new ValueMatch("x", ValueMatchKind.Absent, "")] }, plain },
                { "it is written first", plain with { Name = "first" }, plain },
            };
        }
    }

    [Theory]
    [MemberData(nameof(Ranks))]
    public void Of_two_that_match_the_rule_that_decides_is_named(string rule, Route winner, Route other)
    {
        var bytes = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray();
        var head = Read(bytes);
        var steps = new PathTable([new RouteModel("h", winner with { Name = "winner" }, null, 0), new RouteModel("h", other, null, 1)]).Explain(head.Path.In(bytes), head, bytes);
        Assert.Equal(["h/winner: ", $"h/{other.Name}: it matches, and h/winner stands before it: {rule}"], steps.Select(s => $"{s.Route}: {s.Reason}"));
    }

    [Theory]
    [InlineData(null, "http://shop.example/x", "web", "route shop/all takes it; to group app")]
    [InlineData(null, "shop.example/x", "web", "route shop/all takes it; to group app")]
    [InlineData(null, "http://other/x", "web", "404: no virtual host here has the name, and the listener has no default")]
    [InlineData(null, "http://shop.example/%zz", "web", "400: an escape in the path is broken or stands for NUL (RFC 3986 §2.1)")]
    [InlineData("TRACE", "http://shop.example/", "web", "405: CONNECT and TRACE are not passed on")]
    [InlineData(null, "https://shop.example/", "pass", "the server name is led by *.example; to group app")]
    [InlineData(null, "https://shop.other/", "pass", "closed: no server name here is the host's, and the listener has no default")]
    public void A_request_has_its_outcome(string? method, string url, string listener, string outcome) =>
        Assert.Equal([(listener, outcome)], Explain(method, url).Listeners.Select(l => (l.Name, l.Outcome)));

    [Fact]
    public void Listeners_that_are_not_asked_say_why() => Assert.Equal(
        [("pass", "it speaks TLS, and the URL does not say https"), ("raw", "it passes on tcp unread")],
        Explain(null, "http://shop.example/").NotAsked.Select(p => (p.Name, p.Reason)));

    [Theory]
    [InlineData("", "the URL is missing")]
    [InlineData("ftp://a/", "the URL's scheme is ftp: http and https are routed")]
    public void What_is_no_request_is_told(string url, string problem)
    {
        Assert.Null(RouteQuestion.Read(null, url, [], out var told));
        Assert.Equal(problem, told);
        Assert.Null(RouteQuestion.Read(null, "a", ["no field"], out told));
        Assert.Equal("header 'no field' is not valid: write 'name: value'", told);
    }

    /// <summary>What the explanation says is what a request then meets.</summary>
    [Fact]
    public void A_running_engine_does_what_is_explained()
    {
        using var server = new RawServer();
        var config = Config() with { Upstreams = [Configs.Group("app", server)] };
        using var running = new RunningEngine(config with { Listeners = [config.Listeners[0]] });
        var question = RouteQuestion.Read(null, "http://shop.example/x", [], out _)!;
        var explained = Assert.Single(new RouteExplainer(running.Engine.Figures().Listeners, running.Engine.Sum).Explain(question, "web").Listeners);
        Assert.Equal(("shop/all", "app", 0L), (explained.Route, explained.Group, explained.Endpoints[0].Requests));
        running.Connect().Send(Encoding.ASCII.GetString(question.Bytes));
        using var peer = server.Accept();
        Assert.StartsWith("GET /x HTTP/1.1\r\n", peer.ReadHead(), StringComparison.Ordinal);
        var after = Assert.Single(new RouteExplainer(running.Engine.Figures().Listeners, running.Engine.Sum).Explain(question, "web").Listeners);
        Assert.Equal((1, 1L), (after.Endpoints[0].Active, after.Endpoints[0].Requests));
    }

    private static RouteExplanation Explain(string? method, string url)
    {
        using var compiler = new SnapshotCompiler(TimeProvider.System);
        var config = Config();
        compiler.Apply(config);
        return new RouteExplainer(compiler.Figures(config).Listeners, figure: null).Explain(RouteQuestion.Read(method, url, [], out _)!, name: null);
    }

    private static ProxyConfig Config() => new()
    {
        Listeners =
        [
            new Listener { Name = "web", Address = new IPEndPoint(IPAddress.Loopback, 0) },
            new Listener { Name = "pass", Address = new IPEndPoint(IPAddress.Loopback, 0), Protocol = ListenerProtocol.TlsPassthrough, ServerNames = [new ServerNameRoute { Host = "*.example", Upstream = "app" }] },
            new Listener { Name = "raw", Address = new IPEndPoint(IPAddress.Loopback, 0), Protocol = ListenerProtocol.Tcp, DefaultUpstream = "app" },
        ],
        VirtualHosts = [new VirtualHost { Name = "shop", Hosts = ["*.example"], Listeners = ["web"], Routes = [new Route { Name = "all", Upstream = "app" }] }],
        Upstreams = [new UpstreamGroup { Name = "app", Endpoints = [new Endpoint { Name = "app-0", Address = new IPEndPoint(IPAddress.Loopback, 1) }] }],
    };

    private static RequestHead Read(byte[] bytes)
    {
        var head = new RequestHead();
        var scan = default(HeadScan);
        Assert.Equal(HeadStatus.Complete, head.Read(bytes, ref scan, new HeadLimits(1_000, 8_000, 100)));
        return head;
    }

    /// <summary>The written rule of patterns.</summary>
    private static bool Covers(string pattern, string host)
    {
        if (pattern == "*") return true;
        if (pattern.StartsWith("**.", StringComparison.Ordinal)) return host.EndsWith(pattern[2..], StringComparison.Ordinal);
        if (!pattern.StartsWith("*.", StringComparison.Ordinal)) return host == pattern;
        var dot = host.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && host[dot..] == pattern[1..];
    }
}
