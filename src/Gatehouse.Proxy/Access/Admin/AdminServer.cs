using Gatehouse.Linux;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access.Metrics;
using Gatehouse.Proxy.Engine;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Access.Admin;

/// <summary>
/// <c>/metrics</c>, <c>/ready</c> and <c>/live</c> over HTTP/1.1, on threads beside the loops. It reads as strictly as they do. One request for each connection; each client has a thread
/// and a few seconds.
/// </summary>
internal sealed class AdminServer(ProxyEngine engine, EngineState state, TimeProvider time) : IDisposable
{
    /// <summary>Clients at a time; a further one is closed at once.</summary>
    public const int MostClients = 16;

    /// <summary>For a request to come, and between parts that the client takes.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>For all of an answer.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(100);
    private static readonly HeadLimits Limits = new(4_096, 8_192, 100);

    private const ulong Connection = 0;
    private const ulong Ending = 1;

    private readonly EngineMetrics _metrics = new(engine, state);
    private readonly ManualResetEventSlim _ended = new();
    private readonly int _end = SocketCalls.OpenEvent();
    private int _clients;
    private int _listener = -1;
    private Thread? _thread;

    /// <summary>The listening socket; -1 when it has ended.</summary>
    public int Descriptor => _listener;

    /// <summary>Answers from now on.</summary>
    /// <param name="listener">A listening socket that does not block; the server owns it. Others may hold it too, so that it is closed and never shut down.</param>
    public void Start(int listener)
    {
        _listener = listener;
        _thread = new Thread(Accept) { IsBackground = true, Name = "admin" };
        _thread.Start();
    }

    /// <summary>Accepts no more. Clients whose requests have come get their answers.</summary>
    public void Dispose()
    {
        if (_ended.IsSet) return;
        _ended.Set();
        SocketCalls.SignalEvent(_end);
        _thread?.Join();
        SocketCalls.Close(_end);
        if (_listener >= 0) SocketCalls.Close(_listener);
        _listener = -1;
    }

    private void Accept()
    {
        using var epoll = new Epoll(2);
        _ = epoll.Add(_listener, EpollEvents.In, Connection);
        _ = epoll.Add(_end, EpollEvents.In, Ending);
        while (!_ended.IsSet)
        {
            if (epoll.Wait(-1) <= 0 || _ended.IsSet) continue;
            var client = SocketCalls.AcceptBlocking(_listener);
            if (client >= 0) Begin(client);
            else if (client is -(int)Errno.EMFILE or -(int)Errno.ENFILE) _ = _ended.Wait(Breath);
        }

        _ = epoll.Remove(_listener); // Others hold the same socket: closing it here would not take it out.
    }

    private void Begin(int client)
    {
        if (Interlocked.Increment(ref _clients) > MostClients)
        {
            Interlocked.Decrement(ref _clients);
            SocketCalls.Close(client);
            return;
        }

        SocketCalls.LimitWaits(client, Patience);
        new Thread(() => Serve(client)) { IsBackground = true, Name = "admin client" }.Start();
    }

    private void Serve(int client)
    {
        try
        {
            new AdminExchange(client, time, Longest).Run(Limits, Patience, Answer);
        }
        finally
        {
            SocketCalls.Close(client);
            Interlocked.Decrement(ref _clients);
        }
    }

    private void Answer(AdminExchange exchange, ReadOnlySpan<byte> path)
    {
        if (path.SequenceEqual("/metrics"u8)) exchange.Stream("text/plain; version=0.0.4; charset=utf-8"u8, sink => _metrics.Write(sink));
        else if (path.SequenceEqual("/ready"u8)) exchange.Text(state.IsReady ? 200 : 503, state.IsReady ? "ready\n"u8 : state.IsDraining ? "draining\n"u8 : "starting\n"u8);
        else if (path.SequenceEqual("/live"u8)) TellLife(exchange);
        else exchange.Text(404, "there are /metrics, /ready and /live\n"u8);
    }

    /// <summary>It lives when each loop does what it is given.</summary>
    private void TellLife(AdminExchange exchange)
    {
        var turned = new CountdownEvent(engine.Loops.Count); // Not disposed of: a loop that comes too late still signals.
        foreach (var loop in engine.Loops) loop.Loop.Post(_ => turned.Signal());
        if (turned.Wait(Patience)) exchange.Text(200, "live\n"u8);
        else exchange.Text(503, "a loop stands still\n"u8);
    }
}
