using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Engine;
using Gatehouse.Proxy.Listeners;
using Gatehouse.Proxy.Loops;

namespace Gatehouse.Proxy.Udp;

/// <summary>
/// A UDP listener, on one loop: what a client sends from one port to one address is a flow, which keeps its endpoint until it is idle or the endpoint is gone. A packet that finds no
/// endpoint, no place among the flows or no room in the kernel is dropped and counted, as UDP has it.
/// </summary>
internal sealed class UdpListener : IWatched, IDisposable
{
    private const int BatchesAtOnce = 4;
    private const int MostRecycled = 1_024;

    /// <summary>What waits for the loop's next turn. The kernel's standard is full after 277 packets, however small.</summary>
    private const int ReceiveBytes = 4 << 20;

    /// <summary>Where the engine drains, clients speak to its successor: flows are only kept for replies that are under way.</summary>
    private const long DrainIdleMilliseconds = 10_000;

    private readonly FlowTable<UdpFlow> _flows = new();
    private readonly Stack<UdpFlow> _recycled = new();
    private readonly bool _tellsLocal;
    private int _fd;
    private int _slot;
    private bool _stopped;

    /// <param name="loop">Its loop.</param>
    /// <param name="listener">What it is.</param>
    /// <param name="fd">Its socket, which is its own from now on.</param>
    public UdpListener(EngineLoop loop, ListenerState listener, int fd)
    {
        (Loop, Listener, _fd) = (loop, listener, fd);
        _tellsLocal = SocketCalls.LocalAddress(fd, out var bound) >= 0 && bound.IsAny && DatagramBatch.TellLocal(fd, bound.IsV6) >= 0;
        SocketCalls.GrowReceiveBuffer(fd, ReceiveBytes);
        loop.UdpListeners.Add(this);
        _slot = loop.Loop.Watch(fd, EpollEvents.In, this);
    }

    public EngineLoop Loop { get; }

    public ListenerState Listener { get; }

    /// <summary>How many flows there are.</summary>
    public int Flows => _flows.Count;

    /// <inheritdoc/>
    public void OnReady(EpollEvents events)
    {
        for (var i = 0; i < BatchesAtOnce; i++)
        {
            var count = Loop.Datagrams.Receive(_fd, withSource: true);
            for (var at = 0; at < count;) at += PassOn(at, count);
            if (count < DatagramBatch.Capacity) return;
        }
    }

    /// <summary>Takes no more packets.</summary>
    /// <param name="drain">Flows stay for a while, and get the replies that are under way; else they end.</param>
    public void Stop(bool drain)
    {
        if (_stopped) return;
        _stopped = true;
        if (_slot >= 0) Loop.Loop.Unwatch(_fd, _slot);
        _slot = -1;
        foreach (var flow in _flows.ToList())
        {
            if (drain) flow.Drain(DrainIdleMilliseconds);
            else flow.End(Termination.Normal, RefusalReasons.None);
        }

        CloseWhenDone();
    }

    /// <summary>Ends the flows of endpoints that are no more; the next packet of each begins another.</summary>
    public void EndRemoved()
    {
        foreach (var flow in _flows.ToList())
        {
            if (flow.Endpoint.IsRemoved) flow.EndRemoved();
        }
    }

    /// <summary>Sends replies to a client.</summary>
    public void Reply(UdpFlow flow, int count)
    {
        for (var first = 0; first < count;)
        {
            var sent = Loop.Datagrams.SendTo(_fd, first, count - first, flow.Client, flow.Local);
            if (sent <= 0) Dropped();
            first += Math.Max(sent, 1);
        }
    }

    /// <summary>A flow has ended.</summary>
    public void Ended(UdpFlow flow)
    {
        _flows.Remove(flow);
        Loop.Flows--;
        if (_recycled.Count < MostRecycled) _recycled.Push(flow);
        CloseWhenDone();
    }

    /// <summary>Counts a packet that was dropped for want of room.</summary>
    public void Dropped() => Loop.Counters.AddReason(RefusalReasons.Of(Refusal.DatagramDropped));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var flow in _flows.ToList()) flow.End(Termination.Normal, RefusalReasons.None);
        Stop(drain: false);
    }

    /// <summary>Passes on the packets of one flow that stand together. How many.</summary>
    private int PassOn(int first, int count)
    {
        var datagrams = Loop.Datagrams;
        ref readonly var client = ref datagrams.Source(first);
        var local = _tellsLocal ? datagrams.Local(first) : default;
        var run = 1;
        while (first + run < count && datagrams.Source(first + run).Equals(client) && (!_tellsLocal || datagrams.Local(first + run).Equals(local))) run++;
        var flow = _flows.Find(client, local);
        if (flow is { Endpoint.IsRemoved: true })
        {
            flow.EndRemoved();
            flow = null;
        }

        flow ??= Begin(client, local);
        if (flow is not null) flow.Send(first, run);
        else Loop.Counters.Add(Listener.Counter, Counter.Refused, run);
        return run;
    }

    private UdpFlow? Begin(in SocketEndPoint client, in SocketEndPoint local)
    {
        var model = Listener.Current;
        if (_flows.Count >= model.Config.Limits.Flows)
        {
            Loop.Counters.AddReason(RefusalReasons.Of(Refusal.FlowsExhausted));
            return null;
        }

        var flow = _recycled.TryPop(out var recycled) ? recycled : new UdpFlow(this);
        if (flow.Begin(client, local, model))
        {
            _flows.Add(flow);
            Loop.Flows++;
            return flow;
        }

        _recycled.Push(flow);
        return null;
    }

    private void CloseWhenDone()
    {
        if (!_stopped || _flows.Count > 0 || _fd < 0) return;
        SocketCalls.Close(_fd);
        _fd = -1;
        Loop.UdpListeners.Remove(this);
    }
}
