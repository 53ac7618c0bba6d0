using System.Net.Sockets;
using System.Text;

namespace Gatehouse.Bench.Proxy;

/// <summary>A route that leads elsewhere from now on.</summary>
/// <param name="Host">Number of the virtual host; its first prefix is what changes.</param>
/// <param name="Group">Where it leads.</param>
internal sealed record RouteChange(int Host, int Group);

/// <summary>How a running proxy is told of changes.</summary>
/// <param name="ApplyAsync">Ends when the proxy has taken the change, which may be before it serves by it.</param>
internal sealed record ChangeFeed(Func<RouteChange, CancellationToken, Task> ApplyAsync)
{
    /// <summary>HAProxy's map, changed through its command socket. Such a change is gone after a restart.</summary>
    public static ChangeFeed Haproxy(string name, ProxySetup setup) => new(async (change, cancellation) =>
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Peers.Haproxy.CommandSocket(name, setup)), cancellation);
        var command = $"set map {Peers.Haproxy.MapFile(name, setup)} {ProxySetup.Host(change.Host)}{ProxySetup.Prefix(0)} g{change.Group}\n";
        await socket.SendAsync(Encoding.ASCII.GetBytes(command), cancellation);
        var answer = new byte[512];
        var length = await socket.ReceiveAsync(answer, cancellation);
        var text = Encoding.ASCII.GetString(answer, 0, length).Trim();
        if (text.Length > 0) throw new InvalidOperationException($"HAProxy refused a change: {text}");
    });
}
