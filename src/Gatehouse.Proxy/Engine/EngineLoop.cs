using System.Collections.Concurrent;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Http1;
using Gatehouse.Proxy.Listeners;
using Gatehouse.Proxy.Loops;
using Gatehouse.Proxy.Routing;
using Gatehouse.Proxy.Streams;
using Gatehouse.Proxy.Tcp;
using Gatehouse.Proxy.Udp;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Engine;

/// <summary>A loop with all that its connections share: parsers, pools, counters. Everything here belongs to the loop's thread, but for what says otherwise.</summary>
internal sealed class EngineLoop
{
    private const int MostRecycled = 1_024;
    private readonly Stack<HttpSession> _sessions = new();
    private readonly Stack<TcpSession> _tcpSessions = new();
    private readonly Stack<Arrival> _arrivals = new();
    private readonly Stack<IdleClient> _idle = new();
    private readonly Stack<ByteStream> _streams = new();

    private readonly ProxyEngine _engine;
    private readonly ConcurrentQueue<(int Fd, ListenerState Listener, SocketEndPoint Peer)> _handedOver = new();
    private SessionList _open;
    private readonly Action<Loop> _takeOver;
    private int _handedOverCount;
    private DatagramBatch? _datagrams;

    public EngineLoop(int index, ProxyEngine engine, TimeProvider time)
    {
        _engine = engine;
        _takeOver = TakeHandedOver;
        Loop = new Loop(index, time);
        Upstreams = new UpstreamPool(this);
        Date = new HttpDate(time);
        Time = time;
    }

    public Loop Loop { get; }

    public TimeProvider Time { get; }

    /// <summary>What the last head that was read came to.</summary>
    public RequestHead Request { get; } = new();

    /// <summary>The session whose request <see cref="Request"/> holds; null when it holds none.</summary>
    public HttpSession? HeadOf { get; set; }

    /// <summary>What the last response's head came to.</summary>
    public ResponseHead Response { get; } = new();

    public TrailerPool Trailers { get; } = new(ChunkLimits.Default);

    public UpstreamPool Upstreams { get; }

    /// <summary>Any thread may read it.</summary>
    public LoopCounters Counters { get; } = new();

    public HttpDate Date { get; }

    /// <summary>Null when nothing is written.</summary>
    public IAccessLog? Log { get; set; }

    /// <summary>Where paths are normalised.</summary>
    public byte[] PathScratch { get; } = new byte[BufferPool.Large];

    /// <summary>No new connections come, and those that are there end after what they have begun.</summary>
    public bool IsDraining { get; set; }

    /// <summary>Client connections that are open; any thread may read it.</summary>
    public int Connections { get; private set; }

    /// <summary>UDP flows that there are; any thread may read it.</summary>
    public int Flows { get; set; }

    /// <summary>UDP listeners that are this loop's.</summary>
    public List<UdpListener> UdpListeners { get; } = [];

    /// <summary>UDP packets of the listener or flow whose turn it is; made for the first.</summary>
    public DatagramBatch Datagrams => _datagrams ??= new DatagramBatch();

    /// <summary>Those of all loops.</summary>
    public int EngineConnections => _engine.Connections;

    /// <summary>Connections that other loops have accepted for this one, and that it has not taken up yet.</summary>
    public int HandedOver => Volatile.Read(ref _handedOverCount);

    /// <summary>Gives this loop a connection that another accepted; from any thread.</summary>
    public void HandOver(int fd, ListenerState listener, in SocketEndPoint peer)
    {
        Interlocked.Increment(ref _handedOverCount);
        _handedOver.Enqueue((fd, listener, peer));
        Loop.Post(_takeOver);
    }

    /// <summary>No new connections come; those that ask nothing are not waited for.</summary>
    public void Drain()
    {
        IsDraining = true;
        Upstreams.CloseIdle(all: true);
        foreach (var session in _open.ToList()) session.Drain();
    }

    /// <summary>Ends what UDP has open; once the loop has stopped.</summary>
    public void CloseUdp()
    {
        foreach (var listener in UdpListeners.ToList()) listener.Dispose();
        _datagrams?.Dispose();
    }

    /// <summary>Closes what is still open: the deadline of a drain came.</summary>
    public void CutOff()
    {
        foreach (var session in _open.ToList()) session.CutOff();
    }

    /// <summary>A configuration was replaced.</summary>
    public void Forget(Leavings left)
    {
        if (left.Endpoints)
        {
            Upstreams.CloseIdle(all: false);
            foreach (var listener in UdpListeners) listener.EndRemoved();
        }

        if (!left.Listeners) return;
        foreach (var session in _open.ToList())
        {
            if (session.Listener.IsRemoved) session.Drain();
        }
    }

