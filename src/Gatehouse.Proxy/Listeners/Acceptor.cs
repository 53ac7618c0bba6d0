using Gatehouse.Linux;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Engine;
using Gatehouse.Proxy.Loops;

namespace Gatehouse.Proxy.Listeners;

/// <summary>
/// Takes the connections of a listener on one loop. All loops wait on the same descriptor and one of them is woken; what it takes goes to the loop with the fewest connections, before its
/// first byte, for one that was woken more often would have more work for good. Where no descriptor is left, or the bound is reached, it stops to listen and looks again soon: until then
/// clients wait in the kernel.
/// </summary>
internal sealed class Acceptor : Timed, IWatched
{
    private const int AtOnce = 16;
    private const long PauseMilliseconds = 50;

    /// <summary>A loop may have so many connections more than another.</summary>
    private const int Slack = 4;

    private readonly ProxyEngine _engine;
    private readonly EngineLoop _loop;
    private readonly int _fd;
    private int _slot = -1;

    public Acceptor(ProxyEngine engine, EngineLoop loop, ListenerState listener, int fd)
    {
        (_engine, _loop, Listener, _fd) = (engine, loop, listener, fd);
        Listen();
    }

    public ListenerState Listener { get; }

    /// <inheritdoc/>
    public void OnReady(EpollEvents events)
    {
        for (var i = 0; i < AtOnce; i++)
        {
            if (!HasRoom())
            {
                _loop.Counters.AddReason(Access.RefusalReasons.Of(Access.Refusal.AcceptPaused));
                Pause();
                return;
            }

            var fd = SocketCalls.Accept(_fd, out var peer);
            if (fd < 0)
            {
                if (-fd is (int)Errno.EMFILE or (int)Errno.ENFILE or (int)Errno.ENOBUFS or (int)Errno.ENOMEM)
                {
                    _loop.Counters.AddReason(Access.RefusalReasons.Of(Access.Refusal.DescriptorsExhausted));
                    Pause();
                }

                return;
            }

            Place(fd, peer);
        }
    }

    /// <inheritdoc/>
    public override void OnTimeout() => Listen();

    /// <summary>Takes no more.</summary>
    public void Stop()
    {
        _loop.Loop.Timers.Cancel(this);
        if (_slot >= 0) _loop.Loop.Unwatch(_fd, _slot);
        _slot = -1;
    }

    /// <summary>Takes what is in the kernel's queue still; before the descriptor is closed, when nobody else here accepts from it any more.</summary>
    public void TakeQueued()
    {
        while (SocketCalls.Accept(_fd, out var peer) is >= 0 and var fd) Place(fd, peer);
    }

    private bool HasRoom() =>
        _engine.Connections < _engine.MaxConnections && (Listener.Current.Config.Limits.Connections is var most && (most == 0 || Listener.Connections < most));

    private void Place(int fd, in SocketEndPoint peer)
    {
        var target = _engine.LeastLoaded(_loop, Slack);
        if (target == _loop) _loop.Accepted(fd, Listener, peer);
        else target.HandOver(fd, Listener, peer);
    }

    private void Listen()
    {
        if (_slot < 0) _slot = _loop.Loop.Watch(_fd, EpollEvents.In | EpollEvents.Exclusive, this);
        if (_slot < 0) _loop.Loop.Timers.Set(this, _loop.Loop.Now + PauseMilliseconds);
    }

    private void Pause()
    {
        if (_slot >= 0) _loop.Loop.Unwatch(_fd, _slot);
        _slot = -1;
        _loop.Loop.Timers.Set(this, _loop.Loop.Now + PauseMilliseconds);
    }
}
