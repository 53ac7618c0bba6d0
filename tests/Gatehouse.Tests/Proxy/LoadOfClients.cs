using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Gatehouse.Tests.Proxy;

/// <summary>Clients that ask again and again until they are told to end, each by new connections or over one that it keeps as long as it may. What goes wrong is kept.</summary>
internal sealed class LoadOfClients : IAsyncDisposable
{
    private static readonly byte[] Request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray();

    private readonly List<Task> _clients = [];
    private readonly List<string> _faults = [];
    private readonly HashSet<string> _bodies = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private volatile bool _ending;
    private long _answers;

    /// <summary>Requests that were answered.</summary>
    public long Answers => Interlocked.Read(ref _answers);

    /// <summary>What failed.</summary>
    public IReadOnlyList<string> Faults
    {
        get
        {
            lock (_lock) return [.. _faults];
        }
    }

    /// <summary>Bodies that came.</summary>
    public IReadOnlySet<string> Bodies
    {
        get
        {
            lock (_lock) return _bodies.ToHashSet(StringComparer.Ordinal);
        }
    }

    /// <summary>Connections that ended between being accepted and being answered; only the death of an engine does that.</summary>
    public int Cut { get; private set; }

    /// <summary>Starts clients.</summary>
    /// <param name="port">Of the loopback address.</param>
    /// <param name="fresh">How many connect anew for each request.</param>
    /// <param name="kept">How many keep their connections.</param>
    public LoadOfClients(int port, int fresh, int kept)
    {
        for (var i = 0; i < fresh + kept; i++)
        {
            var keeps = i >= fresh;
            _clients.Add(Task.Factory.StartNew(() => Work(port, keeps), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));
        }
    }

    /// <summary>Waits for more answers.</summary>
    public void Await(int more)
    {
        var wanted = Answers + more;
        ProxyProcess.WaitFor(() => Answers >= wanted || _clients.TrueForAll(c => c.IsCompleted), $"{Answers} of {wanted} answers; faults: {string.Join("; ", Faults.Take(5))}");
    }

    public async ValueTask DisposeAsync()
    {
        _ending = true;
        await Task.WhenAll(_clients);
    }

    private void Work(int port, bool keeps)
    {
        Socket? socket = null;
        var asked = 0;
        var isConnected = false;
        while (!_ending)
        {
            try
            {
                if (socket is null)
                {
                    socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 60_000 };
                    (asked, isConnected) = (0, false);
                    socket.Connect(new IPEndPoint(IPAddress.Loopback, port));
                    isConnected = true;
                }

                var (body, closes) = Ask(socket);
                asked++;
                if (body is null)
                {
                    // A kept connection may be closed between two requests, as any server's may; a new one not.
                    lock (_lock)
                    {
                        if (asked == 1) Cut++;
                    }
                }
                else
                {
                    Interlocked.Increment(ref _answers);
                    lock (_lock) _bodies.Add(body);
                }

                if (closes || !keeps)
                {
                    socket.Dispose();
                    socket = null;
                }
            }
            catch (SocketException e) when (asked > 0 && keeps && e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
            {
                socket?.Dispose();
                socket = null;
            }
            catch (SocketException e)
            {
                lock (_lock) _faults.Add($"{(isConnected ? "asking" : "connecting")}: {e.SocketErrorCode}");
                socket?.Dispose();
                socket = null;
            }
        }

        socket?.Dispose();
    }

    private static (string? Body, bool Closes) Ask(Socket socket)
    {
        socket.Send(Request);
        var buffer = new byte[4_096];
        var length = 0;
        while (true)
        {
            var count = socket.Receive(buffer, length, buffer.Length - length, SocketFlags.None);
            if (count == 0) return (null, true);
            length += count;
            var text = Encoding.ASCII.GetString(buffer, 0, length);
            var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end < 0) continue;
            var head = text[..end].ToLowerInvariant();
            var declared = head.Split("\r\n").Single(l => l.StartsWith("content-length: ", StringComparison.Ordinal))[16..];
            if (length - end - 4 < int.Parse(declared, System.Globalization.CultureInfo.InvariantCulture)) continue;
            return (text[(end + 4)..], head.Contains("connection: close", StringComparison.Ordinal));
        }
    }
}
