using System.Net;
using System.Net.Sockets;
using System.Text;
using Gatehouse.Linux;
using Gatehouse.TestKit.Network;

namespace Lab.Tests.Overlay;

/// <summary>
/// A server in a host's namespace: over TCP it says its name and who called, in one line, and echoes what follows; over UDP it answers each datagram with its name in front.
/// </summary>
internal sealed class LabServer : IAsyncDisposable
{
    private readonly Socket _tcp;
    private readonly Socket _udp;
    private readonly string _name;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _tasks = [];
    private int _calls;

    private LabServer(Socket tcp, Socket udp, string name)
    {
        _tcp = tcp;
        _udp = udp;
        _name = name;
    }

    /// <summary>Connections and datagrams so far.</summary>
    public int Calls => Volatile.Read(ref _calls);

    public static LabServer Start(NetworkHost host, string name, int port)
    {
        using var ns = NetworkNamespace.Open(host.Namespace);
        var server = ns.Run(() =>
        {
            var tcp = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
            tcp.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
            tcp.Listen(512);
            var udp = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp) { DualMode = true };
            udp.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
            return new LabServer(tcp, udp, name);
        });
        server._tasks.Add(server.AcceptAsync());
        server._tasks.Add(server.AnswerAsync());
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _tcp.Dispose();
        _udp.Dispose();
        await Task.WhenAll(_tasks.ToArray());
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _tcp.AcceptAsync(_stop.Token);
                Interlocked.Increment(ref _calls);
                _ = EchoAsync(client);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test ends.
        }
    }

    private async Task EchoAsync(Socket client)
    {
        using var _ = client;
        try
        {
            var caller = ((IPEndPoint)client.RemoteEndPoint!).Address;
            await client.SendAsync(Encoding.ASCII.GetBytes($"{_name} {(caller.IsIPv4MappedToIPv6 ? caller.MapToIPv4() : caller)}\n"), _stop.Token);
            var buffer = new byte[65_536];
            while (await client.ReceiveAsync(buffer, _stop.Token) is > 0 and var count) await client.SendAsync(buffer.AsMemory(0, count), _stop.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The caller left, or the test ends.
        }
    }

    private async Task AnswerAsync()
    {
        var buffer = new byte[65_536];
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var got = await _udp.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.IPv6Any, 0), _stop.Token);
                Interlocked.Increment(ref _calls);
                byte[] answer = [.. Encoding.ASCII.GetBytes($"{_name} "), .. buffer.AsSpan(0, got.ReceivedBytes)];
                await _udp.SendToAsync(answer, SocketFlags.None, got.RemoteEndPoint, _stop.Token);
            }
            catch (SocketException)
            {
                // An ICMP error for an earlier answer.
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }
}

