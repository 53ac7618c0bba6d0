using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Gatehouse.Proxy.Access.Log;
using Gatehouse.Proxy.Configuration;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Access;

public sealed partial class LogWriterTests
{
    [Fact]
    public void A_file_that_was_moved_away_is_made_anew_when_it_is_reopened()
    {
        using var engine = new LoggedEngine(Configs.One(), AccessLogFormat.Haproxy);
        Ask(engine, "/one");
        Assert.Contains("/one", engine.NextLine(), StringComparison.Ordinal);
        File.Move(engine.File, engine.File + ".1");
        Ask(engine, "/two");
        Assert.True(SpinWait.SpinUntil(() => File.ReadAllText(engine.File + ".1").Contains("/two", StringComparison.Ordinal), Patience.Limit));
        engine.Log.Reopen();
        Assert.True(SpinWait.SpinUntil(() => File.Exists(engine.File), Patience.Limit));
        Ask(engine, "/three");
        Assert.True(SpinWait.SpinUntil(() => engine.Whole().Length == 1, Patience.Limit));
        Assert.Contains("/three", engine.Whole()[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Format_and_place_change_without_losing_a_line()
    {
        using var folder = new TemporaryDirectory();
        using var engine = new LoggedEngine(Configs.One(), AccessLogFormat.Haproxy);
        Ask(engine, "/one");
        engine.NextLine();
        var elsewhere = folder["other.log"];
        engine.Log.Apply(new AccessLog { Format = AccessLogFormat.Json, Path = elsewhere });
        engine.Running.Settle();
        Ask(engine, "/two");
        Assert.True(SpinWait.SpinUntil(() => File.Exists(elsewhere) && File.ReadAllText(elsewhere).Contains("\"path\":\"/two\"", StringComparison.Ordinal), Patience.Limit));
        engine.Log.Apply(new AccessLog());
        engine.Running.Settle();
        Ask(engine, "/three");
        Assert.Equal(2, engine.Log.Lines);
        Assert.Equal(0, engine.Log.Dropped);
    }

    [Fact]
    public void What_cannot_be_written_is_counted_and_told_once()
    {
        using var running = new RunningEngine(Configs.One());
        List<string> told = [];
        using var log = new EngineLog(running.Engine, TimeProvider.System, text =>
        {
            lock (told) told.Add(text);
        });
        log.Apply(new AccessLog { Format = AccessLogFormat.Haproxy, Path = "/dev/full" });
        for (var i = 1; i <= 3; i++)
        {
            Ask(running, "/");
            Assert.True(SpinWait.SpinUntil(() => log.Dropped == i, Patience.Limit), $"{log.Dropped} are dropped, not {i}");
        }

        lock (told) Assert.Equal("the access log can't be written: /dev/full: No space left on device", Assert.Single(told));
    }

    [Fact]
    public void A_folder_that_is_not_there_stops_nobody()
    {
        using var folder = new TemporaryDirectory();
        using var running = new RunningEngine(Configs.One());
        List<string> told = [];
        using var log = new EngineLog(running.Engine, TimeProvider.System, told.Add);
        var path = folder["later", "access.log"];
        log.Apply(new AccessLog { Format = AccessLogFormat.Haproxy, Path = path });
        Ask(running, "/lost");
        Assert.True(SpinWait.SpinUntil(() => log.Dropped == 1, Patience.Limit));
        Directory.CreateDirectory(folder["later"]);
        log.Reopen();
        Assert.True(SpinWait.SpinUntil(() => File.Exists(path), Patience.Limit));
        Ask(running, "/kept");
        Assert.True(SpinWait.SpinUntil(() => File.ReadAllText(path).Contains("/kept", StringComparison.Ordinal), Patience.Limit));
        Assert.Equal(["the access log can't be written: " + path + ": No such file or directory", "the access log is written again"], told);
    }

    [Fact]
    public void A_syslog_server_gets_a_datagram_for_each_line()
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = (int)Patience.Limit.TotalMilliseconds };
        server.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var running = new RunningEngine(Configs.One());
        using var log = new EngineLog(running.Engine, TimeProvider.System, static text => Assert.Fail(text));
        log.Apply(new AccessLog { Format = AccessLogFormat.Haproxy, Path = $"udp://{server.LocalEndPoint}" });
        for (var i = 0; i < 3; i++)
        {
            Ask(running, $"/{i}");
            var packet = new byte[4_096];
            var text = Encoding.ASCII.GetString(packet, 0, server.Receive(packet));
            Assert.Matches(Frame(), text);
            Assert.Contains($"gatehouse[{Environment.ProcessId}]: 127.0.0.1:", text, StringComparison.Ordinal);
            Assert.EndsWith($"\"GET /{i} HTTP/1.1\"", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_day_of_one_digit_has_a_blank_before_it()
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = (int)Patience.Limit.TotalMilliseconds };
        server.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var sink = LogSink.Of($"udp://{server.LocalEndPoint}", new ManualTimeProvider(new DateTimeOffset(2026, 11, 5, 7, 8, 9, TimeSpan.Zero)));
        Assert.Equal(0, sink.Write("a line\n"u8));
        var packet = new byte[256];
        Assert.Matches(@"^<134>Nov  5 \d\d:\d\d:09 gatehouse\[\d+\]: a line$", Encoding.ASCII.GetString(packet, 0, server.Receive(packet)));
    }

    [Fact]
    public void All_that_the_loops_wrote_is_in_the_file_at_the_end()
    {
        const int requests = 500;
        using var folder = new TemporaryDirectory();
        var path = folder["access.log"];
        var running = new RunningEngine(Configs.One(), threads: 2);
        var log = new EngineLog(running.Engine, TimeProvider.System, static text => Assert.Fail(text));
        try
        {
            log.Apply(new AccessLog { Format = AccessLogFormat.Haproxy, Path = path });
            var client = running.Connect();
            for (var i = 0; i < requests; i++)
            {
                client.Send($"GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n");
                client.ReadUntil("503 Service Unavailable\n");
            }
        }
        finally
        {
            running.Dispose();
            log.Dispose();
        }

        Assert.Equal(requests, File.ReadAllLines(path).Length);
        Assert.All(File.ReadAllLines(path).Select((line, i) => (line, i)), l => Assert.EndsWith($"\"GET /{l.i} HTTP/1.1\"", l.line, StringComparison.Ordinal));
    }

    private static void Ask(LoggedEngine engine, string path) => Ask(engine.Running, path);

    private static void Ask(RunningEngine engine, string path)
    {
        var client = engine.Connect();
        client.Send($"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        client.ReadToEnd();
    }

    [GeneratedRegex(@"^<134>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d gatehouse\[\d+\]: ", RegexOptions.None, 5_000)]
    private static partial Regex Frame();
}
