using Gatehouse.Wire.Http1;

namespace Gatehouse.Wire.Tests.Http1;

/// <summary>Response heads, each read whole, byte by byte and cut at random.</summary>
public sealed class ResponseHeadTests
{
    public static TheoryData<string, string> Outcomes => new()
    {
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200 OK 1.1 Length 5 keeps [Content-Length=5] 38" },
        { "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "200  1.1 None 0 keeps [Content-Length=0] 36" },
        { "HTTP/1.1 200\r\n\r\n", "200  1.1 UntilClose -1 [] 16" },
        { "HTTP/1.1 404 Not \u00fc\tFound\r\nTransfer-Encoding: chunked\r\n\r\n", "404 Not \u00fc\tFound 1.1 Chunked -1 keeps [Transfer-Encoding=chunked] 56" },
        { "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", "200 OK 1.0 Length 5 [Content-Length=5] 38" },
        { "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", "200 OK 1.0 Length 5 keeps [Content-Length=5|Connection=keep-alive!] 62" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n", "200 OK 1.1 Length 5 [Content-Length=5|Connection=close!] 57" },
        { "HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", "304 x 1.1 None 5 keeps [Content-Length=5] 37" },
        { "HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n", "304 x 1.1 None -1 keeps [Transfer-Encoding=chunked] 46" },
        { "HTTP/1.1 204 x\r\n\r\n", "204 x 1.1 None -1 keeps [] 18" },
        { "HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n", "204 x 1.1 None 0 keeps [Content-Length=0] 37" },
        { "HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n", "204 x 1.1 None 5 [Content-Length=5] 37" },
        { "HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n", "204 x 1.1 None -1 [Transfer-Encoding=chunked] 46" },
        { "HTTP/1.1 100 Continue\r\n\r\nHTTP", "100 Continue 1.1 None -1 keeps [] 25" },
        { "HTTP/1.1 101 x\r\nUpgrade: ws\r\nConnection: upgrade\r\n\r\n", "101 x 1.1 None -1 keeps upgrade [Upgrade=ws!|Connection=upgrade!] 52" },
        { "HTTP/1.1 200 OK\r\nDate: d\r\nServer: s\r\nContent-Length: 0\r\n\r\n", "200 OK 1.1 None 0 keeps date server [Date=d|Server=s|Content-Length=0] 58" },
        { "HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n", "999 x 1.1 None 0 keeps [Content-Length=0] 37" },
        { "HTTP/1.1 200 OK\r\n", "incomplete" },
        { "H", "incomplete" },
        { "", "incomplete" },

        // Broken.
        { "\r\nHTTP/1.1 200 OK\r\n\r\n", "Status" },
        { "SSH-2.0-x\r\n", "Status" },
        { "HTTP/1.1 200 OK\nA: b\r\n\r\n", "BareLineFeed" },
        { "HTTP/1.1 200 O\rK\r\n\r\n", "Status" },
        { "HTTP/1.1 200 O\0K\r\n\r\n", "Status" },
        { "HTTP/1.1  200 OK\r\n\r\n", "Status" },
        { "HTTP/1.1 20 OK\r\n\r\n", "Status" },
        { "HTTP/1.1 099 OK\r\n\r\n", "Status" },
        { "HTTP/1.1 2000 OK\r\n\r\n", "Status" },
        { "HTTP/1.1 20x OK\r\n\r\n", "Status" },
        { "HTTP/1.1 -20 OK\r\n\r\n", "Status" },
        { "HTTP/1.1\t200 OK\r\n\r\n", "Status" },
        { "HTTP/1.2 200 OK\r\n\r\n", "Status" },
        { "HTTP/2.0 200 OK\r\n\r\n", "Status" },
        { "HTTP/1.1\r\n\r\n", "Status" },
        { "HTTX/1.1 200 OK\r\n\r\n", "Status" },
        { "HTTP/1.1 200 OK\r\n A: b\r\n\r\n", "LineFolding" },
        { "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "SpaceBeforeColon" },
        { "HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n", "FieldValue" },
        { "HTTP/1.1 200 OK\r\n: b\r\n\r\n", "FieldName" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "LengthAndEncoding" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "ContentLengthRepeated" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "ContentLengthRepeated" },
        { "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "ContentLength" },
        { "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", "ContentLength" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "TransferEncodingUnsupported" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "TransferEncodingRepeated" },
        { "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "TransferEncodingInHttp10" },
        { "HTTP/1.1 200 OK\r\nTransfer_Encoding: chunked\r\n\r\n", "Disguised" },
    };

    [Theory]
    [MemberData(nameof(Outcomes))]
    public void A_response_is_read_or_refused(string text, string expected) => Assert.Equal(expected, Heads.Response(text));

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200 OK 1.1 None 5 keeps [Content-Length=5] 38")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "200 OK 1.1 None -1 keeps [Transfer-Encoding=chunked] 47")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n", "200 OK 1.1 None -1 keeps [] 19")]
    public void An_answer_to_HEAD_has_no_body(string text, string expected) => Assert.Equal(expected, Heads.Response(text, toHead: true));

    [Theory]
    [InlineData(15, 10, 100, "200")]
    [InlineData(14, 10, 100, "StartLineTooLong")]
    [InlineData(15, 2, 100, "200")]
    [InlineData(15, 1, 100, "TooManyFields")]
    [InlineData(15, 10, 31, "200")]
    [InlineData(15, 10, 30, "HeadTooLarge")]
    public void A_response_has_bounds(int line, int fields, int head, string expected) =>
        Assert.StartsWith(expected, Heads.Response("HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n", limits: new HeadLimits(line, head, fields)), StringComparison.Ordinal);
}
