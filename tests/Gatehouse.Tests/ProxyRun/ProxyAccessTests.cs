using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Gatehouse.ProxyRun;
using Gatehouse.TestKit;
using Gatehouse.Tests.Proxy;

namespace Gatehouse.Tests.ProxyRun;

/// <summary>What an operator sees of a proxy that runs: figures, readiness, log, explanations.</summary>
public sealed class ProxyAccessTests
{
    [Fact]
    public async Task The_admin_endpoint_outlives_the_engine_and_moves_with_the_configuration()
    {
        await using var proxy = new ProxyProgram();
        await proxy.StartAsync(Config(proxy));
        Assert.Equal(0, await proxy.MetricAsync("restarts_total"));
        await ProxyProgram.SignalAsync("KILL", proxy.EnginePid);
        await proxy.Process.LineAsync("starting another");

        // No connection is refused meanwhile: the parent holds the socket, and the next engine answers.
        Assert.Equal(1, await proxy.MetricAsync("restarts_total"));
        using var live = await proxy.AskAdminAsync("/live");
        Assert.Equal(HttpStatusCode.OK, live.StatusCode);

        var elsewhere = ProxyProcess.FreePort();
        await proxy.ReloadAsync(Config(proxy).Replace($"admin: 127.0.0.1:{proxy.Admin}", $"admin: 127.0.0.1:{elsewhere}", StringComparison.Ordinal));
        using var moved = await proxy.AskAdminAsync("/ready", elsewhere);
        Assert.Equal(HttpStatusCode.OK, moved.StatusCode);
        await AssertNobodyAsync(proxy.Admin);

        await proxy.ReloadAsync(Config(proxy).Replace($"admin: 127.0.0.1:{proxy.Admin}", "threads: 1", StringComparison.Ordinal));
        await AssertNobodyAsync(elsewhere);
    }

    [Fact]
    public async Task While_it_drains_it_is_not_ready_and_says_what_is_left()
    {
        await using var proxy = new ProxyProgram();
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        await proxy.StartAsync(Config(proxy, ((IPEndPoint)server.LocalEndpoint).Port));
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, proxy.Traffic, TestContext.Current.CancellationToken);
        await client.GetStream().WriteAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        using var upstream = await server.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        await ProxyProgram.SignalAsync("TERM", proxy.Process.Id);
        await proxy.Process.LineAsync("ends after what is begun");

