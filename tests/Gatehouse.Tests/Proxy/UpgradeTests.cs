using System.Net;
using System.Net.Sockets;
using Gatehouse.TestKit;

namespace Gatehouse.Tests.Proxy;

/// <summary>One proxy takes over from another.</summary>
public sealed class UpgradeTests : IAsyncDisposable
{
    private readonly ProxyProcess _proxy = new();
    private readonly int _port = ProxyProcess.FreePort();

    public ValueTask DisposeAsync() => _proxy.DisposeAsync();

    [Fact(Timeout = 240_000)]
    public async Task Upgrades_under_load_fail_no_request()
    {
        _proxy.Write(ProxyProcess.Answering("on", _port));
        await _proxy.StartAsync();
        await using var load = new LoadOfClients(_port, fresh: 3, kept: 2);
        var parent = _proxy.Parent.Id;
        for (var i = 0; i < 4; i++)
        {
            load.Await(50);
            ProxyProcess.Signal(parent, "USR2");
            var line = await _proxy.Parent.LineAsync("takes over as ");
            var next = int.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture);
            await _proxy.Parent.LineAsync("gatehouse: serves ");
            ProxyProcess.WaitForEnd(parent);
            parent = next;
            load.Await(50);
        }

        await load.DisposeAsync();
        Assert.Empty(load.Faults);
        Assert.Equal(0, load.Cut);
        ProxyProcess.Signal(parent, "TERM");
        ProxyProcess.WaitForEnd(parent);
        Assert.Empty(_proxy.Engines());
    }

    [Fact(Timeout = 180_000)]
    public async Task The_old_one_lives_as_long_as_its_last_connection()
    {
        using var upstream = new TcpListener(IPAddress.Loopback, 0);
        upstream.Start();
        _proxy.Write($"listeners:\n  - {{ name: web, address: 127.0.0.1:{_port}, protocol: tcp, defaultUpstream: app }}\nupstreams:\n  - {{ name: app, endpoints: {upstream.LocalEndpoint} }}\n");
        var engine = await _proxy.StartAsync();
        var parent = _proxy.Parent;
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(new IPEndPoint(IPAddress.Loopback, _port));
        client.Send("a"u8);
        using var server = await upstream.AcceptSocketAsync(TestContext.Current.CancellationToken);

        _proxy.Signal("USR2");
        var next = ProxyProcess.EngineOf(await parent.LineAsync("gatehouse: serves "));
        Assert.NotEqual(engine, next);
        var buffer = new byte[10];
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(1, await server.ReceiveAsync(buffer, TestContext.Current.CancellationToken));
            Assert.Equal(1, await server.SendAsync(buffer.AsMemory(0, 1), TestContext.Current.CancellationToken));
            Assert.Equal(1, await client.ReceiveAsync(buffer, TestContext.Current.CancellationToken));
            client.Send("b"u8);
        }

        Assert.True(ProxyProcess.IsAlive(engine));
        Assert.False(parent.HasExited);

        // What it holds no more can't keep anybody waiting: the old parent and engine have no listener left.
        ProxyProcess.WaitFor(() => Holders().TrueForAll(p => p != engine && p != parent.Id), "the old ones hold the listener");
        client.Shutdown(SocketShutdown.Both);
        server.Shutdown(SocketShutdown.Both);
        ProxyProcess.WaitForEnd(engine);
        ProxyProcess.WaitForEnd(parent.Id);
    }

    [Fact(Timeout = 180_000)]
    public async Task A_successor_that_fails_leaves_the_old_one_untouched()
    {
        _proxy.Write(ProxyProcess.Answering("old", _port));
        var engine = await _proxy.StartAsync();
        await using var load = new LoadOfClients(_port, fresh: 2, kept: 1);
        _proxy.Write("listeners: [");
        _proxy.Signal("USR2");
        await _proxy.Parent.LineAsync("ended with 64: goes on");

        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        _proxy.Write(ProxyProcess.Answering("new", _port, ((IPEndPoint)taken.LocalEndpoint).Port));
        _proxy.Signal("USR2");
        await _proxy.Parent.LineAsync("ended with 1: goes on");
        load.Await(50);
        Assert.True(ProxyProcess.IsAlive(engine));
        Assert.Equal("old", Assert.Single(load.Bodies));

        // And it can still be replaced, reloaded and ended.
        _proxy.Write(ProxyProcess.Answering("new", _port));
        await _proxy.ReloadAsync("serves");
        load.Await(50);
        Assert.Contains("new", load.Bodies);
        await load.DisposeAsync();
        Assert.Empty(load.Faults);
        Assert.Equal(0, load.Cut);
    }

    [Fact(Timeout = 120_000)]
    public async Task Nobody_to_take_over_from_is_said()
    {
        _proxy.Write(ProxyProcess.Answering("x", _port));
        Assert.Equal(1, await _proxy.Launch(["--take-over"]).ExitAsync());
        Assert.Contains($"{_proxy.ControlPath}: nobody answers there from whom to take over", _proxy.Output, StringComparison.Ordinal);
    }

    [Fact(Timeout = 240_000)]
    public async Task Hundreds_of_listeners_are_handed_over_and_reloads_leave_no_descriptor()
    {
        var ports = Enumerable.Range(0, 320).Select(_ => ProxyProcess.FreePort()).Append(_port).Distinct().ToArray();
        _proxy.Write(ProxyProcess.Answering("many", ports));
        var engine = await _proxy.StartAsync();
        await CheckAsync(ports);
        ProxyProcess.Signal(engine, "KILL");
        await _proxy.Parent.LineAsync("starting another");
        await CheckAsync(ports);
        _proxy.Signal("USR2");
        var parent = int.Parse((await _proxy.Parent.LineAsync("takes over as ")).Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture);
        engine = ProxyProcess.EngineOf(await _proxy.Parent.LineAsync("gatehouse: serves "));
        ProxyProcess.WaitForEnd(_proxy.Parent.Id);
        await CheckAsync(ports);

        var before = (Parent: 0, Engine: 0);
        for (var i = 0; i < 50; i++)
        {
            _proxy.Write(ProxyProcess.Answering($"many {i}", i % 2 == 0 ? ports[..100] : ports));
            ProxyProcess.Signal(parent, "HUP");
            await _proxy.Parent.LineAsync("anew");
            if (i == 9) before = (ProxyProcess.Descriptors(parent), ProxyProcess.Descriptors(engine));
        }

        // The runtime may open one or the other of its own; what is lost with each reload would be forty.
        const int runtimes = 8;
        ProxyProcess.WaitFor(() => ProxyProcess.Descriptors(parent) <= before.Parent + runtimes && ProxyProcess.Descriptors(engine) <= before.Engine + runtimes, $"{before} descriptors, then {ProxyProcess.Descriptors(parent)} and {ProxyProcess.Descriptors(engine)}");
        ProxyProcess.Signal(parent, "TERM");
        ProxyProcess.WaitForEnd(parent);
    }

    private static async Task CheckAsync(int[] ports)
    {
        using var http = new HttpClient();
        http.DefaultRequestHeaders.ConnectionClose = true;
        foreach (var port in ports) Assert.Equal("many", await http.GetStringAsync($"http://127.0.0.1:{port}/"));
    }

    /// <summary>Processes that hold the listening socket.</summary>
    private List<int> Holders()
    {
        var said = ShellCommand.RequireAsync("ss", ["-Hltnp", $"sport = :{_port}"]).GetAwaiter().GetResult();
        return [.. System.Text.RegularExpressions.Regex.Matches(said, "pid=([0-9]+)", System.Text.RegularExpressions.RegexOptions.None, TimeSpan.FromSeconds(1)).Select(m => int.Parse(m.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture))];
    }
}
