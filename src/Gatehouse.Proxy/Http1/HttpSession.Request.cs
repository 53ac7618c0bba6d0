using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Loops;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Http1;

/// <summary>A request's body on its way to the upstream.</summary>
internal sealed partial class HttpSession
{
    /// <summary>After so long a body must have come with the least rate.</summary>
    private const long BodyGraceMilliseconds = 10_000;

    private bool PumpRequest()
    {
        if (_request.IsDone || !_upstreamReady || _requestLost || _phase != Phase.Exchange) return false;
        var upstream = _upstream!.Stream;
        if (upstream.HasPending)
        {
            if (_stalledAt < 0) _stalledAt = loop.Loop.Now;
            return false;
        }

        if (_stalledAt >= 0) EndStall();
        if (_end > _body) return PumpBuffered();
        if (!_client.CanRead) return false;
        var input = loop.Loop.Input;
        var count = _client.Receive(input.AsSpan(Loop.Headroom, _request.ReadSize(Loop.ReadSize)));
        if (count == SocketCalls.EAgain) return false;
        if (count <= 0)
        {
            ClientEndedInBody();
            return false;
        }

        if (!_request.Read(input.AsSpan(Loop.Headroom, count), out var consumed, out var produced))
        {
            RefuseBody(400, RefusalReasons.Of(_request.Fault));
            return true;
        }

        if (consumed < count) Stash(input.AsSpan(Loop.Headroom + consumed, count - consumed));
        if (!WithinLimit() || IsTooSlow()) return true;
        if (produced > 0 || _request.IsDone) _ = upstream.Send(BodyWriter.Frame(input, Loop.Headroom, produced, _request.Framing == BodyFraming.Chunked, _request));
        AfterRequestBytes();
        return true;
    }

    private bool PumpBuffered()
    {
        if (!TakeBuffered(out var at, out var produced)) return true;
        var output = loop.Loop.Output.AsSpan();
        var length = BodyWriter.Write(output, _buffer.AsSpan(at, produced), _request.Framing == BodyFraming.Chunked, _request);
        if (length > 0) _ = _upstream!.Stream.Send(output[..length]);
        AfterRequestBytes();
        return true;
    }

    /// <summary>Reads what of the body is in the head's buffer. False: it was refused.</summary>
    private bool TakeBuffered(out int at, out int produced)
    {
        at = _body;
        if (!_request.Read(_buffer.AsSpan(_body, _end - _body), out var consumed, out produced))
        {
            RefuseBody(400, RefusalReasons.Of(_request.Fault));
            return false;
        }

        _body += consumed;
        return WithinLimit();
    }

    private bool WithinLimit()
    {
        if (_bodyLimit <= 0 || _request.Bytes <= _bodyLimit) return true;
        RefuseBody(413, RefusalReasons.Of(Refusal.BodyTooLarge));
        return false;
    }

    private void AfterRequestBytes()
    {
        if (_upstream is { Stream.IsBroken: true })
        {
            // It may have answered before it closed: what it said is still to be read.
            _requestLost = true;
        }

        if (_awaitsContinue && _request.Bytes > 0) BodyIsDue();
        _activeAt = _bodyByteAt = loop.Loop.Now;
        if (_request.IsDone) _requestSentAt = loop.Loop.Now;
        _phaseDeadline = ExchangeDeadline();
    }

    /// <summary>From now on the client has to send: it was told to go on, or goes on by itself.</summary>
    private void BodyIsDue()
    {
        _awaitsContinue = false;
        _bodySince = _bodyByteAt = loop.Loop.Now;
    }

    /// <summary>The upstream takes bytes again: while it did not, the client could not send any.</summary>
    private void EndStall()
    {
        _bodySince += loop.Loop.Now - _stalledAt;
        _stalledAt = -1;
        _activeAt = _bodyByteAt = loop.Loop.Now;
        _phaseDeadline = ExchangeDeadline();
    }

    /// <summary>The client may be silent for so long, and not so long that it goes below the least rate unseen.</summary>
    private long NextBodyWait()
    {
        var idle = _model.IdleMilliseconds;
        return _model.Config.Limits.MinBodyRate > 0 ? Math.Min(idle > 0 ? idle : long.MaxValue, BodyGraceMilliseconds) : idle;
    }

    private bool IsBodyTooSlow()
    {
        var elapsed = loop.Loop.Now - _bodySince;
        return _model.Config.Limits.MinBodyRate is > 0 and var rate && elapsed >= BodyGraceMilliseconds && _request.Bytes < rate * (elapsed / 1_000);
    }

    /// <summary>A byte now and then is below the least rate as well as none. Once the response has begun the client may be waiting for more of that.</summary>
    private bool IsTooSlow()
    {
        if (_request.IsDone || _responseBegun || _awaitsContinue || !IsBodyTooSlow()) return false;
        Refuse(408, Refusal.BodyTooSlow, Termination.ClientTimeout('H'));
        return true;
    }

    /// <summary>Keeps what came behind a body: the next request, which was sent before this one's response.</summary>
    private void Stash(ReadOnlySpan<byte> bytes)
    {
        // Of what is kept the head alone is still needed. Without what came of the body with it there is room for all that one read brings.
        _end = _body = _start + _headLength;
        MakeRoom(bytes.Length);
        bytes.CopyTo(_buffer.AsSpan(_end));
        _end += bytes.Length;
    }

    private void ClientEndedInBody()
    {
        loop.Counters.Add(_listener.Counter, Counter.Aborted);
        loop.Counters.AddReason(RefusalReasons.Of(Refusal.ClientClosed));
        if (_status == 0) _status = 400;
        _termination = Termination.Client(_responseBegun ? 'D' : 'H');
        Record();
        Close();
    }

    private void RefuseBody(int status, int reason)
    {
        if (!_responseBegun)
        {
            Refuse(status, reason, Termination.Proxy(_upstreamReady ? 'H' : 'R'));
            return;
        }

        CutOff(reason, Termination.Proxy('D'));
    }
}
