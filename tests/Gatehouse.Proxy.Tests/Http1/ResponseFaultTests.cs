using Gatehouse.Proxy.Access;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Tests.Http1;

/// <summary>What no endpoint may send: 502 while the client can still be told, else an end that it can't take for a clean one.</summary>
public sealed class ResponseFaultTests
{
    private static readonly (string Name, string Answered, int Why)[] Heads =
    [
        ("no HTTP", "SSH-2.0-OpenSSH\r\n", RefusalReasons.Of(HttpFault.Status)),
        ("a status that is none", "HTTP/1.1 20 OK\r\n\r\n", RefusalReasons.Of(HttpFault.Status)),
        ("an empty line before", "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", RefusalReasons.Of(HttpFault.Status)),
        ("another version", "HTTP/2.0 200 OK\r\n\r\n", RefusalReasons.Of(HttpFault.Status)),
        ("a bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", RefusalReasons.Of(HttpFault.BareLineFeed)),
        ("a folded line", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n", RefusalReasons.Of(HttpFault.LineFolding)),
        ("NUL in a value", "HTTP/1.1 200 OK\r\nA: \0\r\nContent-Length: 0\r\n\r\n", RefusalReasons.Of(HttpFault.FieldValue)),
        ("CR in a value", "HTTP/1.1 200 OK\r\nA: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n", RefusalReasons.Of(HttpFault.FieldValue)),
        ("length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", RefusalReasons.Of(HttpFault.LengthAndEncoding)),
        ("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", RefusalReasons.Of(HttpFault.ContentLengthRepeated)),
        ("the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", RefusalReasons.Of(HttpFault.ContentLengthRepeated)),
        ("a length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: 5,5\r\n\r\nhello", RefusalReasons.Of(HttpFault.ContentLength)),
        ("another encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", RefusalReasons.Of(HttpFault.TransferEncodingUnsupported)),
        ("101 that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", RefusalReasons.Of(Refusal.UnexpectedUpgrade)),
        ("a head without end", "HTTP/1.1 200 OK\r\nA: " + new string('a', 61_440), RefusalReasons.Of(HttpFault.HeadTooLarge)),
    ];

    public static TheoryData<string, bool> HeadNames
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (var row in Heads)
            {
                data.Add(row.Name, false);
                if (row.Answered.Length < 1_000) data.Add(row.Name, true);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(HeadNames))]
    public void What_is_no_response_is_502(string name, bool byBytes)
    {
        var (_, answered, why) = Heads.Single(r => r.Name == name);
        using var rig = new Rig();
        var upstream = rig.Ask();
        upstream.Send(answered, byBytes);
        rig.Client.Expect(Rig.Local(502, "Bad Gateway", close: false));
        Assert.Equal(1, rig.Engine.Refused(why));
        upstream.ReadToEnd();

        // The client's connection is as good as before; the endpoint's is not used again.
        rig.Client.Send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
        using var next = rig.Accept();
        next.Expect("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
        next.Send("HTTP/1.1 204 x\r\n\r\n");
        rig.Client.Expect("HTTP/1.1 204 x\r\n" + Rig.Own + "\r\n");
    }

    /// <summary>What follows the head, what the client gets of it until the end, and whether that must be a reset.</summary>
    [Theory]
    [InlineData("Content-Length: 10", "hello", "content-length: 10\r\n\r\nhello", 11, false)]
    [InlineData("Transfer-Encoding: chunked", "5\r\nhello\r\n", "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", 11, false)]
    [InlineData("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n", "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", 11, false)]
    [InlineData("Transfer-Encoding: chunked", "5\r\nhello\r\n", "connection: close\r\n\r\nhello", 10, true)]
    public void What_is_cut_off_has_no_clean_end(string framing, string body, string received, int version, bool reset)
    {
        using var rig = new Rig();
        var upstream = rig.Ask(version == 11 ? "GET / HTTP/1.1\r\nHost: a\r\n\r\n" : "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
        upstream.Send($"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{body}");
        rig.Client.Expect("HTTP/1.1 200 OK\r\n" + Rig.Own + received);
        upstream.EndSend();
        rig.Client.ExpectToEnd(reset ? "<reset>" : "");
        Assert.Equal(1, rig.Engine.Refused(Refusal.ResponseCutOff));
        Assert.Equal(1, rig.Engine.Figure("endpoint/app/app-0", Counter.ResponseErrors));
    }

    [Fact]
    public void A_chunk_that_breaks_a_rule_ends_the_response()
    {
        using var rig = new Rig();
        var upstream = rig.Ask();
        upstream.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        rig.Client.Expect("HTTP/1.1 200 OK\r\n" + Rig.Own + "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
        upstream.Send("0x1\r\nx\r\n");
        rig.Client.ExpectToEnd("");
        Assert.Equal(1, rig.Engine.Refused(RefusalReasons.Of(ChunkFault.SizeDigit)));
        upstream.ReadToEnd();
    }

    [Fact]
    public void A_broken_chunk_that_came_with_the_head_is_502()
    {
        using var rig = new Rig();
        rig.Ask().Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello");
        rig.Client.Expect(Rig.Local(502, "Bad Gateway", close: false));
    }

    /// <summary>What ends with the connection ends so.</summary>
    [Theory]
    [InlineData(11, false)]
    [InlineData(11, true)]
    [InlineData(10, false)]
    [InlineData(10, true)]
    public void A_response_may_end_with_its_connection(int version, bool byBytes)
    {
        using var rig = new Rig();
        var upstream = rig.Ask(version == 11 ? "GET / HTTP/1.1\r\nHost: a\r\n\r\n" : "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
        upstream.Send("HTTP/1.1 200 OK\r\n\r\n");
        rig.Client.Expect("HTTP/1.1 200 OK\r\n" + Rig.Own + (version == 11 ? "transfer-encoding: chunked\r\n\r\n" : "connection: close\r\n\r\n"));
        upstream.Send("hello", byBytes);
        upstream.EndSend();
        if (version == 10)
        {
            rig.Client.ExpectToEnd("hello");
            return;
        }

        var body = rig.Client.ReadUntil("0\r\n\r\n");
        Assert.Equal("hello", string.Concat(body.Split("\r\n").Where((_, i) => i % 2 == 1)));
    }

    /// <summary>A reset is no end.</summary>
    [Theory]
    [InlineData(11, "")]
    [InlineData(10, "<reset>")]
    public void A_response_that_ends_with_its_connection_may_be_cut_off_too(int version, string end)
    {
        using var rig = new Rig();
        var upstream = rig.Ask(version == 11 ? "GET / HTTP/1.1\r\nHost: a\r\n\r\n" : "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
        upstream.Send("HTTP/1.1 200 OK\r\n\r\nhello");
        rig.Client.Expect("HTTP/1.1 200 OK\r\n" + Rig.Own + (version == 11 ? "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n" : "connection: close\r\n\r\nhello"));
        upstream.Reset();
        rig.Client.ExpectToEnd(end);
    }

    [Theory]
    [InlineData("")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-")]
    public void An_end_before_a_response_is_502(string before)
    {
        using var rig = new Rig();
        var upstream = rig.Ask();
        if (before.Length > 0) upstream.Send(before);
        upstream.Dispose();
        rig.Client.Expect(Rig.Local(502, "Bad Gateway", close: false));
        Assert.Equal(1, rig.Engine.Refused(Refusal.UpstreamClosed));
        Assert.True(rig.Server.IsQuiet); // Nothing says that it was not carried out: it is not sent again.
    }
}
