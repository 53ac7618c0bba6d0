using System.Globalization;
using System.Text;

namespace Gatehouse.Proxy.Http1;

/// <summary>Answers from here, as bytes: a short text, Date and Server. Composed from parts that are made once.</summary>
internal static class LocalAnswers
{
    private static readonly Dictionary<int, byte[]> StatusLines = Reasons().ToDictionary(r => r.Status, r => Encoding.ASCII.GetBytes($"HTTP/1.1 {r.Status} {r.Reason}\r\n"));
    private static readonly Dictionary<int, byte[]> Bodies = Reasons().ToDictionary(r => r.Status, r => Encoding.ASCII.GetBytes($"{r.Status} {r.Reason}\n"));

    /// <summary>The short text of a status.</summary>
    public static ReadOnlySpan<byte> Body(int status) => Bodies.TryGetValue(status, out var body) ? body : [];

    /// <summary>Writes an answer. The length.</summary>
    /// <param name="into">Where to.</param>
    /// <param name="status">200 to 599.</param>
    /// <param name="fields">Field lines of the content.</param>
    /// <param name="body">The content.</param>
    /// <param name="bodiless">It answers HEAD: the length is told and nothing sent.</param>
    /// <param name="close">The connection ends after it.</param>
    /// <param name="keepAlive">The client must be told that it does not (HTTP/1.0).</param>
    /// <param name="date">The time, as <see cref="HttpDate"/> has it.</param>
    public static int Write(Span<byte> into, int status, ReadOnlySpan<byte> fields, ReadOnlySpan<byte> body, bool bodiless, bool close, bool keepAlive, ReadOnlySpan<byte> date)
    {
        var writer = new ByteWriter(into);
        if (StatusLines.TryGetValue(status, out var line)) writer.Write(line);
        else
        {
            writer.Write("HTTP/1.1 "u8);
            writer.WriteNumber(status);
            writer.Write(" \r\n"u8);
        }

        writer.Write("server: gatehouse\r\ndate: "u8);
        writer.Write(date);
        writer.Write("\r\n"u8);
        writer.Write(fields);
        if (status is not (204 or 304))
        {
            writer.Write("content-length: "u8);
            writer.WriteNumber(body.Length);
            writer.Write("\r\n"u8);
        }

        if (status is 405) writer.Write("allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n"u8);
        if (close) writer.Write("connection: close\r\n"u8);
        else if (keepAlive) writer.Write("connection: keep-alive\r\n"u8);
        writer.Write("\r\n"u8);
        if (!bodiless && status is not (204 or 304)) writer.Write(body);
        return writer.Length;
    }

    /// <summary>RFC 9110 §15, RFC 6585.</summary>
    private static (int Status, string Reason)[] Reasons() =>
    [
        (200, "OK"), (201, "Created"), (202, "Accepted"), (204, "No Content"),
        (301, "Moved Permanently"), (302, "Found"), (303, "See Other"), (304, "Not Modified"), (307, "Temporary Redirect"), (308, "Permanent Redirect"),
        (400, "Bad Request"), (401, "Unauthorized"), (403, "Forbidden"), (404, "Not Found"), (405, "Method Not Allowed"), (408, "Request Timeout"), (410, "Gone"),
        (413, "Content Too Large"), (414, "URI Too Long"), (417, "Expectation Failed"), (421, "Misdirected Request"), (429, "Too Many Requests"),
        (431, "Request Header Fields Too Large"), (451, "Unavailable For Legal Reasons"),
        (500, "Internal Server Error"), (501, "Not Implemented"), (502, "Bad Gateway"), (503, "Service Unavailable"), (504, "Gateway Timeout"),
        (505, "HTTP Version Not Supported"),
    ];
}

/// <summary>The Date field's value (RFC 9110 §5.6.7), formatted once a second.</summary>
internal sealed class HttpDate(TimeProvider time)
{
    private readonly byte[] _text = new byte[29];
    private long _second = -1;

    public ReadOnlySpan<byte> Value
    {
        get
        {
            var now = time.GetUtcNow();
            var second = now.ToUnixTimeSeconds();
            if (second == _second) return _text;
            _second = second;
            _ = now.TryFormat(_text, out _, "R", CultureInfo.InvariantCulture);
            return _text;
        }
    }
}
