using System.Net;
using System.Net.Sockets;
using System.Text;
using Gatehouse.TestKit;

namespace Gatehouse.Tests.Proxy;

/// <summary>What becomes of clients when configurations, engines and parents change and die.</summary>
public sealed class LifeTests : IAsyncDisposable
{
    private readonly ProxyProcess _proxy = new();
    private readonly int _port = ProxyProcess.FreePort();

    public ValueTask DisposeAsync() => _proxy.DisposeAsync();

    [Fact(Timeout = 180_000)]
    public async Task A_reload_is_served_and_a_bad_one_leaves_what_was()
    {
        _proxy.Write(ProxyProcess.Answering("v0", _port));
        await _proxy.StartAsync();
        await using var load = new LoadOfClients(_port, fresh: 2, kept: 2);
        for (var i = 1; i <= 10; i++)
        {
            load.Await(20);
            _proxy.Write(ProxyProcess.Answering($"v{i}", _port, ProxyProcess.FreePort()));
            await _proxy.ReloadAsync();
            using var http = new HttpClient();
            Assert.Equal($"v{i}", await http.GetStringAsync($"http://127.0.0.1:{_port}/", TestContext.Current.CancellationToken));
        }

        _proxy.Write("listeners: [");
        await _proxy.ReloadAsync("goes on with what was");
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        _proxy.Write(ProxyProcess.Answering("never", _port, ((IPEndPoint)taken.LocalEndpoint).Port));
        await _proxy.ReloadAsync("goes on with what was");
        load.Await(20);
        await load.DisposeAsync();
        Assert.Empty(load.Faults);
        Assert.Equal(0, load.Cut);
        Assert.True(load.Bodies.IsSubsetOf(Enumerable.Range(0, 11).Select(i => $"v{i}")), string.Join(' ', load.Bodies));
        Assert.Contains("v10", load.Bodies);
    }

    [Fact(Timeout = 120_000)]
    public async Task Listeners_may_change_their_names_and_give_each_other_their_addresses()
    {
        var other = ProxyProcess.FreePort();
        string Two(string first, int firstPort, string second, int secondPort) => $$"""
            listeners:
              - { name: {{first}}, address: 127.0.0.1:{{firstPort}} }
              - { name: {{second}}, address: 127.0.0.1:{{secondPort}} }
            virtualHosts:
              - { name: of-a, hosts: "*", listeners: a, respond: { status: 200, body: at a } }
              - { name: of-b, hosts: "*", listeners: b, respond: { status: 200, body: at b } }
            """ + "\n";
        _proxy.Write(Two("a", _port, "b", other));
        await _proxy.StartAsync();
        async Task ExpectAsync(string atPort, string atOther)
        {
            using var http = new HttpClient(); // With connections of its own: those that are open stay with the listener that took them.
            Assert.Equal(atPort, await http.GetStringAsync($"http://127.0.0.1:{_port}/", TestContext.Current.CancellationToken));
            Assert.Equal(atOther, await http.GetStringAsync($"http://127.0.0.1:{other}/", TestContext.Current.CancellationToken));
        }

        await ExpectAsync("at a", "at b");
        _proxy.Write(Two("a", other, "b", _port));
        await _proxy.ReloadAsync();
        await ExpectAsync("at b", "at a");
        _proxy.Write(ProxyProcess.Answering("at l", _port, other));
        await _proxy.ReloadAsync();
        await ExpectAsync("at l", "at l");
    }

