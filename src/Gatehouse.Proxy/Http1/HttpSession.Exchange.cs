using Gatehouse.Linux.OpenSsl;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Balancing;
using Gatehouse.Proxy.Routing;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Http1;

/// <summary>From a request's head to a connection that carries it.</summary>
internal sealed partial class HttpSession
{
    private RouteModel? _route;
    private UpstreamModel? _group;
    private EndpointModel? _endpoint;
    private EndpointModel? _failedEndpoint;
    private UpstreamConnection? _upstream;
    private TlsPeer? _tlsPeer;
    private bool _upstreamReady;
    private BodyReader _request;
    private int _body;
    private int _triesLeft;
    private bool _wantsUpgrade;
    private bool _isHead;
    private bool _isHttp10;
    private bool _keepAlive;
    private bool _idempotent;
    private bool _requestLost;
    private long _bodyLimit;
    private long _bodySince;
    private long _bodyByteAt;
    private long _activeAt;
    private long _stalledAt;
    private bool _awaitsContinue;
    private int _headLength;

    /// <summary>The connection that was begun is there.</summary>
    public void OnConnected()
    {
        _connectedAt = loop.Loop.Now;
        SendHead();
        Advance();
    }

    /// <summary>The connection that was begun will not be.</summary>
    public void OnConnectFailed(int error)
    {
        ConnectFailed(error);
        Advance();
    }

    private void BeginExchange()
    {
        var head = loop.Request;
        var bytes = _buffer.AsSpan(_start, _end - _start);
        _model = _listener.Current;
        _phase = Phase.Exchange;
        _requests++;
        loop.HeadOf = this;
        BeginRecord();
        loop.Counters.Add(_listener.Counter, Counter.Requests);
        _isHead = head.MethodKind == HttpMethodKind.Head;
        _isHttp10 = head.MinorVersion == 0;
        _keepAlive = head.KeepsAlive && !IsEnding;
        _idempotent = Methods.IsIdempotent(head.MethodKind);
        _headLength = head.Length;
        _host = head.Host;
        _body = _start + _headLength;
        _requestLost = _upstreamReady = false;
        _bodySince = _activeAt = loop.Loop.Now;
        _stalledAt = -1;
        _request.Begin(head, loop.Trailers);
        _awaitsContinue = head.ExpectsContinue && !_request.IsDone;
        BeginResponse();
        if (head.MethodKind is HttpMethodKind.Connect or HttpMethodKind.Trace)
        {
            Refuse(405, Refusal.MethodNotAllowed, Termination.Proxy('R'));
            return;
        }

        if (!FindRoute(head, bytes)) return;
        _wantsUpgrade = head.SaysUpgrade && _route!.Config.Upgrade && head.Framing == BodyFraming.None;
        _bodyLimit = _route!.Config.BodyBytes ?? _model.Config.Limits.BodyBytes;
        if (_bodyLimit > 0 && head.ContentLength > _bodyLimit) Refuse(413, Refusal.BodyTooLarge, Termination.Proxy('R'));
        else if (_route.Respond is { } answer) Answer(answer);
        else Connect(_route.Upstream!.Current);
    }

    private bool FindRoute(RequestHead head, ReadOnlySpan<byte> bytes)
    {
        var path = head.Path.Length == 0 || head.Form == TargetForm.Asterisk ? "/"u8 : head.Path.In(bytes);
        if (!RoutePath.TryNormalize(path, loop.PathScratch, out var normal))
        {
            Refuse(400, Refusal.PathEscape, Termination.Proxy('R'));
            return false;
        }

        // HTTP/1.0 without Host is for the host that is any.
        _route = _model.Hosts.Find(head.Host.In(bytes))?.Find(normal, head, bytes) ?? _model.Default;
        if (_route is not null)
        {
            loop.Counters.Add(_route.Counter, Counter.Requests);
            return true;
        }

        Refuse(404, Refusal.NoRoute, Termination.Server('C'));
        return false;
    }

    private void Connect(UpstreamModel group)
    {
        _group = group;
        group.State.Begin();
        _triesLeft = group.Config.Retries;
        TryEndpoint(PinnedEndpoint() ?? group.Choose());
    }

    private void TryEndpoint(EndpointModel? endpoint)
    {
        _endpoint = endpoint;
        if (endpoint is null)
        {
            Refuse(503, Refusal.NoEndpoint, Termination.Server('C'));
            return;
        }

        loop.Counters.Add(endpoint.Index, Counter.Requests);
        endpoint.Begin();
        if (_group!.Tls is null) _tlsPeer = null;
        else if (!ChoosePeer(endpoint)) return;
        if (TakeIdle(endpoint) is { } idle)
        {
            _upstream = idle;
            idle.Use(this);
            _connectedAt = loop.Loop.Now;
            SendHead();
            return;
        }

        ConnectNew(endpoint);
    }

    /// <summary>Whom TLS is spoken with: the group's name, or the request's host. False: that is no name, and the request is refused.</summary>
    private bool ChoosePeer(EndpointModel endpoint)
    {
        var bytes = _buffer.AsSpan(_start, _end - _start);
        if (!IsHeadFresh()) ReadHeadAgain(bytes);
        _tlsPeer = _group!.Tls!.Peer(endpoint.Index, loop.Request.Host.In(bytes));
        if (_tlsPeer is null) Refuse(502, Refusal.ServerNameUnknown, Termination.Proxy('C'));
        return _tlsPeer is not null;
    }

