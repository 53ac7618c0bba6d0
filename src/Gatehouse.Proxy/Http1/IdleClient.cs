using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Engine;
using Gatehouse.Proxy.Listeners;
using Gatehouse.Proxy.Streams;

namespace Gatehouse.Proxy.Http1;

/// <summary>
/// A client's connection between two requests. What a request needs is with those that have one: thousands that wait cost little, and those that work find their memory warm.
/// </summary>
internal sealed class IdleClient(EngineLoop loop) : ClientSession, IStreamOwner
{
    private const long DrainMilliseconds = 1_000;

    private ListenerState _listener = null!;
    private SocketEndPoint _peer;
    private SocketEndPoint _local;

    public ByteStream Stream { get; private set; } = null!;

    /// <inheritdoc/>
    public override ListenerState Listener => _listener;

    public ref readonly SocketEndPoint Peer => ref _peer;

    public ref readonly SocketEndPoint Local => ref _local;

    public long AcceptedAt { get; private set; }

    public long IdleSince { get; private set; }

    public int Requests { get; private set; }

    /// <summary>Begins to wait.</summary>
    public void Begin(ByteStream stream, ListenerState listener, in SocketEndPoint peer, in SocketEndPoint local, long acceptedAt, int requests, long milliseconds)
    {
        (Stream, _listener, _peer, _local) = (stream, listener, peer, local);
        (AcceptedAt, IdleSince, Requests) = (acceptedAt, loop.Loop.Now, requests);
        if (milliseconds > 0) loop.Loop.Timers.Set(this, loop.Loop.Now + milliseconds);
    }

    /// <inheritdoc/>
    public void OnStream()
    {
        if (Stream.CanRead || Stream.IsBroken) loop.Wake(this);
    }

    /// <inheritdoc/>
    public override void OnTimeout() => Close();

    /// <inheritdoc/>
    public override void Drain()
    {
        var soon = loop.Loop.Now + DrainMilliseconds;
        if (Slot == Loops.TimerWheel.Nowhere || Deadline > soon) loop.Loop.Timers.Set(this, soon);
    }

    /// <inheritdoc/>
    public override void CutOff() => Close();

    private void Close()
    {
        loop.Loop.Timers.Cancel(this);
        Stream.Close();
        loop.Closed(_listener, Stream);
        loop.Recycle(this);
    }
}
