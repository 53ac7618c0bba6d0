using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Streams;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Http1;

/// <summary>After 101: bytes in both directions, whatever they are, and each side may end by itself (RFC 9110 §7.8).</summary>
internal sealed partial class HttpSession
{
    private long _tunnelFrom;

    private void BeginTunnel(ReadOnlySpan<byte> bytes)
    {
        var head = loop.Response;
        var output = loop.Loop.Output.AsSpan();
        var length = HeadComposer.Response(output, head, bytes, BodyFraming.None, close: false, keepAlive: false, upgrade: true, date: default);
        _responseBegun = _responseDone = true;
        _tunnelFrom = _client.BytesIn - (_end - _body);
        _responseHeadAt = loop.Loop.Now;
        _status = 101;
        _keepAlive = false;
        loop.Counters.Add(_endpoint!.Index, Counter.Status1xx);
        var early = bytes[head.Length..];
        early.CopyTo(output[length..]);
        _ = _client.Send(output[..(length + early.Length)]);
        ReturnResponseBuffer();

        // What the client sent behind its request was meant for the other protocol.
        if (_end > _body)
        {
            _ = _upstream!.Stream.Send(_buffer.AsSpan(_body, _end - _body));
            _end = _body;
        }

        _phase = Phase.Tunnel;
        SetPhaseDeadline(_group!.TunnelMilliseconds);
    }

    private bool PumpTunnel()
    {
        var upstream = _upstream!.Stream;
        var before = _client.BytesIn + upstream.BytesIn;
        var progress = Relay.Pump(_client, upstream, loop.Loop.Input) | Relay.Pump(upstream, _client, loop.Loop.Input);
        if (_client.BytesIn + upstream.BytesIn != before) SetPhaseDeadline(_group!.TunnelMilliseconds);
        if (upstream.IsBroken ? progress || _client.HasPending : !(_client.SendEnded && upstream.SendEnded)) return progress; // What came before it broke is passed on.
        if (upstream.IsBroken) _termination = Termination.Server('D');
        Record();
        Close(reset: upstream.IsBroken);
        return false;
    }
}
