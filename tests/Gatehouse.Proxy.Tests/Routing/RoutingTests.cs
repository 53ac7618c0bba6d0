using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Tests.Http1;

namespace Gatehouse.Proxy.Tests.Routing;

/// <summary>Which route takes a request, seen from outside: each route answers with its name.</summary>
public sealed class RoutingTests
{
    private static readonly VirtualHost[] Hosts =
    [
        Host("exact", ["www.example.com"], To("www")),
        Host("one label", ["*.example.com"], To("one")),
        Host("any depth", ["**.example.com"], To("deep")),
        Host("deeper", ["**.deep.example.com"], To("deeper")),
        Host("address", ["192.0.2.1", "[2001:db8::1]"], To("address")),
        Host("any", ["*"], To("any")),
        Host("paths", ["paths"],
            Route("root", PathMatchKind.Prefix, "/"),
            Route("foo", PathMatchKind.Prefix, "/foo"),
            Route("foo exact", PathMatchKind.Exact, "/foo"),
            Route("bar/", PathMatchKind.Prefix, "/bar/"),
            Route("a/b", PathMatchKind.Prefix, "/a/b"),
            Route("dots", PathMatchKind.Exact, "/x/y"),
            Route("escaped", PathMatchKind.Exact, "/%7Etilde"),
            Route("plain", PathMatchKind.Exact, "/~tilde2"),
            Route("slash", PathMatchKind.Prefix, "/s%2fash"),
            Route("regex", PathMatchKind.Regex, "/r/[0-9]+(/|$)"),
            Route("regex longer", PathMatchKind.Regex, "/r/[0-9]+/longer-than-the-other"),
            Route("regex prefix", PathMatchKind.Prefix, "/r/1")),
        Host("same path twice", ["same"],
            Route("first", PathMatchKind.Exact, "/%61") with { Methods = ["PUT"] },
            Route("second", PathMatchKind.Exact, "/a")),
        Host("conditions", ["conditions"],
            Route("plain", PathMatchKind.Prefix, "/"),
            Route("method", PathMatchKind.Prefix, "/") with { Methods = ["GET", "PUT"] },
            Route("header", PathMatchKind.Prefix, "/") with { Headers = [new ValueMatch("X-Kind", ValueMatchKind.Exact, "one")] },
            Route("headers", PathMatchKind.Prefix, "/") with { Headers = [new ValueMatch("x-kind", ValueMatchKind.Regex, "o.*"), new ValueMatch("X-More", ValueMatchKind.Present)] },
            Route("query", PathMatchKind.Prefix, "/") with { Methods = ["POST"], Query = [new ValueMatch("v", ValueMatchKind.Exact, "1")] },
            Route("absent", PathMatchKind.Prefix, "/deep") with { Methods = ["POST"], Headers = [new ValueMatch("X-Not", ValueMatchKind.Absent)] },
            Route("important", PathMatchKind.Prefix, "/") with { Headers = [new ValueMatch("X-Now", ValueMatchKind.Present)], Priority = 1 }),
        Host("nothing here", ["narrow"], Route("narrow", PathMatchKind.Exact, "/only")),
        Host("more of one name", ["www.example.com"], Route("second host", PathMatchKind.Exact, "/second")),
    ];

    [Theory]

    // Hosts.
    [InlineData("GET / HTTP/1.1", "Host: www.example.com", "www")]
    [InlineData("GET / HTTP/1.1", "Host: WWW.Example.COM:8080", "www")]
    [InlineData("GET / HTTP/1.1", "Host: www.example.com.", "www")]
    [InlineData("GET / HTTP/1.1", "Host: www.example.com.:80", "www")]
    [InlineData("GET / HTTP/1.1", "Host: other.example.com", "one")]
    [InlineData("GET / HTTP/1.1", "Host: a.b.example.com", "deep")]
    [InlineData("GET / HTTP/1.1", "Host: a.deep.example.com", "deeper")]
    [InlineData("GET / HTTP/1.1", "Host: a.b.deep.example.com", "deeper")]
    [InlineData("GET / HTTP/1.1", "Host: deep.example.com", "one")]
    [InlineData("GET / HTTP/1.1", "Host: example.com", "any")]
    [InlineData("GET / HTTP/1.1", "Host: notexample.com", "any")]
    [InlineData("GET / HTTP/1.1", "Host: 192.0.2.1:80", "address")]
    [InlineData("GET / HTTP/1.1", "Host: [2001:db8::1]", "address")]
    [InlineData("GET / HTTP/1.0", "A: no host", "any")]
    [InlineData("GET http://www.example.com/ HTTP/1.1", "Host: paths", "www")]
    [InlineData("GET /second HTTP/1.1", "Host: www.example.com", "second host")]
    [InlineData("OPTIONS * HTTP/1.1", "Host: www.example.com", "www")]

