using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Gatehouse.Linux;

namespace Gatehouse.Bench.Overlay;

/// <summary>Datagrams to service addresses that the client's worker has never heard of, until the answer is there.</summary>
internal sealed class FirstPackets : IDisposable
{
    private const int Port = 5400;
    private const int BufferBytes = 4 << 20;
    private static readonly TimeSpan GiveUp = TimeSpan.FromSeconds(5);
    private readonly Socket _echo;
    private readonly Thread _answering;
    private readonly NetworkNamespace _client;

    public FirstPackets(NetworkNamespace client, NetworkNamespace server)
    {
        _client = client;
        _echo = NewSocket(server);
        _echo.Bind(new IPEndPoint(IPAddress.Any, Port));
        _answering = new Thread(Answer) { IsBackground = true };
        _answering.Start();
    }

    /// <summary>Milliseconds of each, one after the other. A datagram that is not answered throws.</summary>
    public double[] OneByOne(IReadOnlyList<IPAddress> services) => [.. services.Select(s => AtOnce([s]).Single())];

    /// <summary>Milliseconds of each from its own sending, all sent at once.</summary>
    public double[] AtOnce(IReadOnlyList<IPAddress> services)
    {
        // A socket for each: behind all of these services is one real instance, whose flows from one port would have to get others on the way.
        var sockets = services.Select(s => NewSocket(_client)).ToArray();
        try
        {
            var sent = new long[services.Count];
            for (var i = 0; i < services.Count; i++)
            {
                sent[i] = Stopwatch.GetTimestamp();
                sockets[i].SendTo([1], new IPEndPoint(services[i], Port));
            }

            return Collect(sockets, services, sent);
        }
        finally
        {
            foreach (var socket in sockets) socket.Dispose();
        }
    }

    /// <summary>Sends one datagram to each and waits for nothing.</summary>
    public void Send(IReadOnlyList<IPAddress> services)
    {
        using var socket = NewSocket(_client);
        foreach (var service in services) socket.SendTo([1], new IPEndPoint(service, Port));
    }

    public void Dispose()
    {
        _echo.Dispose();
        _answering.Join();
    }

    private static Socket NewSocket(NetworkNamespace network) =>
        network.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = BufferBytes });

    private static double[] Collect(Socket[] sockets, IReadOnlyList<IPAddress> services, long[] sent)
    {
        var answered = new double[services.Count];
        var waiting = sockets.ToList();
        while (waiting.Count > 0)
        {
            var ready = waiting.ToList();
            Socket.Select(ready, null, null, GiveUp);
            if (ready.Count == 0) throw new TimeoutException($"{waiting.Count} of {services.Count} first packets had no answer after {GiveUp.TotalSeconds:0} s");
            foreach (var socket in ready)
            {
                EndPoint from = new IPEndPoint(IPAddress.Any, 0);
                socket.ReceiveFrom(new byte[1], ref from);
                var i = Array.IndexOf(sockets, socket);
                answered[i] = Stopwatch.GetElapsedTime(sent[i]).TotalMilliseconds;
                if (!((IPEndPoint)from).Address.Equals(services[i])) throw new InvalidOperationException($"{services[i]} was asked and {from} answered");
                waiting.Remove(socket);
            }
        }

        return answered;
    }

    private void Answer()
    {
        var buffer = new byte[64];
        try
        {
            while (true)
            {
                EndPoint from = new IPEndPoint(IPAddress.Any, 0);
                var length = _echo.ReceiveFrom(buffer, ref from);
                _echo.SendTo(buffer.AsSpan(0, length), from);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }
}