        await WaitUntilAsync(async () =>
        {
            using var ready = await proxy.AskAdminAsync("/ready");
            return ready.StatusCode == HttpStatusCode.ServiceUnavailable;
        });
        Assert.Equal((1, 1), (await proxy.MetricAsync("draining"), await proxy.MetricAsync("connections")));
        await upstream.GetStream().WriteAsync("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        Assert.StartsWith("HTTP/1.1 200 OK", await new StreamReader(client.GetStream()).ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Equal(0, await proxy.Process.ExitAsync());
        Assert.Contains("\"GET / HTTP/1.1\"", await File.ReadAllTextAsync(proxy.LogFile, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task After_a_takeover_the_successor_alone_answers()
    {
        await using var proxy = new ProxyProgram();
        await proxy.StartAsync(Config(proxy));
        var before = await proxy.MetricAsync("start_time_seconds");
        await AskAsync(proxy, "/before");
        await using var successor = RunningCommand.Start(Path.Combine(AppContext.BaseDirectory, "gatehouse"), ["proxy", "--config", proxy.ConfigFile, "--control", proxy.Control, "--take-over"]);
        await successor.LineAsync("gatehouse: serves ");
        for (var i = 0; i < 20; i++) Assert.True(await proxy.MetricAsync("start_time_seconds") > before);
        Assert.Equal(0, await proxy.Process.ExitAsync());
        using var ready = await proxy.AskAdminAsync("/ready");
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);

        // What both write goes into one file.
        await AskAsync(proxy, "/after");
        await WaitUntilAsync(() => Task.FromResult(Log(proxy.LogFile).Contains("\"GET /after HTTP/1.1\"\n", StringComparison.Ordinal)));
        Assert.Equal(2, Log(proxy.LogFile).Count(c => c == '\n'));
    }

    [Fact]
    public async Task The_log_is_opened_anew_on_SIGHUP()
    {
        await using var proxy = new ProxyProgram();
        await proxy.StartAsync(Config(proxy));
        await AskAsync(proxy, "/one");
        await WaitUntilAsync(() => Task.FromResult(Log(proxy.LogFile).Contains("/one", StringComparison.Ordinal)));
        File.Move(proxy.LogFile, proxy.LogFile + ".1");
        await ProxyProgram.SignalAsync("HUP", proxy.Process.Id);
        await WaitUntilAsync(() => Task.FromResult(File.Exists(proxy.LogFile)));
        await AskAsync(proxy, "/two");
        await WaitUntilAsync(() => Task.FromResult(Log(proxy.LogFile).Contains("/two", StringComparison.Ordinal)));
        Assert.DoesNotContain("/two", Log(proxy.LogFile + ".1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Top_prints_rates_once()
    {
        await using var proxy = new ProxyProgram();
        await proxy.StartAsync(Config(proxy));
        await AskAsync(proxy, "/here");
        var result = await new Cli().RunAsync("top", "--once", "--control", proxy.Control, "--sort", "name");
        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.StartsWith($"engine {proxy.EnginePid}, revision 1, up ", result.Out, StringComparison.Ordinal);
        Assert.Matches("(?m)^web +127\\.0\\.0\\.1:" + proxy.Traffic, result.Out);
        Assert.Matches("(?m)^shop/here ", result.Out);
        Assert.Matches("(?m)^app/a ", result.Out);
    }

    [Fact]
    public async Task Explain_asks_the_engine_or_a_file_and_both_say_the_same()
    {
        await using var proxy = new ProxyProgram();
        await proxy.StartAsync(Config(proxy));
        string[] question = ["explain", "route", "POST", $"http://shop.example:{proxy.Traffic}/here", "-H", "x: 1"];
        var live = await new Cli().RunAsync([.. question, "--control", proxy.Control]);
        var file = await new Cli().RunAsync([.. question, "--config", proxy.ConfigFile]);
        Assert.Equal((0, 0), (live.Code, file.Code));
        Assert.Contains("404: no route of the host takes it, and the listener has no default", live.Out, StringComparison.Ordinal);
        Assert.Contains("the method is POST, not GET", live.Out, StringComparison.Ordinal);
        Assert.Equal(file.Out, live.Out);

        var json = await new Cli().RunAsync("explain", "route", "shop.example/here", "--control", proxy.Control, "-o", "json");
        using var answer = JsonDocument.Parse(json.Out);
        var listener = Assert.Single(answer.RootElement.GetProperty("listeners").EnumerateArray());
        Assert.Equal("shop/here", listener.GetProperty("route").GetString());
        Assert.Equal("a", Assert.Single(listener.GetProperty("endpoints").EnumerateArray()).GetProperty("name").GetString());
    }

    [Theory]
    [InlineData("--control, --config: one of both", "explain", "route", "a", "--control", "x", "--config", "y")]
    [InlineData("--sort: 'fast' is not valid: one of requests, inflight, errors, bytes, time, name", "top", "--sort", "fast")]
    [InlineData("--rows: '0' is not valid: 1 to 2000", "top", "--rows", "0")]
    public async Task What_is_wrong_is_told(string message, params string[] args)
    {
        var result = await new Cli().RunAsync(args);
        Assert.Equal(64, result.Code);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_nobody_answers_that_is_told()
    {
        using var folder = new TemporaryDirectory();
        var result = await new Cli().RunAsync("top", "--once", "--control", folder["c"]);
        Assert.Equal((1, $"gatehouse: {folder["c"]}: no proxy answers there\n"), (result.Code, result.Error));
    }

    [Fact]
    public async Task What_a_killed_proxy_leaves_behind_is_no_proxy()
    {
        using var folder = new TemporaryDirectory();
        var cli = new Cli { Variables = { ["XDG_RUNTIME_DIR"] = folder.Path } };
        var host = new HostContext { Time = TimeProvider.System, Out = TextWriter.Null, Error = TextWriter.Null, In = TextReader.Null, Interactive = false, Variable = n => cli.Variables.GetValueOrDefault(n) };
        var left = ControlSockets.For(folder["routes.yaml"], host);
        Directory.CreateDirectory(Path.GetDirectoryName(left)!);
        await File.WriteAllTextAsync(left, "", TestContext.Current.CancellationToken);
        try
        {
            Assert.DoesNotContain(left, (await cli.RunAsync("explain", "route", "http://a.example/")).Error, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(left);
        }
    }

    private static string Config(ProxyProgram proxy, int? upstream = null) => $$"""
        engine:
          admin: 127.0.0.1:{{proxy.Admin}}
        accessLog: { format: haproxy, path: {{proxy.LogFile}} }
        listeners:
          - { name: web, address: "127.0.0.1:{{proxy.Traffic}}" }
        virtualHosts:
          - name: shop
            hosts: [shop.example, "*"]
            routes:
              - { name: here, path: /here, methods: [GET], to: app }
              - { name: root, exact: /, to: app }
        upstreams:
          - name: app
            endpoints: [{ name: a, address: "127.0.0.1:{{upstream ?? ProxyProcess.FreePort()}}" }]

        """;

    private static async Task AskAsync(ProxyProgram proxy, string path)
    {
        using var response = await proxy.Http.GetAsync(new Uri($"http://127.0.0.1:{proxy.Traffic}{path}"), TestContext.Current.CancellationToken);
    }

    private static string Log(string path) => File.Exists(path) ? File.ReadAllText(path, Encoding.Latin1) : "";

    private static async Task AssertNobodyAsync(int port) => await WaitUntilAsync(async () =>
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, port, TestContext.Current.CancellationToken);
            return false;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return true;
        }
    });

    private static async Task WaitUntilAsync(Func<Task<bool>> isSo)
    {
        using var patience = new CancellationTokenSource(Patience.Limit);
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!await isSo()) await pace.WaitForNextTickAsync(patience.Token);
    }
}