    // Paths.
    [InlineData("GET /other HTTP/1.1", "Host: paths", "root")]
    [InlineData("GET /foo HTTP/1.1", "Host: paths", "foo exact")]
    [InlineData("GET /foo?x HTTP/1.1", "Host: paths", "foo exact")]
    [InlineData("GET /foo/ HTTP/1.1", "Host: paths", "foo")]
    [InlineData("GET /foo/x HTTP/1.1", "Host: paths", "foo")]
    [InlineData("GET /foobar HTTP/1.1", "Host: paths", "root")]
    [InlineData("GET /FOO HTTP/1.1", "Host: paths", "root")]
    [InlineData("GET /bar HTTP/1.1", "Host: paths", "bar/")]
    [InlineData("GET /bar/ HTTP/1.1", "Host: paths", "bar/")]
    [InlineData("GET /bar/x HTTP/1.1", "Host: paths", "bar/")]
    [InlineData("GET /a/b/c HTTP/1.1", "Host: paths", "a/b")]
    [InlineData("GET /a//b HTTP/1.1", "Host: paths", "root")]
    [InlineData("GET /a/bc HTTP/1.1", "Host: paths", "root")]
    [InlineData("GET http://paths HTTP/1.1", "Host: x", "root")]
    [InlineData("GET /x/./y HTTP/1.1", "Host: paths", "dots")]
    [InlineData("GET /x/z/../y HTTP/1.1", "Host: paths", "dots")]
    [InlineData("GET /../x/%79 HTTP/1.1", "Host: paths", "dots")]
    [InlineData("GET /x/z/%2e%2E/y HTTP/1.1", "Host: paths", "dots")]
    [InlineData("GET /x/y/. HTTP/1.1", "Host: paths", "root")]
    [InlineData("GET /foo/../a/b HTTP/1.1", "Host: paths", "a/b")]
    [InlineData("GET /foo/..%2fa/b HTTP/1.1", "Host: paths", "foo")]
    [InlineData("GET /a%2Fb HTTP/1.1", "Host: paths", "root")]
    [InlineData("GET /~tilde HTTP/1.1", "Host: paths", "escaped")]
    [InlineData("GET /%7etilde2 HTTP/1.1", "Host: paths", "plain")]
    [InlineData("GET /s%2Fash/x HTTP/1.1", "Host: paths", "slash")]
    [InlineData("GET /s/ash HTTP/1.1", "Host: paths", "root")]
    [InlineData("GET /r/12 HTTP/1.1", "Host: paths", "regex")]
    [InlineData("GET /r/1 HTTP/1.1", "Host: paths", "regex")]
    [InlineData("GET /r/12/x HTTP/1.1", "Host: paths", "regex")]
    [InlineData("GET /r/12/longer-than-the-other HTTP/1.1", "Host: paths", "regex longer")]
    [InlineData("GET /r/12a HTTP/1.1", "Host: paths", "root")]
    [InlineData("GET /q/r/12 HTTP/1.1", "Host: paths", "root")]
    [InlineData("GET /a HTTP/1.1", "Host: same", "second")]
    [InlineData("PUT /%61 HTTP/1.1", "Host: same", "first")]

    // Conditions.
    [InlineData("DELETE / HTTP/1.1", "Host: conditions", "plain")]
    [InlineData("GET / HTTP/1.1", "Host: conditions", "method")]
    [InlineData("get / HTTP/1.1", "Host: conditions", "plain")]
    [InlineData("DELETE / HTTP/1.1", "Host: conditions\r\nx-kind: one", "header")]
    [InlineData("DELETE / HTTP/1.1", "Host: conditions\r\nX-Kind: two", "plain")]
    [InlineData("DELETE / HTTP/1.1", "Host: conditions\r\nX-Kind: one\r\nX-More:", "headers")]
    [InlineData("DELETE / HTTP/1.1", "Host: conditions\r\nX-Kind: xone\r\nX-More:", "plain")]
    [InlineData("POST /?v=1 HTTP/1.1", "Host: conditions", "query")]
    [InlineData("POST /?w=1&v=1&v=2 HTTP/1.1", "Host: conditions", "query")]
    [InlineData("POST /?v=2&v=1 HTTP/1.1", "Host: conditions", "plain")]
    [InlineData("POST /?V=1 HTTP/1.1", "Host: conditions", "plain")]
    [InlineData("POST /deep HTTP/1.1", "Host: conditions", "absent")]
    [InlineData("POST /deep HTTP/1.1", "Host: conditions\r\nX-Not: ", "plain")]
    [InlineData("GET /deep?v=1 HTTP/1.1", "Host: conditions\r\nX-Kind: one\r\nX-More: x\r\nX-Now: x", "important")]

