using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Engine;
using Gatehouse.Proxy.Listeners;
using Gatehouse.Proxy.Loops;
using Gatehouse.Proxy.Streams;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Http1;

/// <summary>
/// A client's connection: its requests one after the other, each exchanged with an upstream. One function, <see cref="Advance"/>, goes as far as the two streams allow and returns; it is
/// called when either of them changed.
/// <code>
/// Head -> Exchange -> Flush -> Head …        a request, its response, what the client has not yet taken of it
///            |          |----> Linger        what the client still sends is read and thrown away, so that it sees the answer
///            |----> Tunnel                   after 101
/// </code>
/// </summary>
internal sealed partial class HttpSession(EngineLoop loop) : ClientSession, IStreamOwner, IDeferred
{
    private const int TurnsAtOnce = 16;
    private const long LingerMilliseconds = 2_000;
    private const long LingerBytes = 1 << 20;
    private const long DrainIdleMilliseconds = 1_000;

    private ByteStream _client = null!;
    private ListenerState _listener = null!;
    private ListenerModel _model = null!;
    private SocketEndPoint _peer;
    private SocketEndPoint _local;
    private byte[]? _buffer;
    private int _start;
    private int _end;
    private HeadScan _scan;
    private Phase _phase = Phase.Closed;
    private bool _isDeferred;
    private bool _isScanned;
    private int _requests;
    private long _lingered;
    private long _phaseDeadline;

    private enum Phase : byte
    {
        Closed,
        Head,
        Exchange,
        Flush,
        Tunnel,
        Linger,
    }

    /// <inheritdoc/>
    public override ListenerState Listener => _listener;

    /// <summary>What is asked now is the last.</summary>
    private bool IsEnding => loop.IsDraining || _listener.IsRemoved;

    /// <summary>Begins with a connection.</summary>
    public void Begin(ByteStream client, ListenerState listener, in SocketEndPoint peer, in SocketEndPoint local)
    {
        (_client, _listener, _peer) = (client, listener, peer);
        _model = listener.Current;
        _local = local;
        _requests = 0;
        AwaitRequest(_model.HeaderMilliseconds);
        _acceptedAt = _idleSince = loop.Loop.Now;
        EnterClient();
        Advance();
    }

    /// <summary>Goes on with a connection that waited for this request.</summary>
    public void Begin(IdleClient idle)
    {
        (_client, _listener, _peer, _local) = (idle.Stream, idle.Listener, idle.Peer, idle.Local);
        _model = _listener.Current;
        (_acceptedAt, _idleSince, _requests) = (idle.AcceptedAt, idle.IdleSince, idle.Requests);
        AwaitRequest(_model.KeepAliveMilliseconds);
        Advance();
    }

    /// <inheritdoc/>
    public void OnStream() => Advance();

    /// <inheritdoc/>
    public void Resume()
    {
        _isDeferred = false;
        Advance();
    }

    /// <summary>Goes as far as it can without waiting; for long bodies with a pause, so that others get their turn.</summary>
    public void Advance()
    {
        for (var turn = 0; turn < TurnsAtOnce; turn++)
        {
            if (!AdvanceOnce())
            {
                SetDeadline();
                return;
            }
        }

        SetDeadline();
        if (_isDeferred) return;
        _isDeferred = true;
        loop.Loop.Defer(this);
    }

    /// <inheritdoc/>
    public override void Drain()
    {
        if (_phase == Phase.Head && _end == _start) loop.Loop.Timers.Set(this, _phaseDeadline = Math.Min(_phaseDeadline, loop.Loop.Now + DrainIdleMilliseconds));
    }

    /// <inheritdoc/>
    public override void CutOff()
    {
        var reason = RefusalReasons.Of(Refusal.DrainDeadline);
        if (_phase == Phase.Head && _end > _start)
        {
            RecordBadRequest(503, Termination.Killed('R'), reason);
        }
        else if (_phase == Phase.Exchange && !_responseBegun)
        {
            _keepAlive = false;
            Refuse(503, Refusal.DrainDeadline, Termination.Killed(_upstreamReady ? 'H' : 'C'));
            Record();
            Close();
            return;
        }
        else if (_phase is Phase.Exchange or Phase.Flush or Phase.Tunnel)
        {
            loop.Counters.AddReason(_reason = reason);
            _termination = Termination.Killed('D');
            Record();
        }

        Close(reset: _phase is not (Phase.Head or Phase.Linger));
    }

    private bool AdvanceOnce()
    {
        if (_client.IsBroken && _phase != Phase.Closed)
        {
            ClientBroke();
            return false;
        }

        switch (_phase)
        {
            case Phase.Head: return ReadHead();
            case Phase.Exchange: return PumpRequest() | PumpResponse();
            case Phase.Flush: return !_client.HasPending && Finish();
            case Phase.Tunnel: return PumpTunnel();
            case Phase.Linger: return Discard();
            default: return false;
        }
    }

