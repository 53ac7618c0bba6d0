using System.Text;
using Gatehouse.Wire.Http1;

namespace Gatehouse.TestKit.Fuzz;

/// <summary>
/// Heads of requests and responses, right and broken, read whole, byte by byte and in random pieces: status, fault, and all that a whole head says must be the same, and what was taken for
/// right must obey the few rules on which the safety of a gateway rests.
/// </summary>
public static class HeadFuzz
{
    private static readonly HeadLimits Limits = new(60, 220, 8);

    private static readonly string[] RequestLines =
        ["GET / HTTP/1.1", "POST /a?b=c HTTP/1.1", "GET /%2e%2E/. HTTP/1.0", "GET http://own:80/p HTTP/1.1", "OPTIONS * HTTP/1.1", "CONNECT a:1 HTTP/1.1", "HEAD //x HTTP/1.1"];

    private static readonly string[] StatusLines = ["HTTP/1.1 200 OK", "HTTP/1.0 204 ", "HTTP/1.1 100 Continue", "HTTP/1.1 304", "HTTP/1.1 101 x", "HTTP/1.1 500 a b\t\u00ff"];

    private static readonly string[] Fields =
    [
        "Host: a", "host:b.c:80", "Host: [::1]", "Content-Length: 10", "Content-Length: 0", "Transfer-Encoding: chunked", "transfer-encoding:\tCHUNKED ", "Connection: close", "Connection: keep-alive, x",
        "Connection: upgrade", "Upgrade: websocket", "Expect: 100-continue", "TE: trailers", "X: ", "X:y", "X-Forwarded-For: 1.2.3.4", "Accept: */*", "Content_Length: 4", "Date: now", "Server: s",
    ];

    /// <summary>Runs <paramref name="count"/> inputs; every difference with the seed and the input that show it, ten at most.</summary>
    public static IReadOnlyList<string> Run(int seed, int count)
    {
        var request = new RequestHead();
        var response = new ResponseHead();
        return FuzzRun.Run(seed, count, random => random.Next(2) == 0 ? Compare(random, Head(random, RequestLines), new RequestReading(request)) : Compare(random, Head(random, StatusLines), new ResponseReading(response)));
    }

    private static string? Compare(Random random, byte[] head, Reading reading)
    {
        var input = random.Next(6) switch
        {
            0 => FuzzRun.Noise(random, 80),
            1 => head,
            2 => [.. head, .. FuzzRun.Noise(random, 20)],
            _ => FuzzRun.Mutate(random, head),
        };
        var whole = Read(input, reading, left => left);
        if (reading.Head.Fault == HttpFault.None && whole != "incomplete") Check(input, reading);
        var single = Read(input, reading, _ => 1);
        var pieces = Read(input, reading, left => random.Next(1, Math.Min(left, 20) + 1));
        return whole != single ? $"{FuzzRun.Show(input)}: whole {whole}; byte by byte {single}"
            : whole != pieces ? $"{FuzzRun.Show(input)}: whole {whole}; in pieces {pieces}"
            : null;
    }

    private static string Read(byte[] input, Reading reading, Func<int, int> next)
    {
        var scan = default(HeadScan);
        for (var seen = 0; seen < input.Length;)
        {
            seen += next(input.Length - seen);
            var status = reading.Read(input.AsSpan(0, seen), ref scan);
            if (status == HeadStatus.Invalid) return reading.Head.Fault.ToString();
            if (status == HeadStatus.Complete) return reading.Tell() + Tell(reading.Head);
        }

        return "incomplete";
    }

