using System.Buffers;
using Gatehouse.Linux.Sockets;

namespace Gatehouse.Proxy.Access.Log;

/// <summary>
/// One JSON object for each line (RFC 8259). Whatever clients send comes out as valid JSON in ASCII: a byte that is none of the plain characters stands as the character with its number,
/// so that nothing of it is lost. What there is nothing to say of is left out.
/// </summary>
internal static class JsonLines
{
    /// <summary>Bytes of a path, query or host that are written at most.</summary>
    public const int LongestText = 1_023;

    private static readonly SearchValues<byte> Plain = SearchValues.Create([.. Enumerable.Range(32, 127 - 32).Where(b => b is not ('"' or '\\')).Select(b => (byte)b)]);

    public static void Write(ref LineWriter line, in RequestRecord record, LogClock clock, long began)
    {
        WriteStart(ref line, record.Client, record.Listener, clock, began);
        Text(ref line, ",\"route\":"u8, record.Route);
        Text(ref line, ",\"group\":"u8, record.Group);
        Text(ref line, ",\"endpoint\":"u8, record.Endpoint);
        WriteRequestLine(ref line, record.RequestLine);
        Text(ref line, ",\"host\":"u8, record.Host);
        Reached(ref line, ",\"status\":"u8, record.Status);
        Number(ref line, ",\"bytesIn\":"u8, record.BytesIn);
        Number(ref line, ",\"bytesOut\":"u8, record.BytesOut);
        Reached(ref line, ",\"headMs\":"u8, record.HeadTime);
        Reached(ref line, ",\"queueMs\":"u8, record.QueueTime);
        Reached(ref line, ",\"connectMs\":"u8, record.ConnectTime);
        Reached(ref line, ",\"responseMs\":"u8, record.ResponseTime);
        Reached(ref line, ",\"totalMs\":"u8, record.TotalTime);
        WriteEnd(ref line, record.Retries, record.Redispatched, record.Termination, record.Reason);
    }

    public static void Write(ref LineWriter line, in SessionRecord record, LogClock clock, long began)
    {
        WriteStart(ref line, record.Client, record.Listener, clock, began);
        Text(ref line, ",\"group\":"u8, record.Group);
        Text(ref line, ",\"endpoint\":"u8, record.Endpoint);
        Number(ref line, ",\"bytesIn\":"u8, record.BytesIn);
        Number(ref line, ",\"bytesOut\":"u8, record.BytesOut);
        Reached(ref line, ",\"queueMs\":"u8, record.QueueTime);
        Reached(ref line, ",\"connectMs\":"u8, record.ConnectTime);
        Reached(ref line, ",\"totalMs\":"u8, record.TotalTime);
        WriteEnd(ref line, record.Retries, record.Redispatched, record.Termination, record.Reason);
    }

    /// <summary>A connection of which nothing became.</summary>
    public static void WriteRefused(ref LineWriter line, in SocketEndPoint client, ReadOnlySpan<byte> listener, Termination termination, int reason, LogClock clock, long at)
    {
        WriteStart(ref line, client, listener, clock, at);
        WriteEnd(ref line, retries: 0, redispatched: false, termination, reason);
    }

    private static void WriteStart(ref LineWriter line, in SocketEndPoint client, ReadOnlySpan<byte> listener, LogClock clock, long began)
    {
        line.Write("{\"time\":\""u8);
        line.Write(clock.Utc(began));
        line.Write((byte)'.');
        LogClock.WriteFraction(ref line, began);
        line.Write("Z\",\"client\":\""u8);
        line.Advance(client.FormatAddress(line.Rest));
        line.Write("\",\"clientPort\":"u8);
        line.Write(client.Port);
        var tls = listener is [.., (byte)'~'];
        Text(ref line, ",\"listener\":"u8, tls ? listener[..^1] : listener);
        if (tls) line.Write(",\"tls\":true"u8);
    }

    private static void WriteRequestLine(ref LineWriter line, ReadOnlySpan<byte> request)
    {
        var first = request.IndexOf((byte)' ');
        var last = request.LastIndexOf((byte)' ');
        if (first < 0 || last <= first) return;
        var target = request[(first + 1)..last];
        var query = target.IndexOf((byte)'?');
        Text(ref line, ",\"method\":"u8, request[..first]);
        Text(ref line, ",\"path\":"u8, query < 0 ? target : target[..query]);
        if (query >= 0) Text(ref line, ",\"query\":"u8, target[(query + 1)..]);
        Text(ref line, ",\"version\":"u8, request[(last + 1)..]);
    }

    private static void WriteEnd(ref LineWriter line, int retries, bool redispatched, Termination termination, int reason)
    {
        if (retries > 0) Number(ref line, ",\"retries\":"u8, retries);
        if (redispatched) line.Write(",\"redispatched\":true"u8);
        line.Write(",\"termination\":\""u8);
        line.Write(termination.Cause);
        line.Write(termination.State);
        line.Write((byte)'"');
        if (reason != RefusalReasons.None) Text(ref line, ",\"reason\":"u8, RefusalReasons.Bytes(reason));
        line.Write("}\n"u8);
    }

    /// <summary>What may never have come so far, which is less than 0.</summary>
    private static void Reached(ref LineWriter line, ReadOnlySpan<byte> name, long number)
    {
        if (number >= 0) Number(ref line, name, number);
    }

    private static void Number(ref LineWriter line, ReadOnlySpan<byte> name, long number)
    {
        line.Write(name);
        line.Write(number);
    }

    private static void Text(ref LineWriter line, ReadOnlySpan<byte> name, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return;
        bytes = bytes[..Math.Min(bytes.Length, LongestText)];
        line.Write(name);
        line.Write((byte)'"');
        while (true)
        {
            var plain = bytes.IndexOfAnyExcept(Plain);
            line.Write(plain < 0 ? bytes : bytes[..plain]);
            if (plain < 0) break;
            var value = bytes[plain];
            if (value is (byte)'"' or (byte)'\\')
            {
                line.Write((byte)'\\');
                line.Write(value);
            }
            else
            {
                line.Write("\\u00"u8);
                line.Write("0123456789abcdef"u8[value >> 4]);
                line.Write("0123456789abcdef"u8[value & 0xF]);
            }

            bytes = bytes[(plain + 1)..];
        }

        line.Write((byte)'"');
    }
}
