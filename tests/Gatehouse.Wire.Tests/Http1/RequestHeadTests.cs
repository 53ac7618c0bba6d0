using FsCheck;
using FsCheck.Fluent;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Wire.Tests.Http1;

/// <summary>Request heads, each read whole, byte by byte and cut at random.</summary>
public sealed class RequestHeadTests
{
    /// <summary>What is refused: its bytes and the rule.</summary>
    public static TheoryData<string, string, HttpFault> Refused => new()
    {
        // Lines (RFC 9112 §2.2).
        { "bare LF in the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", HttpFault.BareLineFeed },
        { "bare LF after a field", "GET / HTTP/1.1\r\nHost: a\nB: c\r\n\r\n", HttpFault.BareLineFeed },
        { "bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n", HttpFault.BareLineFeed },
        { "LF before", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.BareLineFeed },
        { "LF within the request line", "GET /\n HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.BareLineFeed },
        { "CR LF CR X as the end", "GET / HTTP/1.1\r\nHost: a\r\n\rX\r\n\r\n", HttpFault.FieldName },
        { "CR within the request line", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Target },
        { "CR before the request line", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Method },
        { "CR and a byte before the request line", "\rXGET / HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Method },
        { "an empty line, then CR", "\r\n\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Method },
        { "two empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Method },
        { "CR at the end of the request line", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", HttpFault.Version },
        { "CR within a value", "GET / HTTP/1.1\r\nHost: a\r\nB: c\rd\r\n\r\n", HttpFault.FieldValue },
        { "CR at the end of a value", "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\r\n\r\n", HttpFault.FieldValue },
        { "CR within a name", "GET / HTTP/1.1\r\nHost: a\r\nB\rC: d\r\n\r\n", HttpFault.FieldName },
        { "a folded line", "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n d\r\n\r\n", HttpFault.LineFolding },
        { "a line folded by a tab", "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\td\r\n\r\n", HttpFault.LineFolding },
        { "white space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", HttpFault.LineFolding },
        { "a line of white space", "GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n", HttpFault.LineFolding },

        // Names and values (RFC 9110 §5.1, §5.5).
        { "NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nB: c\0d\r\n\r\n", HttpFault.FieldValue },
        { "DEL in a value", "GET / HTTP/1.1\r\nHost: a\r\nB: c\u007Fd\r\n\r\n", HttpFault.FieldValue },
        { "a control in a value", "GET / HTTP/1.1\r\nHost: a\r\nB: c\u0001\r\n\r\n", HttpFault.FieldValue },
        { "NUL in a name", "GET / HTTP/1.1\r\nHost: a\r\nB\0: c\r\n\r\n", HttpFault.FieldName },
        { "a high byte in a name", "GET / HTTP/1.1\r\nHost: a\r\nB\u00e9: c\r\n\r\n", HttpFault.FieldName },
        { "an empty name", "GET / HTTP/1.1\r\nHost: a\r\n: c\r\n\r\n", HttpFault.FieldName },
        { "no colon", "GET / HTTP/1.1\r\nHost: a\r\nBc\r\n\r\n", HttpFault.FieldName },
        { "a space for the colon", "GET / HTTP/1.1\r\nHost: a\r\nB c\r\n\r\n", HttpFault.FieldName },
        { "a space before the colon", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\n", HttpFault.SpaceBeforeColon },
        { "a tab before the colon", "GET / HTTP/1.1\r\nHost: a\r\nB\t: c\r\n\r\n", HttpFault.SpaceBeforeColon },
        { "a delimiter in a name", "GET / HTTP/1.1\r\nHost: a\r\nB(x): c\r\n\r\n", HttpFault.FieldName },

        // The request line (RFC 9112 §3).
        { "a method that is no token", "G{T / HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Method },
        { "an empty method", " / HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Method },
        { "a TLS hello", "\u0016\u0003\u0001\u0002\0\u0001", HttpFault.Method },
        { "a method alone", "GET\r\n\r\n", HttpFault.Method },
        { "HTTP/0.9", "GET /\r\n\r\n", HttpFault.Target },
        { "two spaces before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Target },
        { "two spaces after the target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Version },
        { "a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Version },
        { "a tab for a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Method },
        { "a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Target },
        { "NUL in the target", "GET /a\0 HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Target },
        { "a high byte in the target", "GET /\u00e9 HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Target },
        { "a backslash in the target", "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Target },
        { "a quote in the target", "GET /a\"b HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Target },
        { "a target without a slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Target },
        { "* for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Target },
        { "** for OPTIONS", "OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Target },
        { "another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Target },
        { "no authority in an absolute target", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Target },
        { "no authority but a query", "GET http://?x HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Target },
        { "a user in an absolute target", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Target },
        { "a port out of range in an absolute target", "GET http://a:65536/ HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Target },
        { "CONNECT with a path", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Target },
        { "CONNECT without port", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", HttpFault.Target },
        { "a version in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n", HttpFault.Version },
        { "a version with more behind it", "GET / HTTP/1.1x\r\nHost: a\r\n\r\n", HttpFault.Version },
        { "a version that begins right", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", HttpFault.Version },
        { "a version that is 1 in 8 bits", "GET / HTTP/257.1\r\nHost: a\r\n\r\n", HttpFault.Version },
        { "a version with a leading zero", "GET / HTTP/01.1\r\nHost: a\r\n\r\n", HttpFault.Version },
        { "a version without a dot", "GET / HTTP/1\r\nHost: a\r\n\r\n", HttpFault.Version },
        { "a version with a comma", "GET / HTTP/1,1\r\nHost: a\r\n\r\n", HttpFault.Version },
        { "another protocol", "GET / HTTQ/1.1\r\nHost: a\r\n\r\n", HttpFault.Version },
        { "a space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", HttpFault.Version },
        { "HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", HttpFault.VersionUnsupported },
        { "HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", HttpFault.VersionUnsupported },
        { "HTTP/0.9 in words", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", HttpFault.VersionUnsupported },
        { "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HttpFault.VersionUnsupported },

        // Host (RFC 9112 §3.2).
        { "no Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n", HttpFault.HostMissing },
        { "no Host for an absolute target", "GET http://a/ HTTP/1.1\r\nA: b\r\n\r\n", HttpFault.HostMissing },
        { "Host twice", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", HttpFault.HostRepeated },
        { "an empty Host", "GET / HTTP/1.1\r\nHost: \r\n\r\n", HttpFault.Host },
        { "two hosts in one", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", HttpFault.Host },
        { "two hosts in one without a space", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", HttpFault.Host },
        { "a user in Host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", HttpFault.Host },
        { "a path in Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", HttpFault.Host },
        { "a space in Host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", HttpFault.Host },
        { "a malformed Host beside an absolute target", "GET http://a/ HTTP/1.1\r\nHost: b/c\r\n\r\n", HttpFault.Host },
        { "Host named by Connection", "GET / HTTP/1.1\r\nHost: a\r\nConnection: host\r\n\r\n", HttpFault.Connection },

        // Framing (RFC 9112 §6).
        { "length and encoding", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", HttpFault.LengthAndEncoding },
        { "encoding and length", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", HttpFault.LengthAndEncoding },
        { "two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", HttpFault.ContentLengthRepeated },
        { "the same length twice", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", HttpFault.ContentLengthRepeated },
        { "an empty length, then one", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\nContent-Length: 3\r\n\r\n", HttpFault.ContentLength },
        { "a list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n", HttpFault.ContentLength },
        { "a hexadecimal length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\n", HttpFault.ContentLength },
        { "a length with plus", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n", HttpFault.ContentLength },
        { "a negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\n", HttpFault.ContentLength },
        { "a length with an underscore", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\n", HttpFault.ContentLength },
        { "a length with a space", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 0\r\n\r\n", HttpFault.ContentLength },
        { "a length that begins right", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3a\r\n\r\n", HttpFault.ContentLength },
        { "a length with a fraction", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3.0\r\n\r\n", HttpFault.ContentLength },
        { "a length of words", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: three\r\n\r\n", HttpFault.ContentLength },
        { "a length beyond 2^63-1", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n", HttpFault.ContentLength },
        { "a length that is 3 in 64 bits", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551619\r\n\r\n", HttpFault.ContentLength },
        { "a length in other digits", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \u00b3\r\n\r\n", HttpFault.ContentLength },
        { "two encodings", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", HttpFault.TransferEncodingRepeated },
        { "chunked twice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", HttpFault.TransferEncodingUnsupported },
        { "a list that begins with a comma", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n", HttpFault.TransferEncoding },
        { "a list that ends in a comma", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n", HttpFault.TransferEncoding },
        { "an empty encoding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", HttpFault.TransferEncoding },
        { "identity", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", HttpFault.TransferEncodingUnsupported },
        { "gzip, chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", HttpFault.TransferEncodingUnsupported },
        { "chunked is not the last", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", HttpFault.TransferEncodingUnsupported },
        { "chunked with a parameter", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n", HttpFault.TransferEncoding },
        { "chunked in quotes", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", HttpFault.TransferEncoding },
        { "a coding that begins right", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunkedx\r\n\r\n", HttpFault.TransferEncodingUnsupported },
        { "0xA0 around chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u00a0chunked\r\n\r\n", HttpFault.TransferEncoding },
        { "0x85 around chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\u0085\r\n\r\n", HttpFault.TransferEncoding },
        { "VT before chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u000bchunked\r\n\r\n", HttpFault.FieldValue },
        { "FF before chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \fchunked\r\n\r\n", HttpFault.FieldValue },
        { "NUL behind chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\0\r\n\r\n", HttpFault.FieldValue },
        { "chunked in a folded line", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", HttpFault.TransferEncoding },
        { "an encoding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", HttpFault.TransferEncodingInHttp10 },
        { "Transfer_Encoding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\n\r\n", HttpFault.Disguised },
        { "Content_Length", "POST / HTTP/1.1\r\nHost: a\r\ncontent_length: 3\r\n\r\n", HttpFault.Disguised },
        { "X_Forwarded_For", "GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded-For: 1.2.3.4\r\n\r\n", HttpFault.Disguised },

        // Connection and Expect (RFC 9110 §7.6.1, §10.1.1).
        { "Connection that is no list of tokens", "GET / HTTP/1.1\r\nHost: a\r\nConnection: a b\r\n\r\n", HttpFault.Connection },
        { "Connection with many members", "GET / HTTP/1.1\r\nHost: a\r\nConnection: a,b,c,d,e,f,g,h\r\nConnection: a,b,c,d,e,f,g,h,i\r\n\r\n", HttpFault.Connection },
        { "another expectation", "GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", HttpFault.Expectation },
        { "an expectation with more", "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, x\r\n\r\n", HttpFault.Expectation },
        { "two expectations", "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nExpect: 100-continue\r\n\r\n", HttpFault.Expectation },
        { "an empty expectation", "GET / HTTP/1.1\r\nHost: a\r\nExpect:\r\n\r\n", HttpFault.Expectation },
    };

    /// <summary>What is read, and what it says.</summary>
    public static TheoryData<string, string> Read => new()
    {
        { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET Origin / path=/ query= authority=a host=a port=-1 1.1 None -1 keeps [Host=a] 27" },
        { "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET", "GET Origin / path=/ query= authority=a host=a port=-1 1.1 None -1 keeps [Host=a] 29" },
        { "GET //x/?a?b=c HTTP/1.1\r\nhOST:a.:80\r\n\r\n", "GET Origin //x/?a?b=c path=//x/ query=a?b=c authority=a.:80 host=a port=80 1.1 None -1 keeps [hOST=a.:80] 39" },
        { "GET /? HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "GET Origin /? path=/ query= authority=[::1]:8080 host=[::1] port=8080 1.1 None -1 keeps [Host=[::1]:8080] 37" },
        { "GET http://Own:81/p?q HTTP/1.1\r\nHost: other\r\n\r\n", "GET Absolute /p?q path=/p query=q authority=Own:81 host=Own port=81 1.1 None -1 keeps [Host=other] 47" },
        { "GET HTTPS://own HTTP/1.1\r\nHost: own\r\n\r\n", "GET Absolute  path= query= authority=own host=own port=-1 1.1 None -1 keeps [Host=own] 39" },
        { "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS Asterisk * path=* query= authority=a host=a port=-1 1.1 None -1 keeps [Host=a] 31" },
        { "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT Authority  path= query= authority=a host=a port=-1 1.1 None -1 keeps [Host=a] 35" },
        { "GET / HTTP/1.0\r\n\r\n", "GET Origin / path=/ query= authority= host= port=-1 1.0 None -1 [] 18" },
        { "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET Origin / path=/ query= authority= host= port=-1 1.0 None -1 keeps [Connection=keep-alive!] 42" },
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive , CLOSE\r\n\r\n", "GET Origin / path=/ query= authority=a host=a port=-1 1.1 None -1 [Host=a|Connection=keep-alive , CLOSE!] 59" },
        { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n", "POST Origin / path=/ query= authority=a host=a port=-1 1.1 Length 9223372036854775807 keeps [Host=a|Content-Length=9223372036854775807] 65" },
        { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 010\r\n\r\n", "POST Origin / path=/ query= authority=a host=a port=-1 1.1 Length 10 keeps [Host=a|Content-Length=010] 49" },
        { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "POST Origin / path=/ query= authority=a host=a port=-1 1.1 None 0 keeps [Host=a|Content-Length=0] 47" },
        { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \tChunked \r\n\r\n", "POST Origin / path=/ query= authority=a host=a port=-1 1.1 Chunked -1 keeps [Host=a|Transfer-Encoding=Chunked] 58" },
        { "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n", "POST Origin / path=/ query= authority=a host=a port=-1 1.1 Length 1 keeps expects [Host=a|Expect=100-Continue|Content-Length=1] 69" },
        { "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", "POST Origin / path=/ query= authority= host= port=-1 1.0 Length 1 [Expect=100-continue|Content-Length=1] 60" },
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: X, upgrade\r\nUpgrade: ws\r\nX: 1\r\nY: \t2 3\t \r\n\r\n",
            "GET Origin / path=/ query= authority=a host=a port=-1 1.1 None -1 keeps upgrade [Host=a|Connection=X, upgrade!|Upgrade=ws!|X=1!|Y=2 3] 81" },
        { "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: ws\r\n\r\n", "GET Origin / path=/ query= authority= host= port=-1 1.0 None -1 [Connection=upgrade!|Upgrade=ws!] 52" },
        { "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: ws\r\n\r\n", "GET Origin / path=/ query= authority=a host=a port=-1 1.1 None -1 keeps [Host=a|Upgrade=ws!] 40" },
        { "GET / HTTP/1.1\r\nHost: a\r\nTE: deflate;q=0.5, Trailers\r\nDate: x\r\n\r\n", "GET Origin / path=/ query= authority=a host=a port=-1 1.1 None -1 keeps trailers date [Host=a|TE=deflate;q=0.5, Trailers!|Date=x] 65" },
        { "GET / HTTP/1.1\r\nHost: a\r\nX-Underscored_name: 1\r\n\r\n", "GET Origin / path=/ query= authority=a host=a port=-1 1.1 None -1 keeps [Host=a|X-Underscored_name=1] 50" },
        { "GET / HTTP/1.1\r\nHost: a\r\n", "incomplete" },
        { "GET / HTTP/1.1\r\nHost: a\r\n\r", "incomplete" },
        { "\r", "incomplete" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_is_forbidden_is_refused(string name, string text, HttpFault fault)
    {
        Assert.NotEmpty(name);
        Assert.Equal(fault.ToString(), Heads.Request(text));
    }

    [Theory]
    [MemberData(nameof(Read))]
    public void What_is_right_is_read(string text, string expected) => Assert.Equal(expected, Heads.Request(text));

    /// <summary>Each byte where it may not stand, for all 256.</summary>
    [Fact]
    public void Each_byte_is_taken_in_its_place_alone()
    {
        for (var value = 0; value < 256; value++)
        {
            var c = (char)value;
            Assert.Equal(HttpBytes.TokenBytes.Contains((byte)value), Reads($"G{c}T / HTTP/1.1\r\nHost: a\r\n\r\n"));
            Assert.Equal(HttpBytes.TargetBytes.Contains((byte)value), Reads($"GET /{c}x HTTP/1.1\r\nHost: a\r\n\r\n"));
            Assert.Equal(HttpBytes.TokenBytes.Contains((byte)value) || c == ':', Reads($"GET / HTTP/1.1\r\nHost: a\r\nB{c}B: x\r\n\r\n"));
            Assert.Equal(HttpBytes.FieldValueBytes.Contains((byte)value), Reads($"GET / HTTP/1.1\r\nHost: a\r\nB: x{c}x\r\n\r\n"));
            Assert.Equal(char.IsAsciiDigit(c), Reads($"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1{c}1\r\n\r\n"));
            Assert.Equal(c is '0' or '1', Reads($"GET / HTTP/1.{c}\r\nHost: a\r\n\r\n"));
        }
    }

    [Theory]
    [InlineData(-1, "StartLineTooLong")]
    [InlineData(0, "")]
    [InlineData(1, "")]
    public void A_request_line_has_a_bound(int spare, string expected)
    {
        const string line = "GET /0123456789 HTTP/1.1";
        var outcome = Heads.Request(line + "\r\nHost: a\r\n\r\n", new HeadLimits(line.Length + spare, 1_000, 10));
        Assert.Equal(expected, outcome.StartsWith("GET", StringComparison.Ordinal) ? "" : outcome);
        Assert.Equal(expected, (outcome = Heads.Request("\r\n" + line + "\r\nHost: a\r\n\r\n", new HeadLimits(line.Length + spare, 1_000, 10))).StartsWith("GET", StringComparison.Ordinal) ? "" : outcome);
    }

    [Theory]
    [InlineData(-1, "HeadTooLarge")]
    [InlineData(0, "")]
    [InlineData(1, "")]
    public void A_head_has_a_bound(int spare, string expected)
    {
        const string text = "GET / HTTP/1.1\r\nHost: a\r\nB: 0123456789\r\n\r\n";
        var outcome = Heads.Request(text, new HeadLimits(100, text.Length + spare, 10));
        Assert.Equal(expected, outcome.StartsWith("GET", StringComparison.Ordinal) ? "" : outcome);
    }

    [Theory]
    [InlineData(2, "TooManyFields")]
    [InlineData(3, "")]
    [InlineData(4, "")]
    public void Fields_have_a_bound(int most, string expected)
    {
        var outcome = Heads.Request("GET / HTTP/1.1\r\nHost: a\r\nB: 1\r\nB: 2\r\n\r\n", new HeadLimits(100, 1_000, most));
        Assert.Equal(expected, outcome.StartsWith("GET", StringComparison.Ordinal) ? "" : outcome);
    }

    /// <summary>A head that never ends is refused at the bound and not one byte later, and no byte of it is looked at twice.</summary>
    [Fact]
    public void What_never_ends_is_refused_at_the_bound()
    {
        var head = new RequestHead();
        Assert.Equal("StartLineTooLong", Heads.ReadRequest(head, Heads.Bytes(new string('A', 8_194)), Heads.Wide, _ => 1));
        Assert.Equal("incomplete", Heads.ReadRequest(head, Heads.Bytes(new string('A', 8_193)), Heads.Wide, _ => 1));
        var fields = "GET / HTTP/1.1\r\nHost: a\r\nB: ";
        Assert.Equal("incomplete", Heads.ReadRequest(head, Heads.Bytes(fields + new string('A', 16_383 - fields.Length)), Heads.Wide, _ => 1));
        Assert.Equal("HeadTooLarge", Heads.ReadRequest(head, Heads.Bytes(fields + new string('A', 16_384 - fields.Length)), Heads.Wide, _ => 1));
    }

    /// <summary>Heads made of right parts are read, and say what they were made of.</summary>
    [Fact]
    public void A_head_of_right_parts_says_what_they_are()
    {
        var token = Gen.Elements("a", "X-Y", "!#$%&'*+-.^`|~", "Accept", "x1").Select(n => n + "q");
        var value = Gen.Elements("", "b", "b c", "\u00ff;q=1", "\t".Trim(), "a,b");
        var blank = Gen.Elements("", " ", "\t", " \t ");
        var field = from name in token from before in blank from v in value from after in blank select (Line: $"{name}:{before}{v}{after}\r\n", Name: name, Value: v);
        var parts = from fields in Gen.ListOf(field) from path in Gen.Elements("/", "/a", "/a?b", "/?", "//", "/%2f") from host in Gen.Elements("a", "a.b:80", "[::1]") select (fields, path, host);
        Prop.ForAll(parts.ToArbitrary(), p =>
        {
            var head = new RequestHead();
            var text = $"GET {p.path} HTTP/1.1\r\n{string.Concat(p.fields.Take(40).Select(f => f.Line))}Host: {p.host}\r\n\r\n";
            var bytes = Heads.Bytes(text);
            var outcome = Heads.EachWay(next => Heads.ReadRequest(head, bytes, Heads.Wide, next), text.Length);
            return outcome.Contains($"[{string.Concat(p.fields.Take(40).Select(f => $"{f.Name}={f.Value}|"))}Host={p.host}] {text.Length}", StringComparison.Ordinal)
                && outcome.StartsWith($"GET Origin {p.path} ", StringComparison.Ordinal) && outcome.Contains($" authority={p.host} ", StringComparison.Ordinal);
        }).QuickCheckThrowOnFailure();
    }

    /// <summary>Reading again what was read comes to the same, though another head was read between.</summary>
    [Fact]
    public void A_head_can_be_read_again()
    {
        var head = new RequestHead();
        var bytes = Heads.Bytes("\r\nPOST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
        var first = Heads.ReadRequest(head, bytes, Heads.Wide, left => left);
        _ = Heads.ReadRequest(head, Heads.Bytes("GET / HTTP/1.1\r\nHost: other\r\n\r\n"), Heads.Wide, left => left);
        head.ReadAgain(bytes);
        Assert.Equal(first, Heads.Show(head, bytes));
    }

    [Fact]
    public void Each_fault_has_a_text_and_a_status()
    {
        foreach (var fault in Enum.GetValues<HttpFault>())
        {
            Assert.NotEmpty(fault.Text());
            Assert.InRange(fault.Status(), 400, 505);
        }
    }

    private static bool Reads(string text) => Heads.ReadRequest(new RequestHead(), Heads.Bytes(text), Heads.Wide, left => left) is var outcome && outcome.Contains(' ', StringComparison.Ordinal);
}
