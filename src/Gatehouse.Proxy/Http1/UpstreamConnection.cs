using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Balancing;
using Gatehouse.Proxy.Engine;
using Gatehouse.Proxy.Loops;
using Gatehouse.Proxy.Streams;

namespace Gatehouse.Proxy.Http1;

/// <summary>A connection to an endpoint: in use by one session, or waiting for another request. One that says anything while it waits is closed: nobody asked for it.</summary>
internal sealed class UpstreamConnection : Timed, IStreamOwner
{
    private readonly EngineLoop _loop;
    private HttpSession? _session;
    private HttpSession? _keeper;
    private bool _connected;
    private bool _closed;

    public UpstreamConnection(EngineLoop loop)
    {
        _loop = loop;
        Stream = new ByteStream(loop.Loop) { Owner = this };
    }

    public ByteStream Stream { get; }

    public EndpointModel Endpoint { get; private set; } = null!;

    /// <summary>It has carried a request before.</summary>
    public bool IsReused { get; private set; }

    /// <summary>Its neighbour in the pool of those that wait.</summary>
    public UpstreamConnection? Below { get; set; }

    /// <summary>The one above it in the pool.</summary>
    public UpstreamConnection? Above { get; set; }

    /// <summary>Begins to connect. 0: it is connected; EINPROGRESS: the session is told; else it could not be tried.</summary>
    public int Connect(EndpointModel endpoint, HttpSession session)
    {
        Endpoint = endpoint;
        _session = session;
        IsReused = _connected = _closed = false;
        var fd = SocketCalls.OpenStream(endpoint.Address);
        if (fd < 0) return fd;
        SocketCalls.SendAtOnce(fd);
        var outcome = SocketCalls.Connect(fd, endpoint.Address);
        if (outcome is < 0 and not SocketCalls.EInProgress)
        {
            SocketCalls.Close(fd);
            return outcome;
        }

        _connected = outcome == 0;
        if (!Stream.Open(fd, _connected, isClient: true)) return -(int)Linux.Errno.ENOSPC;
        _loop.Counters.Add(endpoint.Index, Counter.Connections);
        return outcome;
    }

    /// <summary>Takes it up for a session.</summary>
    public void Use(HttpSession session)
    {
        _session = session;
        _keeper = null;
        IsReused = true;
        _loop.Loop.Timers.Cancel(this);
    }

    /// <summary>Puts it with those that wait, or closes it where enough do.</summary>
    public void Release(UpstreamModel upstream)
    {
        _session = null;
        if (!_loop.Upstreams.TryAdd(this, upstream.Config.MaxIdleConnections)) Close();
        else if (upstream.KeepAliveMilliseconds is > 0 and var wait) _loop.Loop.Timers.Set(this, _loop.Loop.Now + wait);
    }

    /// <summary>Waits for further requests of the same client, which keeps it.</summary>
    public void Wait(HttpSession keeper, UpstreamModel upstream)
    {
        (_session, _keeper) = (null, keeper);
        if (upstream.KeepAliveMilliseconds is > 0 and var wait) _loop.Loop.Timers.Set(this, _loop.Loop.Now + wait);
    }

    /// <summary>Closes it; once.</summary>
    public void Close()
    {
        if (_closed) return;
        _closed = true;
        _session = _keeper = null;
        _loop.Loop.Timers.Cancel(this);
        if (Stream.IsOpen) _loop.Counters.Add(Endpoint.Index, Counter.ConnectionsClosed);
        Stream.Close();
        _loop.Upstreams.Recycle(this);
    }

    /// <inheritdoc/>
    public void OnStream()
    {
        if (_session is null)
        {
            // Out or a window is nothing; a byte or the end is.
            if (Stream.CanRead) EndWait();
            return;
        }

        if (!_connected)
        {
            if (!Stream.CanWrite && !Stream.IsBroken) return;
            var outcome = Stream.TakeConnectOutcome();
            if (outcome < 0)
            {
                _session.OnConnectFailed(outcome);
                return;
            }

            _connected = true;
            _session.OnConnected();
            return;
        }

        _session.Advance();
    }

    /// <inheritdoc/>
    public override void OnTimeout()
    {
        if (_session is null) EndWait();
    }

    private void EndWait()
    {
        if (_keeper is null) _loop.Upstreams.Remove(this);
        else _keeper.LosePinned();
        Close();
    }
}
