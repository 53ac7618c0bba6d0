using System.Buffers;
using Gatehouse.Linux.Sockets;

namespace Gatehouse.Proxy.Access.Log;

/// <summary>
/// Lines as HAProxy writes them: <c>httplog</c> for requests and <c>tcplog</c> for sessions (its documentation, §8.2.2 and §8.2.3), field for field, so that what reads the ones reads the
/// others.
/// </summary>
internal static class HaproxyLines
{
    /// <summary>Bytes of a request line that are written at most (HAProxy's tune.http.logurilen, less its closing zero).</summary>
    public const int LongestRequest = 1_023;

    /// <summary>What HAProxy writes as it is within quotes: what can be printed, but for the quote and the mark of an escape.</summary>
    private static readonly SearchValues<byte> Plain = SearchValues.Create([.. Enumerable.Range(32, 127 - 32).Where(b => b is not ('"' or '#')).Select(b => (byte)b)]);

    /// <summary><c>%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %{+Q}r</c></summary>
    public static void Write(ref LineWriter line, in RequestRecord record, LogClock clock, long began)
    {
        WriteStart(ref line, record.Client, record.Listener, clock, began);
        WritePlace(ref line, record.Listener, record.Group, record.Endpoint);
        line.Write(record.HeadTime);
        WriteNext(ref line, record.QueueTime);
        WriteNext(ref line, record.ConnectTime);
        WriteNext(ref line, record.ResponseTime);
        WriteNext(ref line, record.TotalTime);
        line.Write((byte)' ');
        line.Write(record.Status);
        line.Write((byte)' ');
        line.Write(record.BytesOut);
        line.Write(" - - "u8);
        WriteTermination(ref line, record.Termination);
        line.Write("-- "u8); // Of cookies there is nothing to say.
        WriteCounts(ref line, record.EngineConnections, record.ListenerConnections, record.GroupActive, record.EndpointActive, record.Retries, record.Redispatched);
        line.Write(" \""u8);
        if (record.RequestLine.IsEmpty) line.Write("<BADREQ>"u8);
        else WriteEscaped(ref line, record.RequestLine[..Math.Min(record.RequestLine.Length, LongestRequest)]);
        line.Write("\"\n"u8);
    }

    /// <summary><c>%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq</c></summary>
    public static void Write(ref LineWriter line, in SessionRecord record, LogClock clock, long began)
    {
        WriteStart(ref line, record.Client, record.Listener, clock, began);
        WritePlace(ref line, record.Listener, record.Group, record.Endpoint);
        line.Write(record.QueueTime);
        WriteNext(ref line, record.ConnectTime);
        WriteNext(ref line, record.TotalTime);
        line.Write((byte)' ');
        line.Write(record.BytesOut);
        line.Write((byte)' ');
        WriteTermination(ref line, record.Termination);
        line.Write((byte)' ');
        WriteCounts(ref line, record.EngineConnections, record.ListenerConnections, record.GroupActive, record.EndpointActive, record.Retries, record.Redispatched);
        line.Write((byte)'\n');
    }

    /// <summary>A connection of which nothing became: <c>%ci:%cp [%t] %f/1: text</c>.</summary>
    public static void WriteRefused(ref LineWriter line, in SocketEndPoint client, ReadOnlySpan<byte> listener, int reason, LogClock clock, long at)
    {
        WriteClient(ref line, client, clock, at);
        line.Write(Name(listener));
        line.Write("/1: "u8);
        WriteEscaped(ref line, RefusalReasons.Bytes(reason));
        line.Write((byte)'\n');
    }

    private static void WriteStart(ref LineWriter line, in SocketEndPoint client, ReadOnlySpan<byte> listener, LogClock clock, long began)
    {
        WriteClient(ref line, client, clock, began);
        line.Write(listener);
        line.Write((byte)' ');
    }

    private static void WriteClient(ref LineWriter line, in SocketEndPoint client, LogClock clock, long at)
    {
        line.Advance(client.FormatAddress(line.Rest));
        line.Write((byte)':');
        line.Write(client.Port);
        line.Write(" ["u8);
        line.Write(clock.Local(at));
        line.Write((byte)'.');
        LogClock.WriteFraction(ref line, at);
        line.Write("] "u8);
    }

    private static void WritePlace(ref LineWriter line, ReadOnlySpan<byte> listener, ReadOnlySpan<byte> group, ReadOnlySpan<byte> endpoint)
    {
        line.Write(group.IsEmpty ? Name(listener) : group);
        line.Write((byte)'/');
        line.Write(endpoint.IsEmpty ? "<NOSRV>"u8 : endpoint);
        line.Write((byte)' ');
    }

    /// <summary>A listener without the mark of TLS.</summary>
    private static ReadOnlySpan<byte> Name(ReadOnlySpan<byte> listener) => listener is [.., (byte)'~'] ? listener[..^1] : listener;

    private static void WriteNext(ref LineWriter line, long time)
    {
        line.Write((byte)'/');
        line.Write(time);
    }

    private static void WriteTermination(ref LineWriter line, Termination termination)
    {
        line.Write(termination.Cause);
        line.Write(termination.State);
    }

    private static void WriteCounts(ref LineWriter line, int engine, int listener, int group, int endpoint, int retries, bool redispatched)
    {
        line.Write(engine);
        WriteNext(ref line, listener);
        WriteNext(ref line, group);
        WriteNext(ref line, endpoint);
        line.Write(redispatched ? "/+"u8 : "/"u8);
        line.Write(retries);
        line.Write(" 0/0"u8); // Nothing queues yet.
    }

    private static void WriteEscaped(ref LineWriter line, ReadOnlySpan<byte> bytes)
    {
        while (true)
        {
            var plain = bytes.IndexOfAnyExcept(Plain);
            line.Write(plain < 0 ? bytes : bytes[..plain]);
            if (plain < 0) return;
            var value = bytes[plain];
            line.Write((byte)'#');
            line.Write("0123456789ABCDEF"u8[value >> 4]);
            line.Write("0123456789ABCDEF"u8[value & 0xF]);
            bytes = bytes[(plain + 1)..];
        }
    }
}
