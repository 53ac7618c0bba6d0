using Gatehouse.Linux.Sockets;

namespace Gatehouse.Proxy.Access;

/// <summary>What is known of a request when it has ended; for one log line. Times are milliseconds; -1: it never came so far.</summary>
internal readonly ref struct RequestRecord
{
    public required SocketEndPoint Client { get; init; }

    /// <summary>Milliseconds of the loop's clock: the request's first byte, or the connection's for what never became one.</summary>
    public required long BeganAt { get; init; }

    public required ReadOnlySpan<byte> Listener { get; init; }

    /// <summary>Virtual host and route, with a slash between them. Empty: none takes it.</summary>
    public required ReadOnlySpan<byte> Route { get; init; }

    /// <summary>Empty: none was chosen; HAProxy then has the listener's name.</summary>
    public required ReadOnlySpan<byte> Group { get; init; }

    /// <summary>Empty: none was chosen.</summary>
    public required ReadOnlySpan<byte> Endpoint { get; init; }

    /// <summary>TR: from the first byte of the head to its last.</summary>
    public required long HeadTime { get; init; }

    /// <summary>Tw: waiting for a place.</summary>
    public required long QueueTime { get; init; }

    /// <summary>Tc: connecting.</summary>
    public required long ConnectTime { get; init; }

    /// <summary>Tr: from the request's end to the response's head.</summary>
    public required long ResponseTime { get; init; }

    /// <summary>Ta: all of it.</summary>
    public required long TotalTime { get; init; }

    /// <summary>Of the response; -1: there was none.</summary>
    public required int Status { get; init; }

    /// <summary>To the client, with the head.</summary>
    public required long BytesOut { get; init; }

    /// <summary>From the client, with the head.</summary>
    public required long BytesIn { get; init; }

    public required Termination Termination { get; init; }

    public required int EngineConnections { get; init; }

    public required int ListenerConnections { get; init; }

    public required int GroupActive { get; init; }

    public required int EndpointActive { get; init; }

    public required int Retries { get; init; }

    /// <summary>It ended at another endpoint than the first.</summary>
    public required bool Redispatched { get; init; }

    /// <summary>Method, target and version; empty for what was none.</summary>
    public required ReadOnlySpan<byte> RequestLine { get; init; }

    /// <summary>The Host field; empty when there is none.</summary>
    public required ReadOnlySpan<byte> Host { get; init; }

    /// <summary>Why it was refused or cut off; see <see cref="RefusalReasons"/>.</summary>
    public required int Reason { get; init; }
}

/// <summary>What is known of a TCP, TLS or UDP session when it has ended; for one log line. Times are milliseconds; -1: it never came so far.</summary>
internal readonly ref struct SessionRecord
{
    public required SocketEndPoint Client { get; init; }

    /// <summary>Milliseconds of the loop's clock: when it was accepted.</summary>
    public required long BeganAt { get; init; }

    public required ReadOnlySpan<byte> Listener { get; init; }

    public required ReadOnlySpan<byte> Group { get; init; }

    /// <summary>Empty: none was chosen.</summary>
    public required ReadOnlySpan<byte> Endpoint { get; init; }

    /// <summary>Tw: waiting for a place.</summary>
    public required long QueueTime { get; init; }

    /// <summary>Tc: connecting.</summary>
    public required long ConnectTime { get; init; }

    /// <summary>Tt: all of it.</summary>
    public required long TotalTime { get; init; }

    /// <summary>To the client.</summary>
    public required long BytesOut { get; init; }

    /// <summary>From the client.</summary>
    public required long BytesIn { get; init; }

    public required Termination Termination { get; init; }

    public required int EngineConnections { get; init; }

    public required int ListenerConnections { get; init; }

    public required int GroupActive { get; init; }

    public required int EndpointActive { get; init; }

    public required int Retries { get; init; }

    public required bool Redispatched { get; init; }

    /// <summary>Why it was refused or cut off; see <see cref="RefusalReasons"/>.</summary>
    public required int Reason { get; init; }
}

/// <summary>Writes a loop's lines; called on the loop, so that it neither waits nor allocates.</summary>
internal interface IAccessLog
{
    /// <summary>A request ended.</summary>
    void Write(in RequestRecord record);

    /// <summary>A TCP, TLS or UDP session ended.</summary>
    void Write(in SessionRecord record);

    /// <summary>A connection was refused before what it speaks began.</summary>
    void WriteRefused(in SocketEndPoint client, ReadOnlySpan<byte> listener, Termination termination, int reason, long now);

    /// <summary>The loop's turn is over: what was written may go out.</summary>
    void EndTurn(long now);
}
