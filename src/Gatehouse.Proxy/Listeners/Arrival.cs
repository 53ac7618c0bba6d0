using Gatehouse.Linux.OpenSsl;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Engine;
using Gatehouse.Proxy.Routing;
using Gatehouse.Proxy.Streams;
using Gatehouse.Wire.ProxyProtocol;
using Gatehouse.Wire.Tls;

namespace Gatehouse.Proxy.Listeners;

/// <summary>
/// A connection before what it speaks begins: the PROXY header, the TLS handshake or the hello that is passed on unread, within one time-out. Then a session goes on with it.
/// <code>
/// [PROXY header] -> [TLS handshake | hello] -> HTTP or TCP
/// </code>
/// </summary>
internal sealed class Arrival(EngineLoop loop) : ClientSession, IStreamOwner
{
    private ByteStream _client = null!;
    private ListenerState _listener = null!;
    private ListenerModel _model = null!;
    private SocketEndPoint _peer;
    private SocketEndPoint _local;
    private byte[]? _buffer;
    private int _length;
    private ClientHelloReader _hello;
    private Step _step;

    private enum Step
    {
        Gone,
        ProxyHeader,
        Handshake,
        Hello,
    }

    /// <inheritdoc/>
    public override ListenerState Listener => _listener;

    /// <summary>Begins with a connection that was accepted.</summary>
    public void Begin(ByteStream client, ListenerState listener, in SocketEndPoint peer)
    {
        (_client, _listener, _model, _peer) = (client, listener, listener.Current, peer);
        _local = default;
        SocketCalls.SendAtOnce(client.Fd);
        if (_model.HandshakeMilliseconds is > 0 and var limit) loop.Loop.Timers.Set(this, loop.Loop.Now + limit);
        if (_model.ProxySources.Length == 0) AfterProxyHeader();
        else if (ListenerModel.Contains(_model.ProxySources, peer)) _step = Step.ProxyHeader;
        else
        {
            Refuse(RefusalReasons.Of(Refusal.ProxyHeaderUntrusted), Termination.Proxy('R'));
            return;
        }

        OnStream();
    }

    /// <inheritdoc/>
    public void OnStream()
    {
        switch (_step)
        {
            case Step.ProxyHeader:
                ReadProxyHeader();
                break;
            case Step.Handshake:
                Handshake();
                break;
            case Step.Hello:
                ReadHello();
                break;
        }
    }

    /// <inheritdoc/>
    public override void OnTimeout() => Refuse(RefusalReasons.Of(Refusal.HandshakeTimeout), Termination.ClientTimeout('R'));

    /// <inheritdoc/>
    public override void Drain()
    {
        // Its time-out is short, and its client is about to ask.
    }

    /// <inheritdoc/>
    public override void CutOff() => Refuse(RefusalReasons.Of(Refusal.DrainDeadline), Termination.Killed('R'));

    /// <summary>Only as much is read as the header may be long: what is behind it is for TLS, which reads for itself.</summary>
    private void ReadProxyHeader()
    {
        _buffer ??= loop.Loop.Buffers.RentSmall();
        var count = _client.Peek(_buffer.AsSpan(0, ProxyHeaderReader.DefaultMaxLength));
        if (count == SocketCalls.EAgain) return;
        if (count <= 0)
        {
            Close();
            return;
        }

        var status = ProxyHeaderReader.Read(_buffer.AsSpan(0, count), out var header, out var consumed, out _);
        if (status == ProxyStatus.Incomplete)
        {
            if (_client.PeerClosed) Close();
            return;
        }

        if (status == ProxyStatus.Invalid)
        {
            Refuse(RefusalReasons.Of(Refusal.ProxyHeaderInvalid), Termination.Proxy('R'));
            return;
        }

        _ = _client.Receive(_buffer.AsSpan(0, consumed));
        ReturnBuffer();
        if (header.HasAddresses)
        {
            _peer = new SocketEndPoint(header.Source.Address, header.Source.Port);
            _local = new SocketEndPoint(header.Destination.Address, header.Destination.Port);
        }

        AfterProxyHeader();
        OnStream();
    }