    [Fact(Timeout = 120_000)]
    public async Task Draining_waits_for_what_is_begun_and_a_second_signal_does_not()
    {
        using var upstream = new TcpListener(IPAddress.Loopback, 0);
        upstream.Start();
        _proxy.Write(Passing(((IPEndPoint)upstream.LocalEndpoint).Port));
        await _proxy.StartAsync();
        var (client, server) = await BeginRequestAsync(upstream);
        _proxy.Signal("TERM");
        await _proxy.Parent.LineAsync("ends after what is begun");
        ProxyProcess.WaitFor(() => !CanConnect(_port), "new connections are still taken");
        await server.SendAsync(Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"), TestContext.Current.CancellationToken);
        Assert.EndsWith("done", ReadToEnd(client), StringComparison.Ordinal);
        Assert.Equal(0, await _proxy.Parent.ExitAsync());

        var engine = await _proxy.StartAsync();
        var (second, _) = await BeginRequestAsync(upstream);
        _proxy.Signal("TERM");
        await _proxy.Parent.LineAsync("ends after what is begun");
        Assert.True(ProxyProcess.IsAlive(engine));
        _proxy.Signal("TERM");
        Assert.Equal(0, await _proxy.Parent.ExitAsync());
        Assert.False(ProxyProcess.IsAlive(engine));
        Assert.DoesNotContain("200", ReadToEnd(second), StringComparison.Ordinal);
    }

    [Fact(Timeout = 120_000)]
    public async Task At_the_deadline_what_is_left_is_told_and_cut_off()
    {
        using var upstream = new TcpListener(IPAddress.Loopback, 0);
        upstream.Start();
        _proxy.Write("engine: { drainTimeout: 1s }\n" + Passing(((IPEndPoint)upstream.LocalEndpoint).Port));
        await _proxy.StartAsync();
        var (client, _) = await BeginRequestAsync(upstream);
        _proxy.Signal("TERM");
        Assert.StartsWith("HTTP/1.1 503 ", ReadToEnd(client), StringComparison.Ordinal);
        Assert.Equal(0, await _proxy.Parent.ExitAsync());
    }

    [Fact(Timeout = 180_000)]
    public async Task When_the_engine_is_killed_no_connection_is_refused()
    {
        _proxy.Write(ProxyProcess.Answering("on", _port));
        var engine = await _proxy.StartAsync();
        var descriptors = ProxyProcess.Descriptors(_proxy.Parent.Id);
        await using var load = new LoadOfClients(_port, fresh: 3, kept: 1);
        for (var i = 0; i < 5; i++)
        {
            load.Await(50);
            ProxyProcess.Signal(engine, "KILL");
            await _proxy.Parent.LineAsync("was ended by signal 9; starting another");
            load.Await(50);
            engine = ProxyProcess.EngineOf(await ChildAsync(_proxy.Parent.Id));
        }

        await load.DisposeAsync();
        Assert.DoesNotContain(load.Faults, f => f.StartsWith("connecting", StringComparison.Ordinal));
        Assert.InRange(load.Faults.Count + load.Cut, 0, 5 * 4);
        ProxyProcess.WaitFor(() => ProxyProcess.Descriptors(_proxy.Parent.Id) <= descriptors, $"{ProxyProcess.Descriptors(_proxy.Parent.Id)} descriptors after {descriptors}");
    }

    [Fact(Timeout = 180_000)]
    public async Task An_engine_that_dies_at_once_is_tried_again_and_again_but_not_without_a_pause()
    {
        _proxy.Write(ProxyProcess.Answering("on", _port));
        await _proxy.StartAsync();
        var began = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < 5; i++)
        {
            var engine = ProxyProcess.EngineOf(await ChildAsync(_proxy.Parent.Id));
            ProxyProcess.Signal(engine, "KILL");
            await _proxy.Parent.LineAsync($"the engine (pid {engine})");
        }

        // 0 or 50 ms, then 150, 350 and 750 before the last of them was there.
        Assert.True(TimeProvider.System.GetElapsedTime(began) > TimeSpan.FromSeconds(1), "it pauses");
        _proxy.Signal("TERM");
        Assert.Equal(0, await _proxy.Parent.ExitAsync());
        Assert.Empty(_proxy.Engines());
    }

    [Fact(Timeout = 180_000)]
    public async Task When_the_parent_is_killed_the_engine_serves_and_another_takes_it_over_without_loss()
    {
        _proxy.Write(ProxyProcess.Answering("on", _port));
        var engine = await _proxy.StartAsync();
        await using var load = new LoadOfClients(_port, fresh: 2, kept: 2);
        load.Await(50);
        ProxyProcess.Signal(_proxy.Parent.Id, "KILL");
        ProxyProcess.WaitForEnd(_proxy.Parent.Id);
        load.Await(50);
        Assert.True(ProxyProcess.IsAlive(engine));

        var refused = _proxy.Launch();
        Assert.Equal(1, await refused.ExitAsync()); // Not unless it is asked for.
        var next = await _proxy.StartAsync("--take-over");
        Assert.NotEqual(engine, next);
        load.Await(50);
        ProxyProcess.WaitForEnd(engine);
        load.Await(50);
        await load.DisposeAsync();
        Assert.Empty(load.Faults);
        Assert.Equal(0, load.Cut);
    }

    internal static async Task<string> ChildAsync(int parent)
    {
        var child = "";
        ProxyProcess.WaitFor(() => (child = ShellCommand.RunAsync("pgrep", ["-P", $"{parent}"]).GetAwaiter().GetResult().Output.Trim()).Length > 0 && !child.Contains('\n', StringComparison.Ordinal), "there is no engine");
        return await Task.FromResult($"engine {child}");
    }

    internal static bool CanConnect(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    internal string Passing(int upstream) => $"listeners:\n  - {{ name: web, address: 127.0.0.1:{_port}, defaultUpstream: app }}\nupstreams:\n  - {{ name: app, endpoints: 127.0.0.1:{upstream} }}\n";

    internal static string ReadToEnd(Socket socket)
    {
        var all = new StringBuilder();
        var buffer = new byte[10_000];
        socket.ReceiveTimeout = (int)Patience.Limit.TotalMilliseconds;
        try
        {
            while (socket.Receive(buffer) is > 0 and var count) all.Append(Encoding.Latin1.GetString(buffer, 0, count));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            all.Append("<reset>");
        }

        socket.Dispose();
        return all.ToString();
    }

    /// <summary>A request that has reached the endpoint, which has not answered.</summary>
    private async Task<(Socket Client, Socket Server)> BeginRequestAsync(TcpListener upstream)
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(new IPEndPoint(IPAddress.Loopback, _port));
        client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8);
        var server = await upstream.AcceptSocketAsync(TestContext.Current.CancellationToken);
        var buffer = new byte[4_096];
        Assert.True(await server.ReceiveAsync(buffer, TestContext.Current.CancellationToken) > 0);
        return (client, server);
    }
}
