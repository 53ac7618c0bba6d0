using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Routing;

namespace Gatehouse.Proxy.Tcp;

/// <summary>When what happened, for counters and the access log.</summary>
internal sealed partial class TcpSession
{
    private RouteModel? _route;
    private long _beganAt;
    private long _connectedAt;
    private long _clientHeardAt;
    private long _upstreamHeardAt;
    private long _bytesInBefore;
    private int _retries;
    private bool _redispatched;

    /// <param name="early">Bytes that were read already and are passed on; others before them were not for the endpoint.</param>
    private void BeginRecord(int early)
    {
        _beganAt = _loop.Loop.Now;
        _connectedAt = -1;
        _bytesInBefore = _client.BytesIn - early;
        _retries = 0;
        _redispatched = false;
        _failedEndpoint = null;
        _deadline = long.MaxValue;
        _loop.Counters.Add(_listener.Counter, Counter.Requests);
        if (_route is not null) _loop.Counters.Add(_route.Counter, Counter.Requests);
    }

    /// <summary>The session has ended, well or not: counts it, writes its line, and gives up its places.</summary>
    private void Record(Termination termination, int reason)
    {
        var now = _loop.Loop.Now;
        var (received, sent) = (_client.BytesIn - _bytesInBefore, _client.BytesOut);
        Count(_listener.Counter, sent, received, now);
        if (_route is not null) Count(_route.Counter, sent, received, now);
        if (_endpoint is not null) Count(_endpoint.Index, sent, received, now);
        if (_loop.Log is not null) WriteLine(now, sent, received, termination, reason);
        _endpoint?.End();
        _group?.State.End();
    }

    private void Count(int thing, long sent, long received, long now)
    {
        var counters = _loop.Counters;
        counters.Add(thing, Counter.RequestsEnded);
        counters.Add(thing, Counter.BytesOut, sent);
        counters.Add(thing, Counter.BytesIn, received);
        counters.Add(thing, Counter.Milliseconds, now - _beganAt);
    }

    private void WriteLine(long now, long sent, long received, Termination termination, int reason)
    {
        var endpoint = _endpoint ?? _failedEndpoint;
        _loop.Log!.Write(new SessionRecord
        {
            Client = _peer,
            BeganAt = _beganAt,
            Listener = _model.LogName,
            Group = _group is null ? default : _group.LogName,
            Endpoint = endpoint is null ? default : endpoint.LogName,
            QueueTime = _group is null ? -1 : 0,
            ConnectTime = _connectedAt < 0 ? -1 : _connectedAt - _beganAt,
            TotalTime = now - _beganAt,
            BytesOut = sent,
            BytesIn = received,
            Termination = termination,
            EngineConnections = _loop.EngineConnections,
            ListenerConnections = _listener.Connections,
            GroupActive = _group is null ? 0 : _group.State.Active - 1,
            EndpointActive = _endpoint is null ? 0 : _endpoint.Active - 1,
            Retries = _retries,
            Redispatched = _redispatched,
            Reason = reason,
        });
    }
}
