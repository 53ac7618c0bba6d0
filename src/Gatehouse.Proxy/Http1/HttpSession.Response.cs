using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Loops;
using Gatehouse.Proxy.Routing;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Http1;

/// <summary>A response on its way to the client.</summary>
internal sealed partial class HttpSession
{
    private const int MostInformational = 16;

    /// <summary>An upstream's head may be larger than a client's.</summary>
    private static readonly HeadLimits ResponseLimits = new(8_192, 61_440, 1_000);

    private BodyReader _response;
    private BodyMover _mover;
    private byte[]? _responseBuffer;
    private int _responseLength;
    private HeadScan _responseScan;
    private long _responseBytes;
    private bool _responseBegun;
    private bool _responseDone;
    private bool _responseChunked;
    private bool _upstreamKeeps;
    private int _informational;
    private int _status;

    private void BeginResponse()
    {
        _responseScan = default;
        _responseLength = _informational = _status = 0;
        _responseBytes = 0;
        _responseBegun = _responseDone = _responseChunked = _upstreamKeeps = false;
    }

    private bool PumpResponse()
    {
        if (!_upstreamReady || _responseDone || _phase != Phase.Exchange || _client.HasPending) return false;
        if (!_upstream!.Stream.CanRead && !_mover.IsStuck) return false;
        return _responseBegun ? PumpResponseBody() : ReadResponseHead();
    }

    private bool ReadResponseHead()
    {
        var buffer = _responseBuffer ?? loop.Loop.Input;
        var at = _responseBuffer is null ? Loop.Headroom : 0;
        var count = _upstream!.Stream.Receive(buffer.AsSpan(at + _responseLength, Math.Min(Loop.ReadSize, buffer.Length - at - _responseLength - Loop.Headroom)));
        if (count == SocketCalls.EAgain) return false;
        if (count <= 0)
        {
            UpstreamEndedBeforeResponse();
            return true;
        }

        _responseBytes += count;
        return ReadHeads(buffer, at, _responseLength + count);
    }

    /// <summary>Interim responses, of which there may be several, and the final one.</summary>
    private bool ReadHeads(byte[] buffer, int at, int length)
    {
        while (true)
        {
            switch (loop.Response.Read(buffer.AsSpan(at, length), ref _responseScan, ResponseLimits, _isHead))
            {
                case HeadStatus.Incomplete:
                    KeepResponse(buffer.AsSpan(at, length));
                    return _upstream!.Stream.CanRead;
                case HeadStatus.Invalid:
                    loop.Counters.Add(_endpoint!.Index, Counter.ResponseErrors);
                    Refuse(502, RefusalReasons.Of(loop.Response.Fault), Termination.Proxy('H'));
                    return true;
            }

            if (loop.Response.Status >= 200)
            {
                BeginBody(buffer, at, length);
                return true;
            }

            if (!PassInformational(buffer.AsSpan(at, length)) || _phase != Phase.Exchange) return true;
            at += loop.Response.Length;
            length -= loop.Response.Length;
            _responseScan = default;
            if (length == 0)
            {
                KeepResponse(default);
                return _upstream!.Stream.CanRead;
            }
        }
    }

    /// <summary>100, 103 and their like are for clients that know them; 101 makes a tunnel of the connection.</summary>
    private bool PassInformational(ReadOnlySpan<byte> bytes)
    {
        var head = loop.Response;
        if (head.Status == 101)
        {
            if (_wantsUpgrade && head.UpgradeIndex >= 0) BeginTunnel(bytes);
            else Refuse(502, Refusal.UnexpectedUpgrade, Termination.Proxy('H'));
            return false;
        }

        if (++_informational > MostInformational)
        {
            Refuse(502, Refusal.TooManyInformational, Termination.Proxy('H'));
            return false;
        }

        loop.Counters.Add(_endpoint!.Index, Counter.Status1xx);
        if (head.Status == 100 && _awaitsContinue)
        {
            BodyIsDue();
            _phaseDeadline = ExchangeDeadline();
        }

        if (_isHttp10) return true;
        var length = HeadComposer.Response(loop.Loop.Output, head, bytes, BodyFraming.None, close: false, keepAlive: false, upgrade: false, date: default);
        _ = _client.Send(loop.Loop.Output.AsSpan(0, length));
        return true;
    }