    private void AfterProxyHeader()
    {
        switch (_model.Config.Protocol)
        {
            case ListenerProtocol.Https or ListenerProtocol.Tls:
                _step = Step.Handshake;
                _model = _listener.Current; // The one before may be gone, and with it what TLS is spoken with.
                if (_model.Tls is { } tls && TlsSession.Accept(tls.Context, loop.Loop.Tls) is { } session) _client.Secure(session);
                else Refuse(RefusalReasons.Of(Refusal.ServerNameUnknown), Termination.Proxy('R'));
                break;
            case ListenerProtocol.TlsPassthrough:
                _step = Step.Hello;
                _hello = default;
                break;
            default:
                GoOn(_model.Default, default);
                break;
        }
    }

    private void Handshake()
    {
        switch (_client.Handshake())
        {
            case TlsStatus.Done:
                GoOn(RouteOf(_client.Tls!.ServerName), default);
                break;
            case TlsStatus.Failed:
                Refuse(RefusalReasons.Of(_client.Tls!.LastFault.Kind switch
                {
                    TlsFaultKind.UnknownName => Refusal.ServerNameUnknown,
                    TlsFaultKind.Certificate => Refusal.ClientCertificate,
                    _ => Refusal.HandshakeFailed,
                }), Termination.Proxy('R'));
                break;
            default:
                if (_client.IsBroken || (_client.PeerClosed && !_client.CanRead)) Close();
                break;
        }
    }

    private void ReadHello()
    {
        _buffer ??= loop.Loop.Buffers.RentLarge();
        while (true)
        {
            var count = _client.Receive(_buffer.AsSpan(_length, ClientHelloReader.MaxBytes - _length + 1));
            if (count == SocketCalls.EAgain) return;
            if (count <= 0)
            {
                Close();
                return;
            }

            _length += count;
            var status = _hello.Read(_buffer.AsSpan(0, _length), loop.PathScratch, out var hello);
            if (status == HelloStatus.Incomplete && _length <= ClientHelloReader.MaxBytes) continue;
            if (status != HelloStatus.Complete) Refuse(RefusalReasons.Of(Refusal.HelloInvalid), Termination.Proxy('R'));
            else if (RouteOf(hello.Name(loop.PathScratch)) is { } route) GoOn(route, _buffer.AsSpan(0, _length));
            else Refuse(RefusalReasons.Of(Refusal.ServerNameUnknown), Termination.Server('C'));
            return;
        }
    }

    private RouteModel? RouteOf(ReadOnlySpan<byte> serverName) =>
        (serverName.IsEmpty ? null : _model.ServerNames?.Find(serverName)) ?? _model.Default;

    /// <summary>What it speaks begins.</summary>
    private void GoOn(RouteModel? route, ReadOnlySpan<byte> early)
    {
        loop.Loop.Timers.Cancel(this);
        _step = Step.Gone;
        var (client, listener, peer, local) = (_client, _listener, _peer, _local);
        loop.Begin(client, listener, peer, local, route, early);
        ReturnBuffer();
        loop.Recycle(this);
    }

    private void Refuse(int reason, Termination termination)
    {
        loop.Counters.AddReason(reason);
        loop.Counters.Add(_listener.Counter, Counter.Refused);
        loop.Log?.WriteRefused(_peer, _model.LogName, termination, reason, loop.Loop.Now);
        Close();
    }

    private void Close()
    {
        if (_step == Step.Gone && !_client.IsOpen) return;
        loop.Loop.Timers.Cancel(this);
        _step = Step.Gone;
        ReturnBuffer();
        _client.Close();
        loop.Closed(_listener, _client);
        loop.Recycle(this);
    }

    private void ReturnBuffer()
    {
        _length = 0;
        if (_buffer is null) return;
        loop.Loop.Buffers.Return(_buffer);
        _buffer = null;
    }
}
