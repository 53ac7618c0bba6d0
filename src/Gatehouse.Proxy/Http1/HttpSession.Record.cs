using Gatehouse.Proxy.Access;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Http1;

/// <summary>When what happened, for counters and the access log.</summary>
internal sealed partial class HttpSession
{
    private long _acceptedAt;
    private long _idleSince;
    private long _firstByteAt;
    private long _headAt;
    private long _connectedAt;
    private long _headSentAt;
    private long _requestSentAt;
    private long _responseHeadAt;
    private long _bytesOutBefore;
    private int _retries;
    private bool _redispatched;
    private bool _isBadRequest;
    private bool _isRecorded;
    private Termination _termination;
    private int _reason;
    private Place _host;

    private void BeginRecord()
    {
        _headAt = loop.Loop.Now;
        _connectedAt = _headSentAt = _requestSentAt = _responseHeadAt = -1;
        _bytesOutBefore = _client.BytesOut;
        _retries = _reason = 0;
        _redispatched = _isBadRequest = _isRecorded = false;
        _termination = Termination.Normal;
        (_route, _group, _endpoint, _failedEndpoint) = (null, null, null, null);
    }

    private void RecordBadRequest(int status, Termination termination, int reason)
    {
        _requests++;
        BeginRecord();
        loop.Counters.Add(_listener.Counter, Counter.Requests);
        loop.Counters.AddReason(reason);
        (_status, _termination, _reason, _isBadRequest) = (status, termination, reason, true);
        Record();
    }

    /// <summary>The request has ended, well or not: counts it, writes its line, and gives up its places.</summary>
    private void Record()
    {
        if (_isRecorded) return;
        _isRecorded = true;
        var now = loop.Loop.Now;
        var sent = _client.BytesOut - _bytesOutBefore;
        var received = _isBadRequest ? _end - _start : _headLength + (_phase == Phase.Tunnel ? _client.BytesIn - _tunnelFrom : _request.Bytes);
        Count(_listener.Counter, sent, received, now);
        if (_route is not null) Count(_route.Counter, sent, received, now);
        if (_endpoint is not null) Count(_endpoint.Index, sent, received, now);
        if (loop.Log is not null) WriteLine(now, sent, received);
        _endpoint?.End();
        _group?.State.End();
    }

    private void Count(int thing, long sent, long received, long now)
    {
        var counters = loop.Counters;
        counters.Add(thing, Counter.RequestsEnded);
        counters.Add(thing, Counter.BytesOut, sent);
        counters.Add(thing, Counter.BytesIn, received);
        counters.Add(thing, Counter.Milliseconds, now - _firstByteAt);
        if (_status is >= 200 and < 600) counters.Add(thing, Counter.Status1xx + (_status / 100) - 1);
    }

    private void WriteLine(long now, long sent, long received)
    {
        var bytes = _buffer is null ? default : _buffer.AsSpan(_start, _end - _start);
        var endpoint = _endpoint ?? _failedEndpoint;
        loop.Log!.Write(new RequestRecord
        {
            Client = _peer,
            BeganAt = _requests <= 1 && _isBadRequest ? _acceptedAt : _firstByteAt,
            Listener = _model.LogName,
            Route = _route is null ? default : _route.LogName,
            Group = _group is null ? default : _group.LogName,
            Endpoint = endpoint is null ? default : endpoint.LogName,
            HeadTime = _isBadRequest ? -1 : _headAt - _firstByteAt,
            QueueTime = endpoint is null ? -1 : 0,
            ConnectTime = _connectedAt < 0 ? -1 : _connectedAt - _headAt,
            ResponseTime = _responseHeadAt < 0 ? -1 : _responseHeadAt - Math.Max(_connectedAt, _requestSentAt),
            TotalTime = now - _firstByteAt,
            Status = _status == 0 ? -1 : _status,
            BytesOut = sent,
            BytesIn = received,
            Termination = _termination,
            EngineConnections = loop.EngineConnections,
            ListenerConnections = _listener.Connections,
            GroupActive = _group is null ? 0 : _group.State.Active - 1,
            EndpointActive = _endpoint is null ? 0 : _endpoint.Active - 1,
            Retries = _retries,
            Redispatched = _redispatched,
            RequestLine = _isBadRequest ? default : RequestLine(bytes),
            Host = _isBadRequest || bytes.IsEmpty ? default : _host.In(bytes),
            Reason = _reason,
        });
    }

    private static ReadOnlySpan<byte> RequestLine(ReadOnlySpan<byte> bytes)
    {
        if (bytes.StartsWith("\r\n"u8)) bytes = bytes[2..];
        var end = bytes.IndexOf((byte)'\r');
        return end < 0 ? bytes : bytes[..end];
    }
}