/// <summary>Calls from a host's namespace.</summary>
internal static class LabClient
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(8);
    private const int Attempts = 4;

    /// <summary>Connects and reads the server's line: its name and the caller that it saw.</summary>
    public static async Task<(string Server, string Caller)> AskAsync(NetworkHost host, string address, int port, int sourcePort = 0, TimeSpan? patience = null)
    {
        using var connection = await LabConnection.OpenAsync(host, address, port, sourcePort, patience);
        return (connection.Server, connection.Caller);
    }

    /// <summary>How many calls each server answered.</summary>
    public static async Task<Dictionary<string, int>> CountAsync(NetworkHost host, string address, int port, int calls)
    {
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < calls; i++)
        {
            var (server, _) = await AskAsync(host, address, port);
            counts[server] = counts.GetValueOrDefault(server) + 1;
        }

        return counts;
    }

    /// <summary>A UDP socket in the namespace.</summary>
    public static Socket Udp(NetworkHost host, bool v6, int sourcePort = 0)
    {
        using var ns = NetworkNamespace.Open(host.Namespace);
        return ns.Run(() =>
        {
            var socket = new Socket(v6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(v6 ? IPAddress.IPv6Any : IPAddress.Any, sourcePort));
            return socket;
        });
    }

    /// <summary>
    /// Sends one datagram and waits for the answer: the server's name, how many bytes came back, and from where. Sends again after a while: on a machine that does much
    /// else, the queue between two devices overflows now and then and UDP loses a datagram.
    /// </summary>
    public static async Task<(string Server, int Bytes, IPEndPoint From)> AskUdpAsync(Socket socket, string address, int port, int size)
    {
        var buffer = new byte[65_536];
        var any = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        for (var attempt = 1; ; attempt++)
        {
            using var patience = new CancellationTokenSource(Patience / Attempts);
            try
            {
                await socket.SendToAsync(new byte[size], SocketFlags.None, new IPEndPoint(IPAddress.Parse(address), port), patience.Token);
                var got = await socket.ReceiveFromAsync(buffer, SocketFlags.None, any, patience.Token);
                var name = Encoding.ASCII.GetString(buffer, 0, Array.IndexOf(buffer, (byte)' '));
                return (name, got.ReceivedBytes - name.Length - 1, (IPEndPoint)got.RemoteEndPoint);
            }
            catch (OperationCanceledException) when (attempt < Attempts)
            {
                // Once more.
            }
        }
    }

    /// <summary>The same with a socket of its own.</summary>
    public static async Task<(string Server, int Bytes, IPEndPoint From)> AskUdpAsync(NetworkHost host, string address, int port, int size, int sourcePort = 0)
    {
        using var socket = Udp(host, address.Contains(':', StringComparison.Ordinal), sourcePort);
        return await AskUdpAsync(socket, address, port, size);
    }

    /// <summary>Waits until something holds; fails with what was last seen.</summary>
    public static async Task EventuallyAsync(Func<Task<bool>> holds, string what, int seconds = 60)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        while (!await holds())
        {
            Assert.False(patience.IsCancellationRequested, $"did not come true: {what}");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    public static Task EventuallyAsync(Func<bool> holds, string what, int seconds = 60) => EventuallyAsync(() => Task.FromResult(holds()), what, seconds);
}

/// <summary>An open TCP connection to a <see cref="LabServer"/>.</summary>
internal sealed class LabConnection : IDisposable
{
    private readonly Socket _socket;

    private LabConnection(Socket socket, string server, string caller)
    {
        _socket = socket;
        Server = server;
        Caller = caller;
    }

    public string Server { get; }

    public string Caller { get; }

    public static async Task<LabConnection> OpenAsync(NetworkHost host, string address, int port, int sourcePort = 0, TimeSpan? longest = null)
    {
        var target = new IPEndPoint(IPAddress.Parse(address), port);
        Socket socket;
        using (var ns = NetworkNamespace.Open(host.Namespace))
        {
            socket = ns.Run(() =>
            {
                var made = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                if (sourcePort != 0) made.Bind(new IPEndPoint(target.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, sourcePort));
                return made;
            });
        }

        using var patience = new CancellationTokenSource(longest ?? LabClient.Patience);
        try
        {
            await socket.ConnectAsync(target, patience.Token);
            var line = new StringBuilder();
            var one = new byte[1];
            while (await socket.ReceiveAsync(one, patience.Token) == 1 && one[0] != '\n') line.Append((char)one[0]);
            var parts = line.ToString().Split(' ');
            return new(socket, parts[0], parts.Length > 1 ? parts[1] : "");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends bytes and reads as many back.</summary>
    public async Task EchoAsync(int bytes = 1)
    {
        using var patience = new CancellationTokenSource(LabClient.Patience);
        await _socket.SendAsync(new byte[bytes], patience.Token);
        var buffer = new byte[bytes];
        for (var got = 0; got < bytes;)
        {
            var count = await _socket.ReceiveAsync(buffer.AsMemory(got), patience.Token);
            Assert.True(count > 0, "the connection was closed");
            got += count;
        }
    }

    /// <summary>Ends the connection from both sides: nothing of it is on the way afterwards.</summary>
    public async Task CloseAsync()
    {
        using var patience = new CancellationTokenSource(LabClient.Patience);
        _socket.Shutdown(SocketShutdown.Send);
        while (await _socket.ReceiveAsync(new byte[256], patience.Token) > 0)
        {
        }
    }

    public void Dispose() => _socket.Dispose();
}
