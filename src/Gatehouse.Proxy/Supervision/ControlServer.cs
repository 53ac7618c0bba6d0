using System.Text.Json;
using Gatehouse.Linux.Sockets;
using Microsoft.Win32.SafeHandles;

namespace Gatehouse.Proxy.Supervision;

/// <summary>Answers what is asked at an engine's Unix socket. Each client has a thread while it is connected, of a bounded number; none of them touches a loop.</summary>
/// <param name="answer">Gives the answer; null when it has sent it itself.</param>
internal sealed class ControlServer(Func<ControlRequest, UnixChannel, ControlReply?> answer) : IDisposable
{
    /// <summary>Clients at a time; others wait to be accepted.</summary>
    private const int MostClients = 16;

    private const ulong Connection = 0;
    private const ulong Ending = 1;

    /// <summary>A request is short.</summary>
    private const int LongestRequest = 1 << 20;

    private readonly SemaphoreSlim _places = new(MostClients);
    private readonly CancellationTokenSource _ending = new();
    private readonly int _end = SocketCalls.OpenEvent();
    private SafeFileHandle? _listener;
    private Thread? _thread;

    /// <summary>The listening socket; -1 when there is none.</summary>
    public int Descriptor => _listener is { IsInvalid: false } listener ? (int)listener.DangerousGetHandle() : -1;

    /// <summary>Answers from now on.</summary>
    /// <param name="listener">A listening Unix socket that does not block; the server owns it. A successor may hold it too, so that it is closed and never shut down.</param>
    public void Start(SafeFileHandle listener)
    {
        _listener = listener;
        _thread = new Thread(Accept) { IsBackground = true, Name = "control" };
        _thread.Start();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ending.Cancel();
        SocketCalls.SignalEvent(_end);
        if (Thread.CurrentThread != _thread) _thread?.Join();
        _listener?.Dispose();
    }

    private void Accept()
    {
        using var epoll = new Epoll(2);
        _ = epoll.Add(Descriptor, EpollEvents.In, Connection);
        _ = epoll.Add(_end, EpollEvents.In, Ending);
        while (true)
        {
            var count = epoll.Wait(-1);
            for (var i = 0; i < count; i++)
            {
                _ = epoll.Event(i, out var what);
                if (what == Ending || !TryTakePlace()) return;
                var client = SocketCalls.AcceptBlocking(Descriptor);
                if (client >= 0) new Thread(() => Serve(client)) { IsBackground = true, Name = "control client" }.Start();
                else _places.Release();
            }
        }
    }

    /// <summary>Waits for one of the clients to go. False: it ends instead.</summary>
    private bool TryTakePlace()
    {
        try
        {
            _places.Wait(_ending.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private void Serve(int client)
    {
        try
        {
            using var channel = new UnixChannel(new SafeFileHandle(client, ownsHandle: true), LongestRequest);
            while (channel.Receive() is { } message)
            {
                message.Refuse();
                if (Answer(message.Bytes, channel) is { } reply) Send(channel, reply);
            }
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            // A client that speaks something else, or is gone.
        }
        finally
        {
            _places.Release();
        }
    }

    /// <summary>Answers; for who does so itself.</summary>
    public static void Send(UnixChannel client, ControlReply reply) => client.Send(JsonSerializer.SerializeToUtf8Bytes(reply, EngineMessageJson.Default.ControlReply));

    private ControlReply? Answer(byte[] bytes, UnixChannel channel)
    {
        try
        {
            var request = JsonSerializer.Deserialize(bytes, EngineMessageJson.Default.ControlRequest);
            return request is null ? new ControlReply { Problem = "an empty request" } : answer(request, channel);
        }
        catch (JsonException e)
        {
            return new ControlReply { Problem = $"the request is not understood: {e.Message}" };
        }
    }
}

/// <summary>Asks an engine at its control socket.</summary>
internal sealed class ControlClient : IDisposable
{
    private readonly UnixChannel _channel;

    private ControlClient(UnixChannel channel) => _channel = channel;

    /// <summary>Connects. Null: nobody answers there.</summary>
    public static ControlClient? Connect(string path) => UnixChannel.Connect(path) is { } channel ? new ControlClient(channel) : null;

    /// <summary>Asks, and waits for the answer.</summary>
    /// <exception cref="IOException">The engine is gone, or refuses.</exception>
    public ControlReply Ask(ControlRequest request) => Ask(request, []);

    /// <summary>All listening sockets by their names; whoever calls owns them.</summary>
    /// <exception cref="IOException">The engine is gone, or refuses.</exception>
    public Dictionary<string, SafeFileHandle> TakeOver()
    {
        Dictionary<string, SafeFileHandle> taken = new(StringComparer.Ordinal);
        try
        {
            Ask(new ControlRequest { Act = ControlAct.TakeOver }, taken);
            return taken;
        }
        catch
        {
            foreach (var fd in taken.Values) fd.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _channel.Dispose();

    private ControlReply Ask(ControlRequest request, Dictionary<string, SafeFileHandle> taken)
    {
        if (!_channel.Send(JsonSerializer.SerializeToUtf8Bytes(request, EngineMessageJson.Default.ControlRequest))) throw new IOException("the engine is gone");
        while (true)
        {
            var message = _channel.Receive() ?? throw new IOException("the engine is gone");
            var reply = JsonSerializer.Deserialize(message.Bytes, EngineMessageJson.Default.ControlReply) ?? new ControlReply();
            if (reply.Problem is { } problem) throw new IOException(problem);
            if (reply.Names is not { } names)
            {
                message.Refuse();
                return reply;
            }

            foreach (var (name, fd) in names.Zip(message.Descriptors)) taken[name] = fd;
        }
    }
}
