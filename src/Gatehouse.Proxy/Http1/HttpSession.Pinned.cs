using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Balancing;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Streams;
using Gatehouse.Wire;
using Gatehouse.Wire.ProxyProtocol;

namespace Gatehouse.Proxy.Http1;

/// <summary>
/// What concerns one client's address: how many connections it may have, and connections to an upstream that begin with a PROXY header. Those say who the client is once and for all, so
/// that they carry its requests alone: while its connection lasts they are kept with it and never in the pool.
/// </summary>
internal sealed partial class HttpSession
{
    private UpstreamConnection? _pinned;
    private UpstreamModel? _pinnedGroup;
    private bool _isClientCounted;

    /// <summary>The connection that waits for this client's next request ended; it closes itself.</summary>
    public void LosePinned() => (_pinned, _pinnedGroup) = (null, null);

    /// <summary>Where the client's connection leads already; none when it is for another group, or that has changed.</summary>
    private EndpointModel? PinnedEndpoint()
    {
        if (_pinned is not { } pinned) return null;
        if (_pinnedGroup == _group) return pinned.Endpoint;
        DropPinned();
        return null;
    }

    private UpstreamConnection? TakeIdle(EndpointModel endpoint)
    {
        if (_group!.Config.ProxyProtocol == ProxyProtocolVersion.None) return loop.Upstreams.Take(endpoint, _tlsPeer);
        var pinned = _pinned;
        LosePinned();
        return pinned;
    }

    /// <summary>The upstream's connection is for another request: of anyone, or of this client if it is pinned to it.</summary>
    private void ReleaseUpstream()
    {
        var upstream = _upstream!;
        if (_group!.Config.ProxyProtocol == ProxyProtocolVersion.None)
        {
            (_upstream, _upstreamReady) = (null, false);
            upstream.Release(_group);
        }
        else if (_keepAlive && _group.Config.MaxIdleConnections > 0)
        {
            (_upstream, _upstreamReady) = (null, false);
            (_pinned, _pinnedGroup) = (upstream, _group);
            upstream.Wait(this, _group);
        }
        else
        {
            DropUpstream();
        }
    }

    private void DropPinned()
    {
        if (_pinned is not { } pinned) return;
        LosePinned();
        pinned.Close();
    }

    /// <summary>Sends what a new connection over TLS begins with.</summary>
    public void SendProxyHeader(ByteStream stream)
    {
        Span<byte> header = stackalloc byte[256];
        var length = WriteProxyHeader(header);
        if (length > 0) _ = stream.Send(header[..length]);
    }

    /// <summary>Writes what a new connection begins with. The length; 0 where nothing is asked for.</summary>
    private int WriteProxyHeader(Span<byte> into)
    {
        var version = _group!.Config.ProxyProtocol;
        if (version == ProxyProtocolVersion.None) return 0;
        var header = new ProxyHeader
        {
            Command = ProxyCommand.Proxy,
            Source = new WireEndPoint(_peer.Address, (ushort)_peer.Port),
            Destination = new WireEndPoint(Local().Address, (ushort)_local.Port),
        };
        return version == ProxyProtocolVersion.V1 ? ProxyHeaderWriter.WriteLine(into, header) : ProxyHeaderWriter.WriteBinary(into, header, default);
    }

    /// <summary>Takes the client's place among its connections, or refuses it before a request is read: 429.</summary>
    private void EnterClient()
    {
        var most = _model.Config.Limits.ConnectionsPerClient;
        if (most <= 0) return;
        _isClientCounted = _listener.Clients.TryEnter(_peer, most);
        if (_isClientCounted) return;
        _firstByteAt = loop.Loop.Now;
        RefuseHead(429, RefusalReasons.Of(Refusal.TooManyConnectionsOfClient), Termination.Proxy('R'));
    }

    private void LeaveClient()
    {
        if (!_isClientCounted) return;
        _isClientCounted = false;
        _listener.Clients.Leave(_peer);
    }
}