    /// <summary>What holds of every head that was taken for right, said anew and without the parser's tables.</summary>
    private static void Check(byte[] input, Reading reading)
    {
        var head = reading.Head;
        var text = Encoding.Latin1.GetString(input, 0, head.Length);
        if (!text.EndsWith("\r\n\r\n", StringComparison.Ordinal)) throw Broken("does not end in an empty line");
        var body = text.StartsWith("\r\n", StringComparison.Ordinal) ? text[2..] : text;
        var lines = body[..^4].Split("\r\n");
        if (lines.Any(l => l.AsSpan().IndexOfAny('\r', '\n', '\0') >= 0)) throw Broken("CR, LF or NUL within a line");
        if (lines.Length - 1 != head.FieldCount) throw Broken("lines are not fields");
        if (lines.Length - 1 > Limits.Fields || head.Length > Limits.Head || lines[0].Length > Limits.StartLine) throw Broken("beyond a bound");
        var names = lines.Skip(1).Select(l => l[..Math.Max(0, l.IndexOf(':', StringComparison.Ordinal))].ToLowerInvariant()).ToList();
        if (names.Any(n => n.Length == 0 || n.Contains(' ', StringComparison.Ordinal) || n.Contains('\t', StringComparison.Ordinal))) throw Broken("a name that is none");
        if (names.Count(n => n is "content-length" or "transfer-encoding") > 1) throw Broken("two framings");
        if (names.Any(n => n.Contains('_', StringComparison.Ordinal) && n.Replace('_', '-') is "content-length" or "transfer-encoding")) throw Broken("a disguised framing");
        if (reading is RequestReading && (names.Count(n => n == "host") > 1 || (head.MinorVersion == 1 && !names.Contains("host", StringComparer.Ordinal)))) throw Broken("not one Host");
    }

    private static InvalidOperationException Broken(string rule) => new($"taken for right, but {rule}");

    /// <summary>All that it says, as places in the same bytes.</summary>
    private static string Tell(MessageHead head)
    {
        var text = new StringBuilder(200).Append((int)head.Framing).Append(' ').Append(head.ContentLength).Append(head.SaysClose).Append(head.SaysKeepAlive).Append(head.SaysUpgrade)
            .Append(head.TakesTrailers).Append(head.HasDate).Append(head.HasServer).Append(head.MinorVersion).Append(' ').Append(head.Length);
        foreach (var field in head.Fields)
        {
            text.Append('|').Append(field.Start).Append('+').Append(field.NameLength).Append('=').Append(field.ValueStart).Append('+').Append(field.ValueLength)
                .Append(' ').Append(field.End).Append(' ').Append((int)field.Known).Append(field.Hop);
        }

        return text.ToString();
    }

    private static byte[] Head(Random random, string[] lines)
    {
        var text = new StringBuilder(random.Next(8) == 0 ? "\r\n" : "").Append(lines[random.Next(lines.Length)]).Append("\r\n");
        if (random.Next(4) > 0) text.Append("Host: h\r\n");
        for (var left = random.Next(9); left > 0; left--) text.Append(Fields[random.Next(Fields.Length)]).Append("\r\n");
        return Encoding.Latin1.GetBytes(text.Append("\r\n").ToString());
    }

    private abstract class Reading(MessageHead head)
    {
        public MessageHead Head => head;

        public abstract HeadStatus Read(ReadOnlySpan<byte> buffer, ref HeadScan scan);

        public abstract string Tell();
    }

    private sealed class RequestReading(RequestHead head) : Reading(head)
    {
        public override HeadStatus Read(ReadOnlySpan<byte> buffer, ref HeadScan scan) => head.Read(buffer, ref scan, Limits);

        public override string Tell() =>
            $"{head.Method} {head.MethodKind} {head.Form} {head.PathAndQuery} {head.Path} {head.Query} {head.Authority} {head.Host} {head.Port} {head.KeepsAlive} {head.ExpectsContinue} ";
    }

    private sealed class ResponseReading(ResponseHead head) : Reading(head)
    {
        public override HeadStatus Read(ReadOnlySpan<byte> buffer, ref HeadScan scan) => head.Read(buffer, ref scan, Limits, toHead: false);

        public override string Tell() => $"{head.Status} {head.Reason} {head.KeepsAlive} ";
    }
}
