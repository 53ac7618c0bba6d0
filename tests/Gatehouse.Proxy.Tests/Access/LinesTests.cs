using System.Net;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Access.Log;
using Gatehouse.Proxy.Configuration;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Access;

public sealed class LinesTests
{
    [Fact]
    public void Every_field_of_httplog_has_its_place()
    {
        var line = Records.Haproxy("GET / HTTP/1.1");
        Assert.EndsWith("] web~ app/app-0 1/0/2/3/1006 200 84 - - ---- 4/3/2/1/+1 0/0 \"GET / HTTP/1.1\"\n", line, StringComparison.Ordinal);
        Assert.StartsWith("2001:db8::1:40000 [", line, StringComparison.Ordinal);
        Assert.Contains(".056] ", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET /\" HTTP/1.1", "GET /#22 HTTP/1.1")]
    [InlineData("GET /# HTTP/1.1", "GET /#23 HTTP/1.1")]
    [InlineData("GET /\u0001\u007f\u00e9 HTTP/1.1", "GET /#01#7F#E9 HTTP/1.1")]
    [InlineData("GET /{|}\\' HTTP/1.1", "GET /{|}\\' HTTP/1.1")]
    public void What_could_forge_a_line_is_escaped(string request, string logged) => Assert.Contains($" \"{logged}\"\n", Records.Haproxy(request), StringComparison.Ordinal);

