using Gatehouse.Linux;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Balancing;
using Gatehouse.Proxy.Listeners;
using Gatehouse.Proxy.Loops;
using Gatehouse.Proxy.Routing;

namespace Gatehouse.Proxy.Udp;

/// <summary>What one client sends to one address, with a connected socket of its own to an endpoint, so that the kernel gives it the endpoint's replies and faults and nobody else's.</summary>
internal sealed class UdpFlow(UdpListener listener) : FlowKey, IWatched
{
    private const long StandardIdleMilliseconds = 30_000;

    private ListenerModel _model = null!;
    private RouteModel _route = null!;
    private UpstreamModel _group = null!;
    private int _fd = -1;
    private int _slot;
    private long _idle;
    private long _beganAt;
    private long _bytesIn;
    private long _bytesOut;
    private int _retries;
    private bool _refused;

    public EndpointModel Endpoint { get; private set; } = null!;

    /// <summary>Begins with an endpoint. False: there is none, or no socket for it.</summary>
    public bool Begin(in SocketEndPoint client, in SocketEndPoint local, ListenerModel model)
    {
        if (model.Default?.Upstream?.Current is not { Config.Tls: null } group || group.Choose() is not { } endpoint)
        {
            Count(Refusal.NoEndpoint);
            return false;
        }

        if (Open(endpoint) is < 0 and var error)
        {
            Count((Errno)(-error) is Errno.EMFILE or Errno.ENFILE ? Refusal.DescriptorsExhausted : Refusal.ConnectFailed);
            return false;
        }

        SetKey(client, local);
        (_model, _route, _group) = (model, model.Default, group);
        _beganAt = listener.Loop.Loop.Now;
        _bytesIn = _bytesOut = 0;
        _retries = 0;
        _refused = false;
        _idle = group.Config.Timeouts.Tunnel is { } tunnel ? (long)tunnel.TotalMilliseconds : StandardIdleMilliseconds;
        listener.Loop.Counters.Add(listener.Listener.Counter, Counter.Requests);
        listener.Loop.Counters.Add(_route.Counter, Counter.Requests);
        group.State.Begin();
        Take(endpoint);
        return true;
    }

    /// <summary>Sends packets of the client on.</summary>
    public void Send(int first, int count)
    {
        if (_refused) Move();
        for (var end = first + count; first < end;)
        {
            var sent = listener.Loop.Datagrams.Send(_fd, first, end - first);
            if (sent < 0 && IsUnreachable(sent))
            {
                // The fault is of a packet before this one; this one is for another endpoint.
                Move();
                sent = listener.Loop.Datagrams.Send(_fd, first, end - first);
                if (sent < 0) _refused = IsUnreachable(sent);
            }

            if (sent <= 0) listener.Dropped();
            for (var i = 0; i < sent; i++) _bytesIn += listener.Loop.Datagrams.Length(first + i);
            first += Math.Max(sent, 1);
        }

        Touch();
    }

    /// <inheritdoc/>
    public void OnReady(EpollEvents events)
    {
        var count = listener.Loop.Datagrams.Receive(_fd, withSource: false);
        if (count < 0)
        {
            _refused |= IsUnreachable(count); // The next packet goes elsewhere.
            return;
        }

        for (var i = 0; i < count; i++) _bytesOut += listener.Loop.Datagrams.Length(i);
        listener.Reply(this, count);
        Touch();
    }

    /// <inheritdoc/>
    public override void OnTimeout()
    {
        // One whose endpoint refused all that it got is not a flow that ended well.
        if (_bytesOut == 0 && _refused) End(Termination.Server('C'), RefusalReasons.Of(Refusal.ConnectFailed));
        else End(Termination.Normal, RefusalReasons.None);
    }

    /// <summary>The client speaks to another process from now on; replies that are under way are awaited.</summary>
    public void Drain(long idle)
    {
        _idle = _idle > 0 ? Math.Min(_idle, idle) : idle;
        Touch();
    }

    /// <summary>Its endpoint is no more.</summary>
    public void EndRemoved() => End(Termination.Killed('D'), RefusalReasons.Of(Refusal.EndpointRemoved));

