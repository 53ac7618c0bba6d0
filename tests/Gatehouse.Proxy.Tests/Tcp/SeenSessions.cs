using System.Collections.Concurrent;
using System.Text;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Tcp;

/// <summary>A session's record, as text where it is bytes.</summary>
internal sealed record SeenSession(string Client, string Listener, string Group, string Endpoint, string Flags, long BytesIn, long BytesOut, int Retries, bool Redispatched, bool Connected, string Reason);

/// <summary>Keeps what would be logged.</summary>
internal sealed class SeenSessions : IAccessLog
{
    private readonly BlockingCollection<SeenSession> _seen = [];

    /// <summary>The next session that ended.</summary>
    public SeenSession Next() => _seen.TryTake(out var seen, Patience.Limit) ? seen : throw new TimeoutException("no session ended");

    public void Write(in RequestRecord record) => _seen.Add(new SeenSession(
        record.Client.ToString(), Text(record.Listener), Text(record.Group), Text(record.Endpoint), Flags(record.Termination), record.BytesIn, record.BytesOut, record.Retries, record.Redispatched,
        record.ConnectTime >= 0, record.Reason == RefusalReasons.None ? "" : RefusalReasons.Name(record.Reason)));

    public void Write(in SessionRecord record) => _seen.Add(new SeenSession(
        record.Client.ToString(), Text(record.Listener), Text(record.Group), Text(record.Endpoint), Flags(record.Termination), record.BytesIn, record.BytesOut, record.Retries, record.Redispatched,
        record.ConnectTime >= 0, record.Reason == RefusalReasons.None ? "" : RefusalReasons.Name(record.Reason)));

    public void WriteRefused(in SocketEndPoint client, ReadOnlySpan<byte> listener, Termination termination, int reason, long now) =>
        _seen.Add(new SeenSession(client.ToString(), Text(listener), "", "", Flags(termination), 0, 0, 0, Redispatched: false, Connected: false, RefusalReasons.Name(reason)));

    public void EndTurn(long now)
    {
    }

    private static string Flags(Termination termination) => $"{(char)termination.Cause}{(char)termination.State}";

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);
}
