using Gatehouse.Linux.OpenSsl;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Balancing;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Wire;
using Gatehouse.Wire.ProxyProtocol;

namespace Gatehouse.Proxy.Tcp;

/// <summary>From a group to a connection with one of its endpoints.</summary>
internal sealed partial class TcpSession
{
    private UpstreamModel? _group;
    private EndpointModel? _endpoint;
    private EndpointModel? _failedEndpoint;
    private int _triesLeft;

    private void Connect(UpstreamModel group)
    {
        _group = group;
        group.State.Begin();
        _triesLeft = group.Config.Retries;
        TryEndpoint(group.Choose());
    }

    private void TryEndpoint(EndpointModel? endpoint)
    {
        _endpoint = endpoint;
        if (endpoint is null)
        {
            Refuse(Refusal.NoEndpoint, Termination.Server('C'));
            return;
        }

        _loop.Counters.Add(endpoint.Index, Counter.Requests);
        endpoint.Begin();
        _phase = Phase.Connect;
        SetDeadline(_group!.ConnectMilliseconds);
        var outcome = Open(endpoint.Address);
        if (outcome == 0) Connected();
        else if (outcome != SocketCalls.EInProgress) ConnectFailed(outcome);
    }

    private int Open(in SocketEndPoint address)
    {
        var fd = SocketCalls.OpenStream(address);
        if (fd < 0) return fd;
        SocketCalls.SendAtOnce(fd);
        var outcome = SocketCalls.Connect(fd, address);
        if (outcome is < 0 and not SocketCalls.EInProgress)
        {
            SocketCalls.Close(fd);
            return outcome;
        }

        if (!_upstream.Open(fd, connected: outcome == 0, isClient: true)) return -(int)Linux.Errno.ENOSPC;
        _loop.Counters.Add(_endpoint!.Index, Counter.Connections);
        return outcome;
    }

    /// <summary>Either stream changed before the relay began.</summary>
    private void AdvanceToUpstream()
    {
        if (_client.IsBroken) ClientBroke('C');
        else if (_phase == Phase.Handshake) Handshake();
        else if (_upstream.CanWrite || _upstream.IsBroken)
        {
            var outcome = _upstream.TakeConnectOutcome();
            if (outcome < 0) ConnectFailed(outcome);
            else Connected();
        }
    }

    private void Connected()
    {
        var length = WriteProxyHeader(_loop.Loop.Output);
        if (_group!.Tls is { } tls)
        {
            if (length > 0) _ = _upstream.Send(_loop.Loop.Output.AsSpan(0, length));
            if (tls.Peer(_endpoint!.Index, default) is { } peer && TlsSession.Connect(peer, _loop.Loop.Tls) is { } session)
            {
                _upstream.Secure(session);
                _phase = Phase.Handshake;
                Handshake();
            }
            else
            {
                ConnectFailed(SocketCalls.EConnectionReset);
            }

            return;
        }

        // One packet for the header and what the client has said.
        var output = _loop.Loop.Output.AsSpan();
        _early.AsSpan(0, _earlyLength).CopyTo(output[length..]);
        BeginRelay(output[..(length + _earlyLength)]);
    }

    private void Handshake()
    {
        var status = _upstream.Handshake();
        if (status == TlsStatus.Done) BeginRelay(_early.AsSpan(0, _earlyLength));
        else if (status == TlsStatus.Failed || _upstream.IsBroken) ConnectFailed(SocketCalls.EConnectionReset);
    }

    private void BeginRelay(ReadOnlySpan<byte> first)
    {
        _phase = Phase.Relay;
        _connectedAt = _clientHeardAt = _upstreamHeardAt = _loop.Loop.Now;
        if (!first.IsEmpty) _ = _upstream.Send(first);
        DropEarly();
        _toUpstream.Begin(_client, _upstream);
        _toClient.Begin(_upstream, _client);
    }

    private void ConnectFailed(int error)
    {
        _loop.Counters.Add(_endpoint!.Index, Counter.ConnectErrors);
        var failed = _endpoint;
        var reason = _phase != Phase.Handshake ? Refusal.ConnectFailed
            : _upstream.Tls?.LastFault.Kind == TlsFaultKind.Certificate ? Refusal.UpstreamCertificate
            : Refusal.UpstreamHandshakeFailed;
        DropUpstream(reset: false);
        failed.End();
        _loop.Counters.Add(failed.Index, Counter.RequestsEnded);
        _group = _group!.State.Current; // What it was at first may be gone, and with it what TLS is spoken with.
        if (_triesLeft-- > 0 && _group.Choose(except: failed) is { } other && other != failed)
        {
            _retries++;
            _redispatched = true;
            _loop.Counters.Add(other.Index, Counter.Retries);
            TryEndpoint(other);
            return;
        }

        _endpoint = null;
        _failedEndpoint = failed;
        if (error == -(int)Linux.Errno.ETIMEDOUT) Refuse(Refusal.ConnectTimeout, Termination.ServerTimeout('C'));
        else if (SocketCalls.IsOwnLack(error)) Refuse(Refusal.ConnectFailed, Termination.Resource('C'));
        else Refuse(reason, Termination.Server('C'));
    }

    /// <summary>Writes what the connection begins with. The length; 0 where nothing is asked for.</summary>
    private int WriteProxyHeader(Span<byte> into)
    {
        var version = _group!.Config.ProxyProtocol;
        if (version == ProxyProtocolVersion.None) return 0;
        if (!_local.IsSet) _ = SocketCalls.LocalAddress(_client.Fd, out _local);
        var header = new ProxyHeader
        {
            Command = ProxyCommand.Proxy,
            Source = new WireEndPoint(_peer.Address, (ushort)_peer.Port),
            Destination = new WireEndPoint(_local.Address, (ushort)_local.Port),
        };
        return version == ProxyProtocolVersion.V1 ? ProxyHeaderWriter.WriteLine(into, header) : ProxyHeaderWriter.WriteBinary(into, header, default);
    }

    private void DropUpstream(bool reset)
    {
        if (!_upstream.IsOpen) return;
        _loop.Counters.Add(_endpoint!.Index, Counter.ConnectionsClosed);
        _upstream.Close(reset);
    }
}
