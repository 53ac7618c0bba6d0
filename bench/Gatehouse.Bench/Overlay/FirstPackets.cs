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
    private readonly Socket _client;

    public FirstPackets(NetworkNamespace client, NetworkNamespace server)
    {
        _echo = server.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = BufferBytes });
        _echo.Bind(new IPEndPoint(IPAddress.Any, Port));
        _client = client.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = BufferBytes });
        _client.Bind(new IPEndPoint(IPAddress.Any, 0));
        _client.ReceiveTimeout = (int)GiveUp.TotalMilliseconds;
        _answering = new Thread(Answer) { IsBackground = true };
        _answering.Start();
    }

    /// <summary>Milliseconds of each, one after the other. A datagram that is not answered throws.</summary>
    public double[] OneByOne(IReadOnlyList<IPAddress> services) => [.. services.Select(s => AtOnce([s]).Single())];

    /// <summary>Milliseconds of each from its own sending, all sent at once.</summary>
    public double[] AtOnce(IReadOnlyList<IPAddress> services)
    {
        var sent = new long[services.Count];
        var answered = new double[services.Count];
        var number = new byte[4];
        for (var i = 0; i < services.Count; i++)
        {
            BitConverter.TryWriteBytes(number, i);
            sent[i] = Stopwatch.GetTimestamp();
            _client.SendTo(number, new IPEndPoint(services[i], Port));
        }

        for (var count = 0; count < services.Count; count++)
        {
            EndPoint from = new IPEndPoint(IPAddress.Any, 0);
            try
            {
                _client.ReceiveFrom(number, ref from);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.TimedOut)
            {
                throw new TimeoutException($"{services.Count - count} of {services.Count} first packets had no answer after {GiveUp.TotalSeconds:0} s");
            }

            var i = BitConverter.ToInt32(number);
            if (!((IPEndPoint)from).Address.Equals(services[i])) throw new InvalidOperationException($"{services[i]} was asked and {from} answered");
            answered[i] = Stopwatch.GetElapsedTime(sent[i]).TotalMilliseconds;
        }

        return answered;
    }

    /// <summary>Sends one datagram to each and waits for nothing.</summary>
    public void Send(IReadOnlyList<IPAddress> services)
    {
        foreach (var service in services) _client.SendTo([0, 0, 0, 0], new IPEndPoint(service, Port));
    }

    public void Dispose()
    {
        _client.Dispose();
        _echo.Dispose();
        _answering.Join();
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