    [Fact]
    public void A_long_request_is_cut_where_HAProxy_cuts_it()
    {
        var line = Records.Haproxy("GET /" + new string('x', 5_000));
        Assert.Contains($" \"GET /{new string('x', 1_018)}\"\n", line, StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_of_JSON_says_everything()
    {
        using var json = JsonDocument.Parse(Records.Json("GET /a/b?c=d HTTP/1.1", "shop.example", RefusalReasons.Of(Refusal.PathEscape)));
        Assert.Equal("""{"time":"2026-11-20T07:53:16.056Z","client":"2001:db8::1","clientPort":40000,"listener":"web","tls":true,"route":"shop/cart","group":"app","endpoint":"app-0","method":"GET","path":"/a/b","query":"c=d","version":"HTTP/1.1","host":"shop.example","status":200,"bytesIn":100,"bytesOut":84,"headMs":1,"queueMs":0,"connectMs":2,"responseMs":3,"totalMs":1006,"retries":1,"redispatched":true,"termination":"--","reason":"an escape in the path is broken or stands for NUL (RFC 3986 \u00a72.1)"}""",
            Records.Json("GET /a/b?c=d HTTP/1.1", "shop.example", RefusalReasons.Of(Refusal.PathEscape)).TrimEnd('\n'));
        Assert.Equal(RefusalReasons.Text(RefusalReasons.Of(Refusal.PathEscape)), json.RootElement.GetProperty("reason").GetString());
    }

    /// <summary>Whatever a client sends, the line is one line, in ASCII, valid, and says exactly that.</summary>
    [Fact]
    public void Any_bytes_become_valid_JSON()
    {
        var bytes = ArbMap.Default.ArbFor<byte[]>().Generator.Select(b => Encoding.Latin1.GetString(b)).Where(t => !t.Contains(' ', StringComparison.Ordinal) && !t.Contains('?', StringComparison.Ordinal));
        Prop.ForAll(Gen.Zip(bytes, bytes).ToArbitrary(), pair =>
        {
            var (path, host) = pair;
            var line = Records.Json($"GET {path} HTTP/1.1", host);
            Assert.Equal(line.Length - 1, line.IndexOf('\n', StringComparison.Ordinal));
            Assert.True(line[..^1].All(c => c is >= ' ' and < '\u007f'));
            using var json = JsonDocument.Parse(line);
            Assert.Equal(path, json.RootElement.TryGetProperty("path", out var logged) ? logged.GetString() : "");
            Assert.Equal(host, json.RootElement.TryGetProperty("host", out var name) ? name.GetString() : "");
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void The_worst_line_that_a_client_can_cause_has_room()
    {
        var worst = new string('\u0001', 9_000);
        Assert.NotEmpty(Records.Json($"{worst} {worst}?{worst} HTTP/1.1", worst));
        Assert.NotEmpty(Records.Haproxy(worst));
    }

    [Theory]
    [InlineData("Europe/Berlin", "2026-11-20T07:53:16Z", "20/Nov/2026:08:53:16")]
    [InlineData("Europe/Berlin", "2026-10-25T00:59:59Z", "25/Oct/2026:02:59:59")]
    [InlineData("Europe/Berlin", "2026-10-25T01:00:00Z", "25/Oct/2026:02:00:00")]
    [InlineData("Asia/Kolkata", "2026-12-31T18:30:00Z", "01/Jan/2027:00:00:00")]
    [InlineData("UTC", "2024-02-29T23:59:59Z", "29/Feb/2024:23:59:59")]
    public void Dates_are_local_as_HAProxy_writes_them(string zone, string moment, string expected)
    {
        var clock = new LogClock(new Zoned(TimeZoneInfo.FindSystemTimeZoneById(zone)));
        Assert.Equal(expected, Encoding.ASCII.GetString(clock.Local(DateTimeOffset.Parse(moment, System.Globalization.CultureInfo.InvariantCulture).ToUnixTimeMilliseconds())));
    }

    [Fact]
    public void A_refused_connection_has_a_line_of_its_own()
    {
        Assert.Equal("10.0.0.1:7 [01/Jan/1970:00:00:00.007] web/1: the TLS handshake failed\n", Refused(json: false));
        Assert.Equal("""{"time":"1970-01-01T00:00:00.007Z","client":"10.0.0.1","clientPort":7,"listener":"web","tls":true,"termination":"PR","reason":"the TLS handshake failed"}""" + "\n", Refused(json: true));

        static string Refused(bool json)
        {
            Span<byte> room = new byte[1_024];
            var line = new LineWriter(room);
            var client = new SocketEndPoint(IPAddress.Parse("10.0.0.1"), 7);
            var clock = new LogClock(new Zoned(TimeZoneInfo.Utc));
            var reason = RefusalReasons.Of(Refusal.HandshakeFailed);
            if (json) JsonLines.WriteRefused(ref line, client, "web~"u8, Termination.Proxy('R'), reason, clock, 7);
            else HaproxyLines.WriteRefused(ref line, client, "web~"u8, reason, clock, 7);
            return Encoding.ASCII.GetString(room[..line.Length]);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Writing_allocates_nothing(bool json)
    {
        var room = new byte[LogBuffer.LongestLine];
        var clock = new LogClock(TimeProvider.System);
        var began = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        for (var i = 0; i < 1_000; i++) Write(i);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++) Write(i);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Write(int i)
        {
            var line = new LineWriter(room);
            var record = Records.Request("GET /\u00e9\"?a HTTP/1.1"u8, "shop.example"u8);
            var at = clock.Unix(i, i);
            if (json) JsonLines.Write(ref line, record, clock, at);
            else HaproxyLines.Write(ref line, record, clock, at);
        }
    }

    [Fact]
    public void What_an_exchange_was_stands_in_the_line()
    {
        using var server = new RawServer();
        using var engine = new LoggedEngine(Configs.One(server), AccessLogFormat.Json, time: new ManualTimeProvider());
        var client = engine.Running.Connect();
        client.Send("GET /a?b HTTP/1.1\r\nHost: shop.example:8080\r\n\r\n");
        using var peer = server.Accept();
        peer.ReadHead();
        peer.Send("HTTP/1.1 204 No Content\r\n\r\n");
        var head = client.ReadHead();
        using var json = JsonDocument.Parse(engine.NextLine());
        string? Of(string name) => json.RootElement.TryGetProperty(name, out var value) ? value.ToString() : null;
        Assert.Equal(("2026-03-01T12:00:00.000Z", "shop.example", "web:/default", "app", "app-0", "204", $"{head.Length}", "46"),
            (Of("time"), Of("host"), Of("route"), Of("group"), Of("endpoint"), Of("status"), Of("bytesOut"), Of("bytesIn")));
    }

    private sealed class Zoned(TimeZoneInfo zone) : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => zone;
    }
}
