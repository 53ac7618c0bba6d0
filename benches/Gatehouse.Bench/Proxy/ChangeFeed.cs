using System.Net.Sockets;
using System.Text;
using Gatehouse.Bench.Proxy.Peers;

namespace Gatehouse.Bench.Proxy;

/// <summary>A route that leads elsewhere from now on.</summary>
/// <param name="Host">Number of the virtual host; its first prefix is what changes.</param>
/// <param name="Group">Where it leads.</param>
internal sealed record RouteChange(int Host, int Group);

/// <summary>A proxy that runs and can be told of changes.</summary>
/// <param name="Name">For people.</param>
/// <param name="Port">Where it accepts.</param>
/// <param name="ApplyAsync">Ends when the proxy has taken the change, which may be before it serves by it.</param>
/// <param name="EndAsync">Ends the proxy.</param>
internal sealed record ChangeFeed(string Name, int Port, Func<RouteChange, CancellationToken, Task> ApplyAsync, Func<ValueTask> EndAsync) : IAsyncDisposable
{
    /// <summary>HAProxy with its map, changed through its command socket. Such a change is gone after a restart.</summary>
    public static async Task<ChangeFeed> HaproxyAsync(ProxySetup setup, CancellationToken cancellation)
    {
        var proxy = await Haproxy.StartAsync(setup, cancellation);
        return new(proxy.Name, proxy.Ports.Traffic, (change, token) => SetMapAsync(setup, change, token), proxy.DisposeAsync);
    }

    public ValueTask DisposeAsync() => EndAsync();

    private static async Task SetMapAsync(ProxySetup setup, RouteChange change, CancellationToken cancellation)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Haproxy.CommandSocket("haproxy", setup)), cancellation);
        var command = $"set map {Haproxy.MapFile("haproxy", setup)} {ProxySetup.Host(change.Host)}{ProxySetup.Prefix(0)} g{change.Group}\n";
        await socket.SendAsync(Encoding.ASCII.GetBytes(command), cancellation);
        var answer = new byte[512];
        var length = await socket.ReceiveAsync(answer, cancellation);
        var text = Encoding.ASCII.GetString(answer, 0, length).Trim();
        if (text.Length > 0) throw new InvalidOperationException($"HAProxy refused a change: {text}");
    }
}