    /// <summary>Ends it; once.</summary>
    public void End(Termination termination, int reason)
    {
        var loop = listener.Loop;
        if (reason != RefusalReasons.None) loop.Counters.AddReason(reason);
        loop.Loop.Timers.Cancel(this);
        Record(termination, reason);
        Leave();
        _group.State.End();
        listener.Ended(this);
    }

    private static bool IsUnreachable(int error) => (Errno)(-error) is Errno.ECONNREFUSED or Errno.EHOSTUNREACH or Errno.ENETUNREACH;

    private void Count(Refusal refusal) => listener.Loop.Counters.AddReason(RefusalReasons.Of(refusal));

    private void Touch()
    {
        var wheel = listener.Loop.Loop;
        if (_idle > 0) wheel.Timers.Set(this, wheel.Now + _idle);
    }

    /// <summary>To another endpoint where there is one, with a new socket: this one's own address is bound to the way to the first.</summary>
    private void Move()
    {
        _refused = false;
        listener.Loop.Counters.Add(Endpoint.Index, Counter.ConnectErrors);
        _group = _group.State.Current;
        if (_group.Choose(except: Endpoint) is not { } other || other == Endpoint) return;
        var (fd, slot) = (_fd, _slot);
        if (Open(other) < 0) return; // The old one still stands.
        Leave(fd, slot);
        _retries++;
        listener.Loop.Counters.Add(other.Index, Counter.Retries);
        Take(other);
    }

    /// <summary>A socket that is connected to an endpoint. 0, or the negative error number.</summary>
    private int Open(EndpointModel endpoint)
    {
        var fd = SocketCalls.OpenDatagram(endpoint.Address);
        if (fd < 0) return fd;
        var outcome = SocketCalls.Connect(fd, endpoint.Address);
        var slot = outcome < 0 ? outcome : listener.Loop.Loop.Watch(fd, EpollEvents.In, this);
        if (slot < 0)
        {
            SocketCalls.Close(fd);
            return slot;
        }

        (_fd, _slot) = (fd, slot);
        return 0;
    }

    private void Take(EndpointModel endpoint)
    {
        Endpoint = endpoint;
        endpoint.Begin();
        listener.Loop.Counters.Add(endpoint.Index, Counter.Requests);
    }

    private void Leave()
    {
        Leave(_fd, _slot);
        _fd = -1;
    }

    private void Leave(int fd, int slot)
    {
        listener.Loop.Loop.Forget(slot);
        SocketCalls.Close(fd);
        Endpoint.End();
        listener.Loop.Counters.Add(Endpoint.Index, Counter.RequestsEnded);
    }

    private void Record(Termination termination, int reason)
    {
        var (loop, now) = (listener.Loop, listener.Loop.Loop.Now);
        Tally(listener.Listener.Counter, ended: 1, now);
        Tally(_route.Counter, ended: 1, now);
        Tally(Endpoint.Index, ended: 0, now); // It is told to have ended when it is left.
        loop.Log?.Write(new SessionRecord
        {
            Client = Client,
            BeganAt = _beganAt,
            Listener = _model.LogName,
            Group = _group.LogName,
            Endpoint = Endpoint.LogName,
            QueueTime = 0,
            ConnectTime = 0,
            TotalTime = now - _beganAt,
            BytesOut = _bytesOut,
            BytesIn = _bytesIn,
            Termination = termination,
            EngineConnections = loop.EngineConnections,
            ListenerConnections = listener.Flows,
            GroupActive = _group.State.Active - 1,
            EndpointActive = Endpoint.Active - 1,
            Retries = _retries,
            Redispatched = _retries > 0,
            Reason = reason,
        });
    }

    private void Tally(int thing, int ended, long now)
    {
        var counters = listener.Loop.Counters;
        counters.Add(thing, Counter.RequestsEnded, ended);
        counters.Add(thing, Counter.BytesIn, _bytesIn);
        counters.Add(thing, Counter.BytesOut, _bytesOut);
        counters.Add(thing, Counter.Milliseconds, now - _beganAt);
    }
}