    private void BeginBody(byte[] buffer, int at, int length)
    {
        var head = loop.Response;
        _responseBegun = true;
        _responseHeadAt = loop.Loop.Now;
        _status = head.Status;
        _upstreamKeeps = head.KeepsAlive;
        _response.Begin(head, loop.Trailers);

        // HTTP/1.0 knows no chunks: what has no length ends with the connection.
        var unknown = head.Framing is BodyFraming.Chunked or BodyFraming.UntilClose;
        _responseChunked = unknown && !_isHttp10;
        var framing = _responseChunked ? BodyFraming.Chunked : unknown ? BodyFraming.UntilClose : head.Framing;

        // A client that is answered before it has sent all may stop there: nothing after this can be told from the rest of it.
        if (framing == BodyFraming.UntilClose || IsEnding || !_request.IsDone) _keepAlive = false;
        var output = loop.Loop.Output.AsSpan();
        var total = HeadComposer.Response(output, head, buffer.AsSpan(at, length), framing, close: !_keepAlive, keepAlive: _keepAlive && _isHttp10, upgrade: false, loop.Date.Value);
        var rest = buffer.AsSpan(at + head.Length, length - head.Length);
        if (!_response.IsDone && rest.Length > 0)
        {
            if (!_response.Read(rest, out var consumed, out var produced))
            {
                // The head is not on its way yet, so that the client can still be told.
                _responseBegun = false;
                loop.Counters.Add(_endpoint!.Index, Counter.ResponseErrors);
                Refuse(502, RefusalReasons.Of(_response.Fault), Termination.Proxy('D'));
                return;
            }

            total += BodyWriter.Write(output[total..], rest[..produced], _responseChunked, _response);
            rest = rest[consumed..];
        }

        if (rest.Length > 0 && _response.IsDone) _upstreamKeeps = false; // Bytes that nobody asked for: they would be taken for the next response.
        ReturnResponseBuffer();
        _ = _client.Send(output[..total]);
        AfterResponseBytes();
    }

    /// <summary>A large body of known length never comes to this process.</summary>
    private bool MoveResponseBody()
    {
        var upstream = _upstream!.Stream;
        if (_mover.Move(upstream, _client, _response.Left) is not { } count) return CopyResponseBody();
        if (count > 0)
        {
            _responseBytes += count;
            _response.Skip(count);
        }
        else if (count != SocketCalls.EAgain)
        {
            EndOfUpstream(count);
            return true;
        }

        if (_mover.IsStuck)
        {
            if (count > 0) AwaitClient(); // Woken by anything else it has not taken more: its time-out is not put off.
            return false;
        }

        _mover.Rest(_client);
        if (count == SocketCalls.EAgain && !_response.IsDone) return false;
        if (_response.IsDone) _ = upstream.Peek(loop.Loop.Input.AsSpan(0, 1)); // Whether there is more than it said.
        AfterResponseBytes();
        return true;
    }

    private bool PumpResponseBody() => _mover.IsStuck || BodyMover.Suits(_response, _upstream!.Stream, _client) ? MoveResponseBody() : CopyResponseBody();

    private bool CopyResponseBody()
    {
        var input = loop.Loop.Input;
        var count = _upstream!.Stream.Receive(input.AsSpan(Loop.Headroom, _response.ReadSize(Loop.ReadSize)));
        if (count == SocketCalls.EAgain) return false;
        if (count <= 0)
        {
            EndOfUpstream(count);
            return true;
        }

        _responseBytes += count;
        if (!_response.Read(input.AsSpan(Loop.Headroom, count), out var consumed, out var produced))
        {
            loop.Counters.Add(_endpoint!.Index, Counter.ResponseErrors);
            CutOff(RefusalReasons.Of(_response.Fault), Termination.Proxy('D'));
            return true;
        }

        if (consumed < count) _upstreamKeeps = false;
        if (produced > 0 || _response.IsDone) _ = _client.Send(BodyWriter.Frame(input, Loop.Headroom, produced, _responseChunked, _response));
        AfterResponseBytes();
        return true;
    }

    private void AfterResponseBytes()
    {
        _activeAt = loop.Loop.Now;
        if (_response.IsDone) EndResponse();
        else if (_client.HasPending) AwaitClient();
        else _phaseDeadline = ExchangeDeadline();
    }

    private void EndOfUpstream(int count)
    {
        if (count == 0 && _response.End())
        {
            if (_responseChunked) _ = _client.Send(BodyWriter.Frame(loop.Loop.Input, Loop.Headroom, 0, chunked: true, _response));
            EndResponse();
            return;
        }

        loop.Counters.Add(_endpoint!.Index, Counter.ResponseErrors);
        CutOff(RefusalReasons.Of(Refusal.ResponseCutOff), Termination.Server('D'));
    }

    private void UpstreamEndedBeforeResponse()
    {
        if (TryStaleRetry()) return;
        loop.Counters.Add(_endpoint!.Index, Counter.ResponseErrors);
        Refuse(502, Refusal.UpstreamClosed, Termination.Server('H'));
    }

