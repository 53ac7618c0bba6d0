using System.Diagnostics;
using System.Net;
using Gatehouse.Linux;

namespace Gatehouse.Bench.Overlay;

/// <summary>New TCP connections per second: connect, one byte from the server, reset; two connectors and two acceptors, each a thread with blocking calls.</summary>
internal sealed class Connections : IDisposable
{
    private const int Threads = 2;
    private const ushort Port = 5300;
    private const int GiveUpSeconds = 2;
    private readonly int _listener;
    private readonly Thread[] _acceptors;

    public Connections(NetworkNamespace server)
    {
        _listener = server.Run(() => Libc.Listener(Port));
        _acceptors = [.. Enumerable.Range(0, Threads).Select(_ => new Thread(Accept) { IsBackground = true })];
        foreach (var thread in _acceptors) thread.Start();
    }

    /// <summary>Room for the client's connections: the default range is used up in three seconds.</summary>
    public static void Prepare(NetworkNamespace client) => Sysctl.Set("net.ipv4.ip_local_port_range", "2048 65535", client);

    /// <summary>Connections per second; a failed one throws. The processor time is this program's, with both ends in it.</summary>
    public static async Task<Sample> MeasureAsync(NetworkNamespace client, string address, TimeSpan duration)
    {
        var target = IPAddress.Parse(address);
        using var self = Process.GetCurrentProcess();
        var used = self.TotalProcessorTime;
        var start = Stopwatch.GetTimestamp();
        var until = start + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        var counts = await Task.WhenAll(Enumerable.Range(0, Threads).Select(_ => Task.Factory.StartNew(
            () => client.Run(() => Connect(target, until)), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        var elapsed = Stopwatch.GetElapsedTime(start);
        self.Refresh();
        return new(counts.Sum() / elapsed.TotalSeconds, counts.Sum() / (self.TotalProcessorTime - used).TotalSeconds);
    }

    public void Dispose()
    {
        Libc.Stop(_listener);
        foreach (var thread in _acceptors) thread.Join();
        _ = Libc.Close(_listener);
    }

    private static int Connect(IPAddress target, long until)
    {
        var count = 0;
        for (; Stopwatch.GetTimestamp() < until; count++)
        {
            var socket = Libc.Stream(GiveUpSeconds);
            var connected = Libc.TryConnect(socket, target, Port) && Libc.ReceiveByte(socket);
            _ = Libc.Close(socket);
            if (!connected) throw new InvalidOperationException($"connection {count} to {target} failed");
        }

        return count;
    }

    private void Accept()
    {
        for (var socket = Libc.Accept(_listener); socket >= 0; socket = Libc.Accept(_listener))
        {
            _ = Libc.SendByte(socket);
            // The client resets once it has the byte; closing before that would leave the port here in TIME_WAIT.
            _ = Libc.ReceiveByte(socket);
            _ = Libc.Close(socket);
        }
    }
}