    // The host that won has no route: no other is asked.
    [InlineData("GET /only HTTP/1.1", "Host: narrow", "narrow")]
    [InlineData("GET /other HTTP/1.1", "Host: narrow", "404 Not Found\n")]
    public void The_best_route_takes_it(string line, string fields, string route)
    {
        using var rig = new Rig(c => c.With(l => l with { DefaultUpstream = null }) with { VirtualHosts = [.. Hosts] });
        foreach (var byBytes in (bool[])[false, true])
        {
            rig.Client.Send($"{line}\r\n{fields}\r\nConnection: keep-alive\r\n\r\n", byBytes);
            rig.Client.ReadHead();
            rig.Client.Expect(route);
        }
    }

    [Fact]
    public void What_no_route_takes_goes_to_the_default()
    {
        using var rig = new Rig(c => c with { VirtualHosts = [Hosts.Single(h => h.Name == "nothing here")] });
        foreach (var request in (string[])["GET /other HTTP/1.1\r\nHost: narrow\r\n\r\n", "GET /only HTTP/1.1\r\nHost: unknown\r\n\r\n"])
        {
            rig.Client.Send(request);
            using var upstream = rig.Accept();
            upstream.Expect(request);
            upstream.Send("HTTP/1.1 204 x\r\nConnection: close\r\n\r\n");
            rig.Client.ReadHead();
        }
    }

    [Fact]
    public void A_fixed_response_is_what_it_says()
    {
        using var rig = new Rig(c => c with
        {
            VirtualHosts =
            [
                Host("h", ["h"],
                    new Route { Name = "moved", Path = new PathMatch(PathMatchKind.Exact, "/old"), Respond = new FixedResponse { Status = 308, Location = "/new", Body = "moved" } },
                    new Route { Name = "empty", Path = new PathMatch(PathMatchKind.Exact, "/empty"), Respond = new FixedResponse { Status = 204 } },
                    new Route { Name = "json", Path = new PathMatch(PathMatchKind.Exact, "/json"), Respond = new FixedResponse { Status = 599, Body = "{\"\u00e9\":1}", ContentType = "application/json" } }),
            ],
        });
        const string own = "server: gatehouse\r\ndate: Sun, 01 Mar 2026 12:00:00 GMT\r\n";
        rig.Client.Send("GET /old HTTP/1.1\r\nHost: h\r\n\r\nHEAD /old HTTP/1.1\r\nHost: h\r\n\r\nGET /empty HTTP/1.1\r\nHost: h\r\n\r\nGET /json HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\nPOST /json HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");
        const string moved = "HTTP/1.1 308 Permanent Redirect\r\n" + own + "content-type: text/plain; charset=utf-8\r\nlocation: /new\r\ncontent-length: 5\r\n\r\n";
        rig.Client.Expect(moved + "moved" + moved);
        rig.Client.Expect("HTTP/1.1 204 No Content\r\n" + own + "content-type: text/plain; charset=utf-8\r\n\r\n");
        rig.Client.Expect("HTTP/1.1 599 \r\n" + own + "content-type: application/json\r\ncontent-length: 8\r\nconnection: keep-alive\r\n\r\n{\"\u00c3\u00a9\":1}");
        rig.Client.ExpectToEnd("HTTP/1.1 599 \r\n" + own + "content-type: application/json\r\ncontent-length: 8\r\nconnection: close\r\n\r\n{\"\u00c3\u00a9\":1}");
    }

    private static VirtualHost Host(string name, string[] hosts, params Route[] routes) => new() { Name = name, Hosts = [.. hosts], Routes = [.. routes] };

    private static Route To(string name) => Route(name, PathMatchKind.Prefix, "/");

    private static Route Route(string name, PathMatchKind kind, string path) => new() { Name = name, Path = new PathMatch(kind, path), Respond = new FixedResponse { Status = 200, Body = name } };
}
