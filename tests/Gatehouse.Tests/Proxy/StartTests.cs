using System.Net;
using System.Net.Sockets;
using Gatehouse.TestKit;

namespace Gatehouse.Tests.Proxy;

/// <summary>How a proxy begins, and how it does not.</summary>
public sealed class StartTests : IAsyncDisposable
{
    private readonly ProxyProcess _proxy = new();
    private readonly int _port = ProxyProcess.FreePort();

    public ValueTask DisposeAsync() => _proxy.DisposeAsync();

    [Fact(Timeout = 120_000)]
    public async Task It_serves_answers_at_its_control_socket_and_ends_in_good_order()
    {
        _proxy.Write(ProxyProcess.Answering("one", _port));
        var engine = await _proxy.StartAsync();
        using var http = new HttpClient();
        Assert.Equal("one", await http.GetStringAsync($"http://127.0.0.1:{_port}/", TestContext.Current.CancellationToken));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_proxy.ControlPath));

        _proxy.Signal("TERM");
        Assert.Equal(0, await _proxy.Parent.ExitAsync());
        Assert.False(ProxyProcess.IsAlive(engine));
        Assert.False(File.Exists(_proxy.ControlPath));
    }

    [Fact(Timeout = 120_000)]
    public async Task Faults_of_the_file_are_told_all_at_once_by_a_check_and_by_a_start()
    {
        _proxy.Write($"listeners:\n  - {{ name: web, address: 127.0.0.1:{_port} }}\n  - {{ name: web, address: nowhere }}\nvirtualHosts:\n  - {{ hosts: a.example, to: absent }}\n");
        foreach (var more in new[] { new[] { "--check" }, [] })
        {
            var result = await ShellCommand.RunAsync(ProxyProcess.Program, ["proxy", "--config", _proxy.ConfigFile, "--control", _proxy.ControlPath, .. more]);
            Assert.Equal(64, result.ExitCode);
            Assert.Contains("nowhere", result.Errors, StringComparison.Ordinal);
            Assert.Contains("absent", result.Errors, StringComparison.Ordinal);
        }

        Assert.False(File.Exists(_proxy.ControlPath));
        _proxy.Write(ProxyProcess.Answering("right", _port));
        var right = await ShellCommand.RunAsync(ProxyProcess.Program, ["proxy", "--config", _proxy.ConfigFile, "--check"]);
        Assert.Equal((0, ""), (right.ExitCode, right.Errors));
        Assert.Contains("1 listener, 1 virtual host, 1 route", right.Output, StringComparison.Ordinal);
    }

    [Fact(Timeout = 120_000)]
    public async Task What_cannot_be_bound_is_told_all_at_once_with_the_listeners_names()
    {
        using var first = new TcpListener(IPAddress.Loopback, 0);
        using var second = new TcpListener(IPAddress.Loopback, 0);
        first.Start();
        second.Start();
        _proxy.Write(ProxyProcess.Answering("x", ((IPEndPoint)first.LocalEndpoint).Port, _port, ((IPEndPoint)second.LocalEndpoint).Port));
        var parent = _proxy.Launch();
        Assert.Equal(1, await parent.ExitAsync());
        Assert.Contains($"listener l0 can't have {first.LocalEndpoint}: another process has it", _proxy.Output, StringComparison.Ordinal);
        Assert.Contains($"listener l2 can't have {second.LocalEndpoint}: another process has it", _proxy.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("listener l1", _proxy.Output, StringComparison.Ordinal);
        using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.Throws<SocketException>(() => probe.Connect(new IPEndPoint(IPAddress.Loopback, _port)));
    }

    [Fact(Timeout = 120_000)]
    public async Task Two_live_side_by_side_but_not_at_one_control_socket()
    {
        await using var other = new ProxyProcess();
        var port = ProxyProcess.FreePort();
        _proxy.Write(ProxyProcess.Answering("one", _port));
        other.Write(ProxyProcess.Answering("two", port));
        await _proxy.StartAsync();
        await other.StartAsync();
        using var http = new HttpClient();
        Assert.Equal("one", await http.GetStringAsync($"http://127.0.0.1:{_port}/", TestContext.Current.CancellationToken));
        Assert.Equal("two", await http.GetStringAsync($"http://127.0.0.1:{port}/", TestContext.Current.CancellationToken));

        // Started twice it says so, and not that each of its addresses is taken.
        var again = await ShellCommand.RunAsync(ProxyProcess.Program, ["proxy", "--config", other.ConfigFile, "--control", other.ControlPath]);
        Assert.Equal(1, again.ExitCode);
        Assert.Contains("another proxy answers there; to replace it without loss: --take-over", again.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("another process has it", again.Errors, StringComparison.Ordinal);

        other.Write(ProxyProcess.Answering("three", ProxyProcess.FreePort()));
        var third = await ShellCommand.RunAsync(ProxyProcess.Program, ["proxy", "--config", other.ConfigFile, "--control", other.ControlPath]);
        Assert.Equal(1, third.ExitCode);
        Assert.Contains("another proxy answers there; to replace it without loss: --take-over", third.Errors, StringComparison.Ordinal);
        Assert.Equal("two", await http.GetStringAsync($"http://127.0.0.1:{port}/", TestContext.Current.CancellationToken));
    }

    [Fact(Timeout = 120_000)]
    public async Task The_last_good_configuration_is_served_when_the_file_is_broken()
    {
        var snapshot = _proxy["snapshot"];
        _proxy.Write(ProxyProcess.Answering("good", _port));
        await _proxy.StartAsync("--snapshot", snapshot);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(snapshot));
        _proxy.Write(ProxyProcess.Answering("better", _port));
        await _proxy.ReloadAsync();
        _proxy.Signal("TERM");
        await _proxy.Parent.ExitAsync();

        _proxy.Write("listeners: [");
        await _proxy.StartAsync("--snapshot", snapshot);
        using var http = new HttpClient();
        Assert.Equal("better", await http.GetStringAsync($"http://127.0.0.1:{_port}/", TestContext.Current.CancellationToken));
        Assert.Contains($"serves the last good configuration, from {snapshot}", _proxy.Output, StringComparison.Ordinal);
    }

    [Fact(Timeout = 120_000)]
    public async Task A_snapshot_that_cannot_be_kept_is_told_and_hinders_nothing()
    {
        _proxy.Write(ProxyProcess.Answering("one", _port));
        await _proxy.StartAsync("--snapshot", _proxy["absent/snapshot"]);
        _proxy.Write(ProxyProcess.Answering("two", _port));
        await _proxy.ReloadAsync();
        using var http = new HttpClient();
        Assert.Equal("two", await http.GetStringAsync($"http://127.0.0.1:{_port}/", TestContext.Current.CancellationToken));
        Assert.Equal(2, _proxy.Output.Split("the configuration is not kept").Length - 1);
    }

    [Fact(Timeout = 120_000)]
    public async Task The_engine_becomes_its_user_while_the_parent_binds_for_it()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can become another user");
        string With(string user, params int[] ports) => $"engine: {{ user: {user} }}\n" + ProxyProcess.Answering("low", ports);
        _proxy.Write(With("nobody", _port));
        var engine = await _proxy.StartAsync();
        Assert.DoesNotContain("\t0\t", File.ReadLines($"/proc/{engine}/status").Single(l => l.StartsWith("Uid:", StringComparison.Ordinal)), StringComparison.Ordinal);

        // A port that the engine's user may not bind.
        var low = Enumerable.Range(600, 400).First(p => IsFree(p));
        _proxy.Write(With("nobody", _port, low));
        await _proxy.ReloadAsync();
        using var http = new HttpClient();
        Assert.Equal("low", await http.GetStringAsync($"http://127.0.0.1:{low}/", TestContext.Current.CancellationToken));

        ProxyProcess.Signal(engine, "KILL");
        await _proxy.Parent.LineAsync("starting another");
        Assert.Equal("low", await http.GetStringAsync($"http://127.0.0.1:{low}/", TestContext.Current.CancellationToken));
    }

    [Fact(Timeout = 120_000)]
    public async Task A_user_that_is_none_is_said_and_nothing_is_left_running()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can become another user");
        _proxy.Write("engine: { user: no-such-user-here }\n" + ProxyProcess.Answering("x", _port));
        var parent = _proxy.Launch();
        Assert.Equal(1, await parent.ExitAsync());
        Assert.Contains("engine.user: becoming user no-such-user-here: ENOENT", _proxy.Output, StringComparison.Ordinal);
    }

    [Fact(Timeout = 120_000)]
    public async Task Systemd_hears_what_happens()
    {
        var path = _proxy["notify"];
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = (int)Patience.Limit.TotalMilliseconds };
        systemd.Bind(new UnixDomainSocketEndPoint(path));
        string Next()
        {
            var buffer = new byte[1_000];
            return System.Text.Encoding.UTF8.GetString(buffer, 0, systemd.Receive(buffer));
        }

        _proxy.Write(ProxyProcess.Answering("x", _port));
        var parent = _proxy.Launch(null, $"NOTIFY_SOCKET={path}");
        Assert.Equal($"MAINPID={parent.Id}\nREADY=1", Next());
        _proxy.Signal("HUP");
        var reloading = Next().Split('\n');
        Assert.Equal("RELOADING=1", reloading[0]);
        var microseconds = long.Parse(reloading[1]["MONOTONIC_USEC=".Length..], System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(microseconds / 1e6, 0, (Environment.TickCount64 / 1e3) + 1);
        Assert.InRange((Environment.TickCount64 / 1e3) - (microseconds / 1e6), -1, Patience.Limit.TotalSeconds);
        Assert.Equal("READY=1", Next());
        _proxy.Signal("USR2");
        var successor = Next();
        Assert.Matches("^MAINPID=[0-9]+\nREADY=1$", successor);
        Assert.DoesNotContain($"MAINPID={parent.Id}\n", successor, StringComparison.Ordinal);
        ProxyProcess.WaitForEnd(parent.Id);
        ProxyProcess.Signal(int.Parse(successor.Split('\n')[0]["MAINPID=".Length..], System.Globalization.CultureInfo.InvariantCulture), "TERM");
        Assert.Equal("STOPPING=1", Next());
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
