using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Engine;
using Gatehouse.Proxy.Listeners;
using Gatehouse.Proxy.Loops;
using Gatehouse.Proxy.Routing;
using Gatehouse.Proxy.Streams;

namespace Gatehouse.Proxy.Tcp;

/// <summary>
/// A client's connection that is passed on as it is, in both directions, each of which ends by itself.
/// <code>
/// Connect -> [Handshake] -> Relay -> Closed      an endpoint that can't be reached: Connect again, to another
/// </code>
/// </summary>
internal sealed partial class TcpSession : ClientSession, IStreamOwner, IDeferred
{
    private const int TurnsAtOnce = 4;

    private readonly EngineLoop _loop;
    private readonly ByteStream _upstream;
    private readonly RelayLane _toUpstream = new();
    private readonly RelayLane _toClient = new();
    private ByteStream _client = null!;
    private ListenerState _listener = null!;
    private ListenerModel _model = null!;
    private SocketEndPoint _peer;
    private SocketEndPoint _local;
    private byte[]? _early;
    private int _earlyLength;
    private Phase _phase = Phase.Closed;
    private bool _isDeferred;
    private bool _isClientCounted;
    private long _deadline;

    public TcpSession(EngineLoop loop)
    {
        _loop = loop;
        _upstream = new ByteStream(loop.Loop) { Owner = this };
    }

    private enum Phase : byte
    {
        Closed,
        Connect,
        Handshake,
        Relay,
    }

    /// <inheritdoc/>
    public override ListenerState Listener => _listener;

    /// <summary>Begins with a connection; see <see cref="EngineLoop.Begin"/>.</summary>
    public void Begin(ByteStream client, ListenerState listener, in SocketEndPoint peer, in SocketEndPoint local, RouteModel? route, ReadOnlySpan<byte> early)
    {
        (_client, _listener, _model, _peer, _local, _route) = (client, listener, listener.Current, peer, local, route);
        _phase = Phase.Connect;
        BeginRecord(early.Length);
        if (!EnterClient()) Refuse(Refusal.TooManyConnectionsOfClient, Termination.Proxy('R'));
        else if (route?.Upstream is not { } group) Refuse(Refusal.NoRoute, Termination.Server('C'));
        else
        {
            KeepEarly(early);
            Connect(group.Current);
            Advance();
        }
    }

    /// <inheritdoc/>
    public void OnStream() => Advance();

    /// <inheritdoc/>
    public void Resume()
    {
        _isDeferred = false;
        Advance();
    }

    /// <inheritdoc/>
    public override void OnTimeout()
    {
        if (_phase == Phase.Relay)
        {
            IdledOut();
            return;
        }

        ConnectFailed(-(int)Linux.Errno.ETIMEDOUT);
        Advance();
    }

    /// <inheritdoc/>
    public override void Drain()
    {
        // Nobody but its two ends knows when it asks nothing.
    }

    /// <inheritdoc/>
    public override void CutOff() => Finish(Termination.Killed(_phase == Phase.Relay ? 'D' : 'C'), RefusalReasons.Of(Refusal.DrainDeadline), reset: true);

    /// <summary>Goes as far as it can without waiting; where bytes do not end to come, with a pause, so that others get their turn.</summary>
    private void Advance()
    {
        if (_phase is Phase.Connect or Phase.Handshake) AdvanceToUpstream();
        if (_phase == Phase.Relay) AdvanceRelay();
        if (_phase == Phase.Closed) return;
        if (_deadline == long.MaxValue) _loop.Loop.Timers.Cancel(this);
        else _loop.Loop.Timers.Set(this, _deadline);
    }

    private void AdvanceRelay()
    {
        var (fromClient, fromUpstream) = (_client.BytesIn, _upstream.BytesIn);
        var more = true;
        for (var turn = 0; turn < TurnsAtOnce && more; turn++) more = _toUpstream.Pump() | _toClient.Pump();
        _toUpstream.Rest();
        _toClient.Rest();
        if (_client.BytesIn > fromClient) _clientHeardAt = _loop.Loop.Now;
        if (_upstream.BytesIn > fromUpstream) _upstreamHeardAt = _loop.Loop.Now;
        SetDeadline(_group!.TunnelMilliseconds);
        if (more) Defer();
        else if (_toUpstream.IsDone && _toClient.IsDone) Finish(Termination.Normal, RefusalReasons.None, reset: false);
        else if (_client.IsBroken || _toUpstream.IsCut) ClientBroke('D');
        else if (_upstream.IsBroken || _toClient.IsCut) UpstreamBroke();
    }

    private void Defer()
    {
        if (_isDeferred) return;
        _isDeferred = true;
        _loop.Loop.Defer(this);
    }

    private void ClientBroke(char state)
    {
        _loop.Counters.Add(_listener.Counter, Counter.Aborted);
        Finish(Termination.Client(state), RefusalReasons.Of(Refusal.ClientClosed), reset: true);
    }

    private void UpstreamBroke()
    {
        _loop.Counters.Add(_endpoint!.Index, Counter.ResponseErrors);
        Finish(Termination.Server('D'), RefusalReasons.Of(Refusal.UpstreamClosed), reset: true);
    }

    /// <summary>Nothing moved for too long. It was for who does not take what is here, or else for who was silent longer.</summary>
    private void IdledOut()
    {
        var isClient = _toClient.IsStuck || (!_toUpstream.IsStuck && _clientHeardAt <= _upstreamHeardAt);
        var reset = _toClient.IsStuck || _toUpstream.IsStuck;
        Finish(isClient ? Termination.ClientTimeout('D') : Termination.ServerTimeout('D'), RefusalReasons.Of(Refusal.TunnelIdle), reset);
    }

    private void Refuse(Refusal refusal, Termination termination)
    {
        _loop.Counters.Add(_listener.Counter, Counter.Refused);
        Finish(termination, RefusalReasons.Of(refusal), reset: true);
    }

    private void Finish(Termination termination, int reason, bool reset)
    {
        if (reason != RefusalReasons.None) _loop.Counters.AddReason(reason);
        Record(termination, reason);
        Close(reset);
    }

    private void SetDeadline(long milliseconds) => _deadline = milliseconds > 0 ? _loop.Loop.Now + milliseconds : long.MaxValue;

    /// <summary>What was read before an endpoint is there.</summary>
    private void KeepEarly(ReadOnlySpan<byte> early)
    {
        _earlyLength = early.Length;
        if (early.IsEmpty) return;
        _early = early.Length <= BufferPool.Small ? _loop.Loop.Buffers.RentSmall() : _loop.Loop.Buffers.RentLarge();
        early.CopyTo(_early);
    }

    private void DropEarly()
    {
        if (_early is null) return;
        _loop.Loop.Buffers.Return(_early);
        _early = null;
        _earlyLength = 0;
    }

    /// <summary>Takes the client's place among its connections.</summary>
    private bool EnterClient()
    {
        var most = _model.Config.Limits.ConnectionsPerClient;
        _isClientCounted = most > 0 && _listener.Clients.TryEnter(_peer, most);
        return most <= 0 || _isClientCounted;
    }

    private void Close(bool reset)
    {
        _phase = Phase.Closed;
        _toUpstream.End();
        _toClient.End();
        DropUpstream(reset);
        DropEarly();
        if (_isClientCounted) _listener.Clients.Leave(_peer);
        _loop.Loop.Timers.Cancel(this);
        _client.Close(reset);
        (_group, _endpoint, _route) = (null, null, null);
        _loop.Closed(_listener, _client);
        _loop.Recycle(this);
    }
}