    private void ConnectNew(EndpointModel endpoint)
    {
        _upstream = loop.Upstreams.Rent();
        var outcome = _upstream.Connect(endpoint, this, _tlsPeer);
        if (outcome == 0)
        {
            _connectedAt = loop.Loop.Now;
            SendHead();
        }
        else if (outcome == SocketCalls.EInProgress)
        {
            SetPhaseDeadline(_group!.ConnectMilliseconds);
        }
        else
        {
            ConnectFailed(outcome);
        }
    }

    private void ConnectFailed(int error)
    {
        loop.Counters.Add(_endpoint!.Index, Counter.ConnectErrors);
        var failed = _endpoint;
        DropUpstream();
        failed.End();
        loop.Counters.Add(failed.Index, Counter.RequestsEnded);
        _group = _group!.State.Current; // What it was at the request's begin may be gone, and with it what TLS is spoken with.
        if (_triesLeft-- > 0 && _group.Choose(except: failed) is { } other && other != failed)
        {
            _retries++;
            _redispatched = true;
            loop.Counters.Add(other.Index, Counter.Retries);
            TryEndpoint(other);
            return;
        }

        _endpoint = null;
        _failedEndpoint = failed;
        if (error == UpstreamConnection.HandshakeFailed) Refuse(502, Refusal.UpstreamHandshakeFailed, Termination.Server('C'));
        else if (error == UpstreamConnection.CertificateRefused) Refuse(502, Refusal.UpstreamCertificate, Termination.Server('C'));
        else if (error == -(int)Linux.Errno.ETIMEDOUT) Refuse(503, Refusal.ConnectTimeout, Termination.ServerTimeout('C'));
        else Refuse(503, Refusal.ConnectFailed, SocketCalls.IsOwnLack(error) ? Termination.Resource('C') : Termination.Server('C'));
    }

    /// <summary>Sends the head, with as much of the body as came with it.</summary>
    private void SendHead()
    {
        var bytes = _buffer.AsSpan(_start, _end - _start);
        var head = loop.Request;
        if (!IsHeadFresh()) ReadHeadAgain(bytes);
        var output = loop.Loop.Output.AsSpan();
        var length = _upstream!.IsReused || _tlsPeer is not null ? 0 : WriteProxyHeader(output);
        length += HeadComposer.Request(output[length..], head, bytes, new HeadComposer.RequestSetting
        {
            Forwarded = _model.Config.Forwarded,
            Client = _peer,
            Port = Local().Port,
            Secure = _model.IsSecure,
            Trusted = _model.Trusts(_peer),
            Upgrade = _wantsUpgrade,
        });
        _upstreamReady = true;
        _headSentAt = loop.Loop.Now;
        if (!_request.IsDone && _end > _body)
        {
            if (!TakeBuffered(out var at, out var produced)) return;
            length += BodyWriter.Write(output[length..], _buffer.AsSpan(at, produced), _request.Framing == BodyFraming.Chunked, _request);
        }
        else if (_request is { IsDone: true, Framing: BodyFraming.Chunked })
        {
            length += BodyWriter.Write(output[length..], default, chunked: true, _request); // Sent again: the empty body was read the first time.
        }

        _ = _upstream!.Stream.Send(output[..length]);
        AfterRequestBytes();
    }

    /// <summary>The shared parser still holds this request's head: nothing was read since, as when a connection was there at once.</summary>
    private bool IsHeadFresh() => loop.HeadOf == this;

    private void ReadHeadAgain(ReadOnlySpan<byte> bytes)
    {
        loop.Request.ReadAgain(bytes);
        loop.HeadOf = this;
    }

    /// <summary>Where the client came to.</summary>
    private ref readonly SocketEndPoint Local()
    {
        if (!_local.IsSet) _ = SocketCalls.LocalAddress(_client.Fd, out _local);
        return ref _local;
    }

    /// <summary>
    /// A connection that waited in the pool was closed by the endpoint while the request was on its way: nothing came back, so the request is sent once more over a new connection, if
    /// sending it twice does no harm and all of it is still here (RFC 9112 §9.3.1).
    /// </summary>
    private bool TryStaleRetry()
    {
        if (_upstream is not { IsReused: true } || !_idempotent || _request.Bytes > 0 || _responseBytes > 0) return false;
        var endpoint = _upstream.Endpoint;
        loop.Counters.Add(endpoint.Index, Counter.Retries);
        DropUpstream();
        _retries++;
        _requestLost = false;
        ConnectNew(endpoint);
        return true;
    }

    private void DropUpstream()
    {
        _upstreamReady = false;
        if (_upstream is not { } upstream) return;
        _upstream = null;
        upstream.Close();
    }

    /// <summary>The client's connection failed.</summary>
    private void ClientBroke()
    {
        if (_phase == Phase.Exchange && !_responseDone)
        {
            loop.Counters.Add(_listener.Counter, Counter.Aborted);
            loop.Counters.AddReason(RefusalReasons.Of(Refusal.ClientClosed));
            _termination = Termination.Client(_responseBegun ? 'D' : _upstreamReady ? 'H' : 'C');
            Record();
        }
        else if (_phase is Phase.Flush or Phase.Tunnel)
        {
            if (_phase == Phase.Flush) _termination = Termination.Client('D');
            Record();
        }
        else if (_phase == Phase.Head && _end > _start)
        {
            RecordBadRequest(400, Termination.Client('R'), RefusalReasons.Of(Refusal.ClientClosed));
        }

        Close();
    }
}
