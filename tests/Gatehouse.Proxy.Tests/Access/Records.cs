using System.Net;
using System.Text;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Access.Log;

namespace Gatehouse.Proxy.Tests.Access;

/// <summary>Records as sessions leave them, and the lines that they become.</summary>
internal static class Records
{
    private static readonly SocketEndPoint Client = new(IPAddress.Parse("2001:db8::1"), 40_000);

    public delegate void Format(ref LineWriter line, in RequestRecord record, LogClock clock, long began);

    public static string Json(string request, string host = "a", int reason = RefusalReasons.None) => Line(JsonLines.Write, request, host, reason);

    public static string Haproxy(string request) => Line(HaproxyLines.Write, request, "a", RefusalReasons.None);

    private static string Line(Format format, string request, string host, int reason)
    {
        Span<byte> room = new byte[LogBuffer.LongestLine];
        var line = new LineWriter(room);
        var clock = new LogClock(TimeProvider.System);
        format(ref line, Request(Encoding.Latin1.GetBytes(request), Encoding.Latin1.GetBytes(host), reason), clock, 1_795_161_196_056);
        Assert.False(line.IsTooLong);
        return Encoding.Latin1.GetString(room[..line.Length]);
    }

    public static RequestRecord Request(ReadOnlySpan<byte> request, ReadOnlySpan<byte> host, int reason = RefusalReasons.None) => new()
    {
        Client = Client,
        BeganAt = 0,
        Listener = "web~"u8,
        Route = "shop/cart"u8,
        Group = "app"u8,
        Endpoint = "app-0"u8,
        HeadTime = 1,
        QueueTime = 0,
        ConnectTime = 2,
        ResponseTime = 3,
        TotalTime = 1_006,
        Status = 200,
        BytesIn = 100,
        BytesOut = 84,
        Termination = Termination.Normal,
        EngineConnections = 4,
        ListenerConnections = 3,
        GroupActive = 2,
        EndpointActive = 1,
        Retries = 1,
        Redispatched = true,
        RequestLine = request,
        Host = host,
        Reason = reason,
    };
}
