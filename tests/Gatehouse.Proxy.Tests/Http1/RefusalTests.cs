using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Tests.Http1;

/// <summary>What no client may send: one clear answer, the end of the connection, a counted reason, and not one byte to an endpoint.</summary>
public sealed class RefusalTests
{
    private const string Smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";

    private static readonly (string Name, string Sent, int Status, string Reason, int Why)[] Table =
    [
        ("a bare LF", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(HttpFault.BareLineFeed)),
        ("a folded line", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(HttpFault.LineFolding)),
        ("NUL in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: b\0\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(HttpFault.FieldValue)),
        ("a space before a colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(HttpFault.SpaceBeforeColon)),
        ("a name that is no token", "GET / HTTP/1.1\r\nHost: h\r\nA(b): c\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(HttpFault.FieldName)),
        ("a method that is no token", "G@T / HTTP/1.1\r\nHost: h\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(HttpFault.Method)),
        ("a CR before a request", "\rXGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(HttpFault.Method)),
        ("a TLS hello on a plain port", "\u0016\u0003\u0001\u0002\0\u0001\0", 400, "Bad Request", RefusalReasons.Of(HttpFault.Method)),
        ("a fragment", "GET /#a HTTP/1.1\r\nHost: h\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(HttpFault.Target)),
        ("raw bytes beyond ASCII", "GET /\u00e9 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(HttpFault.Target)),
        ("an absolute target without authority", "GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(HttpFault.Target)),
        ("HTTP/0.9", "GET /\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(HttpFault.Target)),
        ("another version", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505, "HTTP Version Not Supported", RefusalReasons.Of(HttpFault.VersionUnsupported)),
        ("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP Version Not Supported", RefusalReasons.Of(HttpFault.VersionUnsupported)),
        ("no Host", "GET / HTTP/1.1\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(HttpFault.HostMissing)),
        ("Host twice", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(HttpFault.HostRepeated)),
        ("two hosts in one", "GET / HTTP/1.1\r\nHost: h, g\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(HttpFault.Host)),
        ("length and chunks", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + Smuggled, 400, "Bad Request", RefusalReasons.Of(HttpFault.LengthAndEncoding)),
        ("two lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 36\r\n\r\n" + Smuggled, 400, "Bad Request", RefusalReasons.Of(HttpFault.ContentLengthRepeated)),
        ("a length that is no number", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\nhello", 400, "Bad Request", RefusalReasons.Of(HttpFault.ContentLength)),
        ("an encoding that is none", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n" + Smuggled, 400, "Bad Request", RefusalReasons.Of(HttpFault.TransferEncoding)),
        ("another encoding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "Not Implemented", RefusalReasons.Of(HttpFault.TransferEncodingUnsupported)),
        ("two encodings", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(HttpFault.TransferEncodingRepeated)),
        ("an encoding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(HttpFault.TransferEncodingInHttp10)),
        ("an encoding in disguise", "POST / HTTP/1.1\r\nHost: h\r\nTransfer_Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(HttpFault.Disguised)),
        ("Connection names Host", "GET / HTTP/1.1\r\nHost: h\r\nConnection: Host\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(HttpFault.Connection)),
        ("another expectation", "POST / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\nContent-Length: 1\r\n\r\nx", 417, "Expectation Failed", RefusalReasons.Of(HttpFault.Expectation)),
        ("a broken escape in the path", "GET /%4 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(Refusal.PathEscape)),
        ("an escaped NUL in the path", "GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n", 400, "Bad Request", RefusalReasons.Of(Refusal.PathEscape)),
        ("a long request line", $"GET /{new string('a', 8_192)} HTTP/1.1\r\n", 414, "URI Too Long", RefusalReasons.Of(HttpFault.StartLineTooLong)),
        ("a large head", $"GET / HTTP/1.1\r\nHost: h\r\nA: {new string('a', 16_384)}", 431, "Request Header Fields Too Large", RefusalReasons.Of(HttpFault.HeadTooLarge)),
        ("many fields", $"GET / HTTP/1.1\r\nHost: h\r\n{string.Concat(Enumerable.Repeat("A: b\r\n", 100))}\r\n", 431, "Request Header Fields Too Large", RefusalReasons.Of(HttpFault.TooManyFields)),
        ("CONNECT with a body of bytes behind", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n\u0016\u0003", 405, "Method Not Allowed", RefusalReasons.Of(Refusal.MethodNotAllowed)),
    ];

    /// <summary>Bodies that break a rule after their head went on.</summary>
    private static readonly (string Name, string Body, ChunkFault Why)[] Chunks =
    [
        ("a size with 0x", "0x5\r\nhello\r\n0\r\n\r\n", ChunkFault.SizeDigit),
        ("no size", "\r\nhello\r\n0\r\n\r\n", ChunkFault.SizeMissing),
        ("a negative size", "-1\r\nhello", ChunkFault.SizeMissing),
        ("a size with plus", "+5\r\nhello\r\n", ChunkFault.SizeMissing),
        ("a size with an underscore", "1_0\r\n", ChunkFault.SizeDigit),
        ("a size that overflows", "10000000000000005\r\nhello\r\n", ChunkFault.SizeOverflow),
        ("a size that ends in LF", "5\nhello\r\n0\r\n\r\n", ChunkFault.BareLineFeed),
        ("a size that ends in CR", "5\rXhello\r\n0\r\n\r\n", ChunkFault.BareCarriageReturn),
        ("CR within an extension", "5;a\rb\r\nhello\r\n", ChunkFault.BareCarriageReturn),
        ("LF within an extension", "5;a\nhello\r\n0\r\n\r\n", ChunkFault.BareLineFeed),
        ("data longer than its size", "3\r\nhello\r\n0\r\n\r\n", ChunkFault.DataEnd),
        ("an end that is none", "0\r\nXX\r\n" + Smuggled, ChunkFault.TrailerName),
        ("a trailer with a space before its colon", "0\r\nA : b\r\n\r\n", ChunkFault.TrailerSpaceBeforeColon),
        ("a folded trailer", "0\r\nA: b\r\n c\r\n\r\n", ChunkFault.TrailerFolded),
    ];

    public static TheoryData<string, bool> Names => Twice(Table.Select(r => r.Name));

    public static TheoryData<string, bool> ChunkNames => Twice(Chunks.Select(r => r.Name));

    [Theory]
    [MemberData(nameof(Names))]
    public void It_is_refused(string name, bool byBytes)
    {
        var (_, sent, status, reason, why) = Table.Single(r => r.Name == name);
        using var rig = new Rig();
        rig.Client.Send(sent, byBytes);
        rig.Client.ExpectToEnd(Rig.Local(status, reason, close: true, status == 405 ? "allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n" : ""));
        Assert.Equal(1, rig.Engine.Refused(why));
        Assert.Equal((1L, 1L), (rig.Engine.Figure("listener/web", Counter.Refused), rig.Engine.Figure("listener/web", Counter.Requests)));
        Assert.True(rig.Server.IsQuiet);
    }

    [Theory]
    [MemberData(nameof(ChunkNames))]
    public void A_broken_chunk_is_refused_and_ends_nothing_at_the_endpoint(string name, bool byBytes)
    {
        var (_, body, why) = Chunks.Single(r => r.Name == name);
        using var rig = new Rig();
        rig.Client.Send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        using var upstream = rig.Accept();
        upstream.Expect("POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: chunked\r\n\r\n");
        rig.Client.Send(body, byBytes);
        rig.Client.ExpectToEnd(Rig.Local(400, "Bad Request", close: true));
        Assert.DoesNotContain("0\r\n\r\n", upstream.ReadToEnd(), StringComparison.Ordinal);
        Assert.Equal(1, rig.Engine.Refused(RefusalReasons.Of(why)));
    }

    /// <summary>What can be told from the next request leaves the connection as it is.</summary>
    [Theory]
    [InlineData("TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", 405, "Method Not Allowed")]
    [InlineData("CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 405, "Method Not Allowed")]
    [InlineData("GET / HTTP/1.1\r\nHost: nowhere\r\n\r\n", 404, "Not Found")]
    public void The_connection_stays_where_it_can(string sent, int status, string reason)
    {
        using var rig = new Rig(c => c with
        {
            VirtualHosts = [new VirtualHost { Name = "v", Hosts = ["h"], Routes = [new Route { Name = "r", Respond = new FixedResponse { Status = 200, Body = "hi" } }] }],
            Listeners = [c.Listeners[0] with { DefaultUpstream = null }],
        });
        for (var i = 0; i < 2; i++)
        {
            rig.Client.Send(sent);
            rig.Client.Expect(Rig.Local(status, reason, close: false, status == 405 ? "allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n" : ""));
        }

        rig.Client.Send("HEAD / HTTP/1.1\r\nHost: nowhere\r\n\r\n");
        var whole = Rig.Local(404, "Not Found", close: false);
        rig.Client.Expect(whole[..(whole.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)]);
        rig.Client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        Assert.EndsWith("\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 2\r\n\r\n", rig.Client.ReadHead(), StringComparison.Ordinal);
        rig.Client.Expect("hi");
    }

    /// <summary>A body that is not read would be taken for requests.</summary>
    [Theory]
    [InlineData("Content-Length: 36")]
    [InlineData("Transfer-Encoding: chunked")]
    public void An_answer_without_an_endpoint_leaves_no_body_on_the_connection(string framing)
    {
        using var rig = new Rig(c => c with { Listeners = [c.Listeners[0] with { DefaultUpstream = null }] });
        rig.Client.Send($"POST / HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n" + Smuggled);
        rig.Client.ExpectToEnd(Rig.Local(404, "Not Found", close: true));
        Assert.Equal(1, rig.Engine.Figure("listener/web", Counter.Requests));
    }

    /// <summary>What the client sent before is answered before.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_refusal_comes_in_its_turn(bool byBytes)
    {
        using var rig = new Rig();
        rig.Client.Send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2\n", byBytes);
        using var upstream = rig.Accept();
        upstream.Expect("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
        upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        rig.Client.ExpectToEnd("HTTP/1.1 200 OK\r\n" + Rig.Own + "content-length: 2\r\n\r\nok" + Rig.Local(400, "Bad Request", close: true));
    }

    private static TheoryData<string, bool> Twice(IEnumerable<string> names)
    {
        var data = new TheoryData<string, bool>();
        foreach (var name in names)
        {
            data.Add(name, false);
            data.Add(name, true);
        }

        return data;
    }
}