    /// <summary>All of the response is read. The upstream's connection is for others at once; the client may still have to take the rest.</summary>
    private void EndResponse()
    {
        _responseDone = true;
        if (!_request.IsDone) _keepAlive = false; // It answered without having read everything.
        if (_upstreamKeeps && _request.IsDone && _upstream!.Stream is { HasPending: false, PeerClosed: false, IsBroken: false, CanRead: false }) ReleaseUpstream();
        else DropUpstream(); // With CanRead there may be bytes that nobody asked for, of which no event tells any more.
        _phase = Phase.Flush;
        AwaitClient();
    }

    /// <summary>The response is with the client's kernel: on to the next request, or the end.</summary>
    private bool Finish()
    {
        Record();
        _request.Reset();
        _response.Reset();
        _mover.Reset(_client);
        if (!_keepAlive)
        {
            BeginClose();
            return true;
        }

        _start = _body;
        ReturnBuffer();
        if (_end > _start)
        {
            AwaitRequest(_model.HeaderMilliseconds);
            BeginRequestClock();
        }
        else if (_client.CanRead || _pinned is not null || _isClientCounted)
        {
            _idleSince = loop.Loop.Now;
            AwaitRequest(_model.KeepAliveMilliseconds);
        }
        else
        {
            Park();
            return false;
        }

        return _client.CanRead || _end > _start;
    }

    private void KeepResponse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            ReturnResponseBuffer();
            return;
        }

        var needed = bytes.Length + (2 * Loop.Headroom);
        if (_responseBuffer is null || _responseBuffer.Length < needed + 1_024)
        {
            var larger = needed + 1_024 <= BufferPool.Small ? loop.Loop.Buffers.RentSmall() : loop.Loop.Buffers.RentLarge();
            bytes.CopyTo(larger);
            ReturnResponseBuffer();
            _responseBuffer = larger;
        }
        else
        {
            bytes.CopyTo(_responseBuffer);
        }

        _responseLength = bytes.Length;
    }

    private void ReturnResponseBuffer()
    {
        _responseLength = 0;
        if (_responseBuffer is null) return;
        loop.Loop.Buffers.Return(_responseBuffer);
        _responseBuffer = null;
    }

    private void Answer(FixedAnswer answer)
    {
        _termination = Termination.Local('R');
        SendLocal(answer.Status, answer.Fields, answer.Body);
    }

    private void Refuse(int status, Refusal refusal, Termination termination) => Refuse(status, RefusalReasons.Of(refusal), termination);

    /// <summary>Answers in the upstream's stead, before anything of a response was sent.</summary>
    private void Refuse(int status, int reason, Termination termination)
    {
        loop.Counters.AddReason(reason);
        loop.Counters.Add(_listener.Counter, Counter.Refused);
        (_termination, _reason) = (termination, reason);
        if (status is 400 or 408 or 413) _keepAlive = false;
        SendLocal(status, "content-type: text/plain\r\n"u8, LocalAnswers.Body(status));
    }

    private void SendLocal(int status, ReadOnlySpan<byte> fields, ReadOnlySpan<byte> body)
    {
        DropUpstream();
        ReturnResponseBuffer();
        if (!_request.IsDone) _keepAlive = false; // What the client still sends of it would be taken for a request.
        _status = status;
        _responseBegun = _responseDone = true;
        var length = LocalAnswers.Write(loop.Loop.Output, status, fields, body, _isHead, close: !_keepAlive, keepAlive: _keepAlive && _isHttp10, loop.Date.Value);
        _ = _client.Send(loop.Loop.Output.AsSpan(0, length));
        _phase = Phase.Flush;
        AwaitClient();
    }

    /// <summary>Ends a response that has begun so that the client can't take it for whole.</summary>
    private void CutOff(int reason, Termination termination)
    {
        loop.Counters.AddReason(reason);
        (_termination, _reason) = (termination, reason);
        Record();

        // What has neither length nor chunks ends with the connection: only a reset tells that it was cut off.
        Close(reset: !_responseChunked && _response.Framing is BodyFraming.UntilClose or BodyFraming.Chunked);
    }

    /// <summary>What could not be read as a request.</summary>
    private void RefuseHead(HttpFault fault) => RefuseHead(fault.Status(), RefusalReasons.Of(fault), Termination.Proxy('R'));

    private void RefuseHead(int status, int reason, Termination termination)
    {
        _requests++;
        BeginRecord();
        loop.Counters.Add(_listener.Counter, Counter.Requests);
        BeginResponse();
        _isHead = _isHttp10 = _keepAlive = false;
        _body = _end;
        _isBadRequest = true;
        Refuse(status, reason, termination);
    }
}
