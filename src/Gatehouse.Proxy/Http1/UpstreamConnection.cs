using Gatehouse.Linux;
using Gatehouse.Linux.OpenSsl;
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
    /// <summary>What <see cref="Connect"/> and the session are told when the TLS handshake failed (EPROTO).</summary>
    public const int HandshakeFailed = -71;

    /// <summary>The same where it was the endpoint's certificate (EKEYREJECTED).</summary>
    public const int CertificateRefused = -129;

    private readonly EngineLoop _loop;
    private HttpSession? _session;
    private HttpSession? _keeper;
    private TlsSession? _tls;
    private Step _step;
    private bool _closed;

    public UpstreamConnection(EngineLoop loop)
    {
        _loop = loop;
        Stream = new ByteStream(loop.Loop) { Owner = this };
    }

    private enum Step
    {
        Connecting,
        Handshake,
        Ready,
    }

    public ByteStream Stream { get; }

    public EndpointModel Endpoint { get; private set; } = null!;

    /// <summary>It has carried a request before.</summary>
    public bool IsReused { get; private set; }

    /// <summary>Its neighbour in the pool of those that wait.</summary>
    public UpstreamConnection? Below { get; set; }

    /// <summary>The one above it in the pool.</summary>
    public UpstreamConnection? Above { get; set; }

    /// <summary>Whom TLS is spoken with; null: it is in plain.</summary>
    public TlsPeer? Peer { get; private set; }

    /// <summary>Begins to connect. 0: it is connected; EINPROGRESS: the session is told; else it could not be tried.</summary>
    public int Connect(EndpointModel endpoint, HttpSession session, TlsPeer? peer)
    {
        (Endpoint, Peer) = (endpoint, peer);
        _session = session;
        IsReused = _closed = false;
        _step = Step.Connecting;

        // Made at once: the context that the peer belongs to may be replaced before the connection is there.
        if (peer is not null && (_tls = TlsSession.Connect(peer, _loop.Loop.Tls)) is null) return HandshakeFailed;
        var fd = SocketCalls.OpenStream(endpoint.Address);
        if (fd < 0) return fd;
        SocketCalls.SendAtOnce(fd);
        var outcome = SocketCalls.Connect(fd, endpoint.Address);
        if (outcome is < 0 and not SocketCalls.EInProgress)
        {
            SocketCalls.Close(fd);
            return outcome;
        }

        if (!Stream.Open(fd, outcome == 0, isClient: true)) return -(int)Errno.ENOSPC;
        _loop.Counters.Add(endpoint.Index, Counter.Connections);
        return outcome == 0 ? BeginSpeaking() : outcome;
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
        _tls?.Dispose();
        _tls = null;
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

        if (_step == Step.Ready)
        {
            _session.Advance();
            return;
        }

        var outcome = GoOnConnecting();
        if (outcome == 0) _session.OnConnected();
        else if (outcome != SocketCalls.EInProgress) _session.OnConnectFailed(outcome);
    }

    private int GoOnConnecting()
    {
        if (_step == Step.Handshake) return Handshake();
        if (!Stream.CanWrite && !Stream.IsBroken) return SocketCalls.EInProgress;
        var outcome = Stream.TakeConnectOutcome();
        return outcome < 0 ? outcome : BeginSpeaking();
    }

    /// <summary>The connection is there: TLS begins where it is spoken, after the PROXY header, which is never within it.</summary>
    private int BeginSpeaking()
    {
        if (Peer is null)
        {
            _step = Step.Ready;
            return 0;
        }

        _session!.SendProxyHeader(Stream);
        Stream.Secure(_tls!);
        _tls = null;
        _step = Step.Handshake;
        return Handshake();
    }

    private int Handshake()
    {
        switch (Stream.Handshake())
        {
            case TlsStatus.Done:
                _step = Step.Ready;
                return 0;
            case TlsStatus.Failed:
                return Stream.Tls!.LastFault.Kind == TlsFaultKind.Certificate ? CertificateRefused : HandshakeFailed;
            default:
                return Stream.IsBroken || (Stream.PeerClosed && !Stream.CanRead) ? HandshakeFailed : SocketCalls.EInProgress;
        }
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
