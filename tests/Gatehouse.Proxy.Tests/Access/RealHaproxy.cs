using System.Net;
using System.Net.Sockets;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Access;

/// <summary>A real HAProxy with a frontend <c>web</c> and a backend <c>app</c> of the same servers as <see cref="Configs.One"/>, whose log comes out of its standard output.</summary>
internal sealed class RealHaproxy : IAsyncDisposable
{
    private readonly TemporaryDirectory _folder = new();
    private readonly RunningCommand _process;

    private RealHaproxy(RunningCommand process, TemporaryDirectory folder, IPEndPoint address) => (_process, _folder, Address) = (process, folder, address);

    public IPEndPoint Address { get; }

    public static async Task<RealHaproxy> StartAsync(string mode, IReadOnlyList<IPEndPoint> servers, string more = "")
    {
        var folder = new TemporaryDirectory();
        var address = FreeAddress();
        var file = folder["haproxy.cfg"];
        await File.WriteAllTextAsync(file, $"""
            global
                log stdout len 8192 format raw local0 info
            defaults
                log global
                mode {mode}
                option {mode}log
                retries 3
                option redispatch 1
                option abortonclose
                timeout connect 1s
                timeout client 60s
                timeout server 500ms
                timeout http-request 500ms
            frontend web
                bind {address}
                default_backend app
            backend app
            {string.Join('\n', servers.Select((s, i) => $"    server app-{i} {s}"))}
            {more}

            """);
        var process = RunningCommand.Start("haproxy", ["-db", "-f", file]);
        var haproxy = new RealHaproxy(process, folder, address);
        var started = SpinWait.SpinUntil(() => process.HasExited || Accepts(address), Patience.Limit);
        Assert.True(started && !process.HasExited, process.Output);
        return haproxy;
    }

    public RawPeer Connect()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(Address);
        return new RawPeer(socket);
    }

    /// <summary>The next line about a client at a port.</summary>
    public Task<string> LineAsync(int port) => _process.LineAsync($"127.0.0.1:{port} ");

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>Whether somebody listens there, without a connection, which would leave a line and reach a server.</summary>
    private static bool Accepts(IPEndPoint address) =>
        File.ReadLines("/proc/net/tcp").Any(l => l.Contains($":{address.Port:X4} 00000000:0000 0A ", StringComparison.Ordinal));

    private static IPEndPoint FreeAddress()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (IPEndPoint)socket.LocalEndPoint!;
    }
}
