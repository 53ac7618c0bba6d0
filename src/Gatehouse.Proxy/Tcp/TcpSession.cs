using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Engine;
using Gatehouse.Proxy.Listeners;
using Gatehouse.Proxy.Loops;
using Gatehouse.Proxy.Routing;
using Gatehouse.Proxy.Streams;

namespace Gatehouse.Proxy.Tcp;

/// <summary>A connection that is passed on as it is.</summary>
internal sealed class TcpSession(EngineLoop loop) : Timed, IStreamOwner
{
    private ByteStream _client = null!;
    private ListenerState _listener = null!;

    public void Begin(ByteStream client, ListenerState listener, in SocketEndPoint peer, in SocketEndPoint local, RouteModel? route, ReadOnlySpan<byte> early)
    {
        (_client, _listener) = (client, listener);
        Close();
    }

    /// <inheritdoc/>
    public void OnStream()
    {
    }

    /// <inheritdoc/>
    public override void OnTimeout() => Close();

    private void Close()
    {
        _client.Close();
        loop.Closed(_listener, _client);
        loop.Recycle(this);
    }
}