    /// <summary>Begins with a connection that was accepted.</summary>
    public void Accepted(int fd, ListenerState listener, in SocketEndPoint peer)
    {
        var stream = _streams.TryPop(out var pooled) ? pooled : new ByteStream(Loop);
        if (!stream.Open(fd, connected: true))
        {
            _streams.Push(stream);
            return;
        }

        Connections++;
        listener.Opened();
        Counters.Add(listener.Counter, Counter.Connections);
        var model = listener.Current;
        if (model.Config.Protocol is ListenerProtocol.Http or ListenerProtocol.Tcp && model.ProxySources.Length == 0)
        {
            SocketCalls.SendAtOnce(fd);
            Begin(stream, listener, peer, default, model.Default, default);
            return;
        }

        var arrival = _arrivals.TryPop(out var recycled) ? recycled : new Arrival(this);
        stream.Owner = arrival;
        _open.Add(arrival);
        arrival.Begin(stream, listener, peer);
    }

    /// <summary>Goes on with a connection on which what it speaks begins.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="listener">Where it came in.</param>
    /// <param name="peer">Where it is from, as a PROXY header says or the socket.</param>
    /// <param name="local">Where it went to, as a PROXY header says; not set: as the socket says.</param>
    /// <param name="route">Where it goes, when it is not HTTP.</param>
    /// <param name="early">What was read of it and is to be passed on.</param>
    public void Begin(ByteStream stream, ListenerState listener, in SocketEndPoint peer, in SocketEndPoint local, RouteModel? route, ReadOnlySpan<byte> early)
    {
        if (listener.Current.Config.Protocol is ListenerProtocol.Http or ListenerProtocol.Https)
        {
            var session = _sessions.TryPop(out var recycled) ? recycled : new HttpSession(this);
            stream.Owner = session;
            _open.Add(session);
            session.Begin(stream, listener, peer, local);
            return;
        }

        var tcp = _tcpSessions.TryPop(out var pooled) ? pooled : new TcpSession(this);
        stream.Owner = tcp;
        _open.Add(tcp);
        tcp.Begin(stream, listener, peer, local, route, early);
    }

    /// <summary>A client's connection waits for its next request; its session is for others.</summary>
    public void Park(HttpSession session, ByteStream stream, in SocketEndPoint peer, in SocketEndPoint local, long acceptedAt, int requests, long milliseconds)
    {
        var idle = _idle.TryPop(out var pooled) ? pooled : new IdleClient(this);
        stream.Owner = idle;
        idle.Begin(stream, session.Listener, peer, local, acceptedAt, requests, milliseconds);
        Recycle(session);
        _open.Add(idle);
    }

    /// <summary>A client that waited sends its next request, or ends.</summary>
    public void Wake(IdleClient idle)
    {
        var session = _sessions.TryPop(out var recycled) ? recycled : new HttpSession(this);
        idle.Stream.Owner = session;
        Loop.Timers.Cancel(idle);
        _open.Add(session);
        Recycle(idle);
        session.Begin(idle);
    }

    private void TakeHandedOver(Loop loop)
    {
        while (_handedOver.TryDequeue(out var accepted))
        {
            Accepted(accepted.Fd, accepted.Listener, accepted.Peer);
            Interlocked.Decrement(ref _handedOverCount); // Afterwards, so that it is counted at every moment.
        }
    }

    /// <summary>A client's connection is closed; its objects are for others.</summary>
    public void Closed(ListenerState listener, ByteStream stream)
    {
        Connections--;
        listener.Closed();
        Counters.Add(listener.Counter, Counter.ConnectionsClosed);
        stream.Owner = null;
        if (_streams.Count < MostRecycled) _streams.Push(stream);
    }

    public void Recycle(Arrival arrival)
    {
        _open.Remove(arrival);
        if (_arrivals.Count < MostRecycled) _arrivals.Push(arrival);
    }

    public void Recycle(IdleClient idle)
    {
        _open.Remove(idle);
        if (_idle.Count < MostRecycled) _idle.Push(idle);
    }

    public void Recycle(TcpSession session)
    {
        _open.Remove(session);
        if (_tcpSessions.Count < MostRecycled) _tcpSessions.Push(session);
    }

    public void Recycle(HttpSession session)
    {
        _open.Remove(session);
        if (_sessions.Count < MostRecycled) _sessions.Push(session);
    }
}
