using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Gatehouse.Linux;

namespace Gatehouse.Bench.Overlay;

/// <summary>A request that failed.</summary>
/// <param name="Begun">Time stamp.</param>
internal readonly record struct FailedRequest(long Begun, string Why);

/// <summary>HTTP requests at a steady pace, a new connection for each, from a namespace to a service address.</summary>
internal sealed class Requests : IAsyncDisposable
{
    private const int PerSecond = 200;
    private const int Threads = 4;
    private const ushort Port = 80;
    private const int GiveUpMilliseconds = 2000;
    private static readonly byte[] Question = Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n");
    private readonly CancellationTokenSource _end = new();
    private readonly List<FailedRequest> _failed = [];
    private readonly Lock _gate = new();
    private readonly NetworkNamespace _client;
    private readonly IPEndPoint _target;
    private readonly Task _running;
    private int _count;

    public Requests(NetworkNamespace client, string address)
    {
        (_client, _target) = (client, new IPEndPoint(IPAddress.Parse(address), Port));
        _running = Task.WhenAll(Enumerable.Range(0, Threads).Select(number => Task.Factory.StartNew(
            () => _client.Run(() => Ask(number)), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
    }

    public int Count => Volatile.Read(ref _count);

    public IReadOnlyList<FailedRequest> Failed
    {
        get
        {
            lock (_gate) return [.. _failed];
        }
    }

    /// <summary>Ends when those under way have their answer or failed.</summary>
    public async Task StopAsync()
    {
        await _end.CancelAsync();
        await _running;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _end.Dispose();
    }

    private void Ask(int thread)
    {
        var gap = Stopwatch.Frequency * Threads / PerSecond;
        var due = Stopwatch.GetTimestamp() + (gap * thread / Threads);
        while (!_end.IsCancellationRequested)
        {
            var wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
            if (wait > TimeSpan.Zero && _end.Token.WaitHandle.WaitOne(wait)) return;
            due = Math.Max(due + gap, Stopwatch.GetTimestamp());
            var begun = Stopwatch.GetTimestamp();
            if (TryOnce() is { } why)
            {
                lock (_gate) _failed.Add(new(begun, why));
            }

            Interlocked.Increment(ref _count);
        }
    }

    /// <returns>Null, or what failed.</returns>
    private string? TryOnce()
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { SendTimeout = GiveUpMilliseconds, ReceiveTimeout = GiveUpMilliseconds };
            using var patience = new CancellationTokenSource(GiveUpMilliseconds);
            socket.ConnectAsync(_target, patience.Token).AsTask().GetAwaiter().GetResult();
            socket.Send(Question);
            var answer = new byte[1024];
            var (length, read) = (0, 1);
            while (read > 0 && length < answer.Length) length += read = socket.Receive(answer.AsSpan(length));
            var text = Encoding.ASCII.GetString(answer, 0, length);
            return text.StartsWith("HTTP/1.1 200", StringComparison.Ordinal) && text.Contains("instance=", StringComparison.Ordinal) ? null : $"answer: {text}";
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode.ToString();
        }
        catch (OperationCanceledException)
        {
            return "no connection";
        }
    }
}
