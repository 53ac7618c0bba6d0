namespace Gatehouse.Proxy.Tests.Http1;

/// <summary>Requests and responses as bytes on both sides, each whole and byte by byte.</summary>
public sealed class ExchangeTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\n";

    /// <summary>What the client sends, what the endpoint gets, what that sends, what the client gets, and whether the client's connection ends then.</summary>
    private static readonly (string Name, string Sent, string Got, string Answered, string Received, bool Ends)[] Table =
    [
        ("no body", "GET /a?b=1 HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n", "GET /a?b=1 HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n",
            Ok + "Content-Length: 5\r\nX-Own: 1\r\n\r\nhello", Ok + "X-Own: 1\r\n" + Rig.Own + "content-length: 5\r\n\r\nhello", false),
        ("target is not rewritten", "GET /%7euser/./x/../%2e%2f?q=^{|}`%00 HTTP/1.1\r\nHost: h\r\n\r\n", "GET /%7euser/./x/../%2e%2f?q=^{|}`%00 HTTP/1.1\r\nHost: h\r\n\r\n",
            Ok + "Content-Length: 0\r\n\r\n", Ok + Rig.Own + "content-length: 0\r\n\r\n", false),
        ("an empty line before", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", Ok + "Content-Length: 0\r\n\r\n", Ok + Rig.Own + "content-length: 0\r\n\r\n", false),
        ("values as they came", "GET / HTTP/1.1\r\nhOSt: H.example:80 \r\nX-A:\t b \u00e9\t\r\nX-A: \r\n\r\n", "GET / HTTP/1.1\r\nhOSt: H.example:80 \r\nX-A:\t b \u00e9\t\r\nX-A: \r\n\r\n",
            Ok + "Content-Length: 0\r\nX-B:  c\u00ff \r\n\r\n", Ok + "X-B:  c\u00ff \r\n" + Rig.Own + "content-length: 0\r\n\r\n", false),
        ("body with length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 003\r\n\r\nabc", "POST / HTTP/1.1\r\nHost: h\r\ncontent-length: 3\r\n\r\nabc",
            Ok + "Content-Length: 1\r\n\r\nx", Ok + Rig.Own + "content-length: 1\r\n\r\nx", false),
        ("body of length 0", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "POST / HTTP/1.1\r\nHost: h\r\ncontent-length: 0\r\n\r\n",
            Ok + "Content-Length: 0\r\n\r\n", Ok + Rig.Own + "content-length: 0\r\n\r\n", false),
        ("GET with a body", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nGET", "GET / HTTP/1.1\r\nHost: h\r\ncontent-length: 3\r\n\r\nGET",
            Ok + "Content-Length: 0\r\n\r\n", Ok + Rig.Own + "content-length: 0\r\n\r\n", false),
        ("any method", "M-SEARCH /x HTTP/1.1\r\nHost: h\r\n\r\n", "M-SEARCH /x HTTP/1.1\r\nHost: h\r\n\r\n", Ok + "Content-Length: 0\r\n\r\n", Ok + Rig.Own + "content-length: 0\r\n\r\n", false),
        ("options of the server", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 204 No Content\r\n" + Rig.Own + "\r\n", false),
        ("absolute target wins over Host", "GET http://Own.example:8080/p?q HTTP/1.1\r\nHost: other\r\nX: 1\r\n\r\n", "GET /p?q HTTP/1.1\r\nhost: Own.example:8080\r\nX: 1\r\n\r\n",
            Ok + "Content-Length: 0\r\n\r\n", Ok + Rig.Own + "content-length: 0\r\n\r\n", false),
        ("absolute target without path", "GET HTTP://own.example HTTP/1.1\r\nHost: own.example\r\n\r\n", "GET / HTTP/1.1\r\nhost: own.example\r\n\r\n",
            Ok + "Content-Length: 0\r\n\r\n", Ok + Rig.Own + "content-length: 0\r\n\r\n", false),
        ("absolute target with a query alone", "GET http://own.example?q=1 HTTP/1.1\r\nHost: own.example\r\n\r\n", "GET /?q=1 HTTP/1.1\r\nhost: own.example\r\n\r\n",
            Ok + "Content-Length: 0\r\n\r\n", Ok + Rig.Own + "content-length: 0\r\n\r\n", false),
        ("absolute OPTIONS without path", "OPTIONS http://own.example HTTP/1.1\r\nHost: own.example\r\n\r\n", "OPTIONS * HTTP/1.1\r\nhost: own.example\r\n\r\n",
            Ok + "Content-Length: 0\r\n\r\n", Ok + Rig.Own + "content-length: 0\r\n\r\n", false),
        ("HTTP/1.0 ends", "GET / HTTP/1.0\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", Ok + "Content-Length: 1\r\n\r\nx", Ok + Rig.Own + "content-length: 1\r\nconnection: close\r\n\r\nx", true),
        ("HTTP/1.0 goes on", "GET / HTTP/1.0\r\nHost: h\r\nConnection: Keep-Alive\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            Ok + "Content-Length: 1\r\n\r\nx", Ok + Rig.Own + "content-length: 1\r\nconnection: keep-alive\r\n\r\nx", false),
        ("HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nhost: \r\n\r\n", Ok + "Content-Length: 1\r\n\r\nx", Ok + Rig.Own + "content-length: 1\r\nconnection: close\r\n\r\nx", true),
        ("chunks to HTTP/1.0", "GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            Ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-T: 1\r\n\r\n", Ok + Rig.Own + "connection: close\r\n\r\nabcde", true),
        ("the client closes", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /ignored HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            Ok + "Content-Length: 1\r\n\r\nx", Ok + Rig.Own + "content-length: 1\r\nconnection: close\r\n\r\nx", true),
        ("hop-by-hop fields of a request",
            "GET / HTTP/1.1\r\nConnection: keep-alive, X-Mine,, te\r\nHost: h\r\nKeep-Alive: timeout=5\r\nX-Mine: 1\r\nx-mine: 2\r\nProxy-Connection: keep-alive\r\nA: 1\r\nTE: trailers, deflate\r\nTrailer: X\r\nProxy-Authorization: p\r\nProxy-Authenticate: q\r\nUpgrade: h2c\r\nB: 2\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nTrailer: X\r\nB: 2\r\nte: trailers\r\nconnection: te\r\n\r\n",
            Ok + "Content-Length: 0\r\n\r\n", Ok + Rig.Own + "content-length: 0\r\n\r\n", false),
        ("HTTP/2 is not changed to", "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: websocket, H2C\r\nHTTP2-Settings: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            Ok + "Content-Length: 0\r\n\r\n", Ok + Rig.Own + "content-length: 0\r\n\r\n", false),
        ("hop-by-hop fields of a response", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            Ok + "Connection: close, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: p\r\nA: 1\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n", Ok + "A: 1\r\n" + Rig.Own + "content-length: 0\r\n\r\n", false),
        ("Connection can't take the framing away", "POST / HTTP/1.1\r\nHost: h\r\nConnection: content-length\r\nContent-Length: 3\r\n\r\nabc", "POST / HTTP/1.1\r\nHost: h\r\ncontent-length: 3\r\n\r\nabc",
            Ok + "Content-Length: 0\r\n\r\n", Ok + Rig.Own + "content-length: 0\r\n\r\n", false),
        ("HEAD keeps the length", "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", Ok + "Content-Length: 500\r\n\r\n", Ok + Rig.Own + "content-length: 500\r\n\r\n", false),
        ("HEAD to chunks", "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", Ok + "Transfer-Encoding: chunked\r\n\r\n", Ok + Rig.Own + "\r\n", false),
        ("304 keeps the length", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\nETag: \"a\"\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n" + Rig.Own + "content-length: 500\r\n\r\n", false),
        ("204 has none", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 204 No Content\r\n" + Rig.Own + "\r\n", false),
        ("Date and Server of the endpoint", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", Ok + "Date: then\r\nServer: s\r\nContent-Length: 0\r\n\r\n", Ok + "Date: then\r\nServer: s\r\ncontent-length: 0\r\n\r\n", false),
        ("a status without words", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.0 299\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 299 \r\n" + Rig.Own + "content-length: 1\r\n\r\nx", false),
        ("expectation of HTTP/1.0 is not passed on", "POST / HTTP/1.0\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx", "POST / HTTP/1.1\r\nHost: h\r\ncontent-length: 1\r\n\r\nx",
            Ok + "Content-Length: 0\r\n\r\n", Ok + Rig.Own + "content-length: 0\r\nconnection: close\r\n\r\n", true),
    ];

    public static TheoryData<string, bool> Names
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (var row in Table)
            {
                data.Add(row.Name, false);
                data.Add(row.Name, true);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void What_comes_goes_on(string name, bool byBytes)
    {
        var (_, sent, got, answered, received, ends) = Table.Single(r => r.Name == name);
        using var rig = new Rig();
        rig.Client.Send(sent, byBytes);
        var upstream = rig.Accept();
        upstream.Expect(got);
        upstream.Send(answered, byBytes);
        if (ends)
        {
            rig.Client.ExpectToEnd(received);
            return;
        }

        rig.Client.Expect(received);

        // The connection is as good as a new one: nothing is left on it.
        rig.Client.Send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n", byBytes);
        if (answered.Contains("close", StringComparison.Ordinal) || answered.StartsWith("HTTP/1.0", StringComparison.Ordinal)) upstream = rig.Accept();
        upstream.Expect("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
        upstream.Send(Ok + "Content-Length: 2\r\n\r\nok");
        rig.Client.Expect(Ok + Rig.Own + "content-length: 2\r\n\r\nok");
    }
}