    /// <summary>Nothing is begun and nothing kept: the connection needs no session until its next request.</summary>
    private void Park()
    {
        _phase = Phase.Closed;
        loop.Loop.Timers.Cancel(this);
        var wait = _model.KeepAliveMilliseconds;
        if (IsEnding) wait = wait > 0 ? Math.Min(wait, DrainIdleMilliseconds) : DrainIdleMilliseconds;
        loop.Park(this, _client, _peer, _local, _acceptedAt, _requests, wait);
    }

    private void AwaitRequest(long milliseconds)
    {
        _phase = Phase.Head;
        _scan = default;
        _isScanned = false;
        if (IsEnding) milliseconds = milliseconds > 0 ? Math.Min(milliseconds, DrainIdleMilliseconds) : DrainIdleMilliseconds;
        SetPhaseDeadline(milliseconds);
    }

    private void SetPhaseDeadline(long milliseconds)
    {
        _phaseDeadline = milliseconds > 0 ? loop.Loop.Now + milliseconds : long.MaxValue;
    }

    /// <summary>A request's bytes: first what came behind the last one, then what the client sends.</summary>
    private bool ReadHead()
    {
        if (_client.HasPending) return false; // A client that does not read its responses gets no more of them.
        if (_end > _start && !_isScanned && ParseHead()) return true;
        if (!_client.CanRead) return false;
        _buffer ??= loop.Loop.Buffers.RentSmall();
        MakeRoom(1);
        var wasEmpty = _end == _start;
        var count = _client.Receive(_buffer.AsSpan(_end));
        if (count <= 0)
        {
            if (count == SocketCalls.EAgain) ReturnBuffer();
            else CloseWithoutRequest();
            return false;
        }

        if (wasEmpty) BeginRequestClock();
        _end += count;
        return ParseHead() || _client.CanRead;
    }

    /// <summary>Whether there is something else to do now.</summary>
    private bool ParseHead()
    {
        loop.HeadOf = null;
        _isScanned = true;
        switch (loop.Request.Read(_buffer.AsSpan(_start, _end - _start), ref _scan, _model.Limits))
        {
            case HeadStatus.Incomplete:
                return false;
            case HeadStatus.Complete:
                BeginExchange();
                return true;
            default:
                RefuseHead(loop.Request.Fault);
                return true;
        }
    }

    private void BeginRequestClock()
    {
        _firstByteAt = loop.Loop.Now;
        SetPhaseDeadline(_model.HeaderMilliseconds);
    }

    /// <summary>Room at the end of the buffer, moving what is in it or taking a larger one. Heads are refused before they outgrow that.</summary>
    private void MakeRoom(int bytes)
    {
        if (_end + bytes <= _buffer!.Length) return;
        var length = _end - _start;
        var target = length + bytes <= _buffer.Length ? _buffer : loop.Loop.Buffers.RentLarge();
        _buffer.AsSpan(_start, length).CopyTo(target);
        if (target != _buffer)
        {
            loop.Loop.Buffers.Return(_buffer);
            _buffer = target;
        }

        _body -= _start;
        (_start, _end) = (0, length);
    }

    private void ReturnBuffer()
    {
        if (_buffer is null || _end > _start) return;
        loop.Loop.Buffers.Return(_buffer);
        _buffer = null;
        _start = _end = _body = 0;
    }

    /// <summary>The client ended or broke before a request was whole.</summary>
    private void CloseWithoutRequest()
    {
        if (_end > _start) RecordBadRequest(400, Termination.Client('R'), RefusalReasons.Of(Refusal.ClientClosed));
        Close();
    }

    /// <summary>Reads and forgets until the client has seen the answer and closed, but not for long.</summary>
    private bool Discard()
    {
        if (!_client.CanRead) return false;
        var count = _client.Receive(loop.Loop.Input);
        _lingered += Math.Max(count, 0);
        if (count == SocketCalls.EAgain) return false;
        if (count > 0 && _lingered < LingerBytes) return true;
        Close();
        return false;
    }

    /// <summary>Ends the connection so that the client gets what was sent.</summary>
    private void BeginClose()
    {
        DropUpstream();
        DropPinned();
        _client.EndSend();
        if (_client.PeerClosed && !_client.CanRead && !_client.HasPending)
        {
            Close();
            return;
        }

        _phase = Phase.Linger;
        _lingered = 0;
        if (_buffer is not null) _start = _end;
        ReturnBuffer();
        SetPhaseDeadline(LingerMilliseconds);
    }

    private void Close(bool reset = false)
    {
        if (_phase == Phase.Closed) return;
        _phase = Phase.Closed;
        DropUpstream();
        DropPinned();
        LeaveClient();
        loop.Loop.Timers.Cancel(this);
        _request.Reset();
        _response.Reset();
        _mover.Reset(_client);
        ReturnResponseBuffer();
        _start = _end;
        ReturnBuffer();
        _client.Close(reset);
        loop.Closed(_listener, _client);
        loop.Recycle(this);
    }
}
