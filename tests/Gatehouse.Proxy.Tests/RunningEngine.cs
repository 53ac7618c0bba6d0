using System.Net;
using System.Net.Sockets;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Engine;
using Gatehouse.Proxy.Loops;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests;

/// <summary>
/// An engine in this process, whose listeners are bound to free ports of the loopback address. When it is disposed of, its clients are gone: nothing may be left of them, no connection, no
/// request in flight, no buffer and no deadline.
/// </summary>
internal sealed class RunningEngine : IDisposable
{
    private readonly Dictionary<string, IPEndPoint> _places = [];
    private readonly List<RawPeer> _clients = [];
    private readonly ManualTimeProvider? _time;

    public RunningEngine(ProxyConfig config, int threads = 1, ManualTimeProvider? time = null)
    {
        _time = time;
        var fds = config.Listeners.Select(l => Bind(l)).ToList();
        Config = config with { Listeners = [.. config.Listeners.Select(l => l with { Address = _places[l.Name] })] };
        Engine = new ProxyEngine(threads, time ?? TimeProvider.System);
        Engine.Apply(Config);
        Engine.Start();
        foreach (var (listener, fd) in config.Listeners.Zip(fds)) Assert.True(Engine.Listen(listener.Name, fd));
    }

    public ProxyEngine Engine { get; }

    public ProxyConfig Config { get; private set; }

    /// <summary>Where the only listener, or the one with the name, is.</summary>
    public IPEndPoint Address(string? name = null) => name is null ? _places.Values.Single() : _places[name];

    /// <summary>Puts another configuration in place; listeners stay where they are bound, and those that are new get a place.</summary>
    public void Apply(ProxyConfig config)
    {
        foreach (var gone in _places.Keys.Except(config.Listeners.Select(l => l.Name)).ToList()) _places.Remove(gone);
        var added = config.Listeners.Where(l => !_places.ContainsKey(l.Name)).Select(l => (l.Name, Fd: Bind(l))).ToList();
        Config = config with { Listeners = [.. config.Listeners.Select(l => l with { Address = _places[l.Name] })] };
        Engine.Apply(Config);
        foreach (var (name, fd) in added) Assert.True(Engine.Listen(name, fd));
    }

    /// <summary>Gives a listener another address.</summary>
    public void Move(string name)
    {
        var fd = Bind(Config.Listeners.Single(l => l.Name == name) with { Address = new IPEndPoint(IPAddress.Loopback, 0) });
        Apply(Config);
        Assert.True(Engine.Listen(name, fd));
    }

    /// <summary>A client, from an address of its own if one is given.</summary>
    public RawPeer Connect(string? name = null, IPAddress? from = null)
    {
        var address = Address(name);
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (from is not null) socket.Bind(new IPEndPoint(from, 0));
        socket.Connect(address);
        var client = new RawPeer(socket);
        _clients.Add(client);
        return client;
    }

    /// <summary>How often something was refused for a reason, over all loops.</summary>
    public long Refused(int reason) => Engine.Loops.Sum(l => l.Counters.ReadReason(reason));

    public long Refused(Refusal refusal) => Refused(RefusalReasons.Of(refusal));

    /// <summary>A figure of a thing, such as <c>endpoint/app/app-0</c>.</summary>
    public long Figure(string thing, Counter counter) => Engine.Sum(Engine.Compiled.Places.Find(thing), counter);

    /// <summary>Waits until the loops have taken up all that has reached them.</summary>
    public void Settle()
    {
        // What is ready may lead to something that is ready in the next turn: a connection that was begun, say.
        foreach (var loop in Engine.Loops)
        {
            for (var turn = 0; turn < 3; turn++) AtEndOfTurn(loop, static () => { });
        }
    }

    /// <summary>Does something on the loop's thread when all that was ready in its turn is done; what happens meanwhile is found by the next turn.</summary>
    public static void AtEndOfTurn(EngineLoop loop, Action work)
    {
        var deferred = new Deferred(work);
        loop.Loop.Post(l => l.Defer(deferred));
        deferred.Done.WaitAsync(Patience.Limit).GetAwaiter().GetResult();
    }

    /// <summary>Lets time pass, once the loops have taken up all that has reached them.</summary>
    public void Pass(double seconds)
    {
        Settle();
        _time!.Advance(TimeSpan.FromSeconds(seconds));
        Settle();
    }

    /// <summary>Asks on the loop's thread.</summary>
    public static T OnLoop<T>(EngineLoop loop, Func<EngineLoop, T> ask)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        loop.Loop.Post(_ => answer.SetResult(ask(loop)));
        return answer.Task.WaitAsync(Patience.Limit).GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        foreach (var client in _clients) client.Reset();
        try
        {
            AssertNothingIsLeft();
        }
        finally
        {
            Engine.Dispose();
        }
    }

    private void AssertNothingIsLeft()
    {
        Assert.True(SpinWait.SpinUntil(() => Engine.Connections == 0, Patience.Limit), $"{Engine.Connections} connections of clients are left");
        foreach (var loop in Engine.Loops)
        {
            // A listener that paused looks again a moment later.
            var looks = 0;
            Assert.True(SpinWait.SpinUntil(() => !HasDeadline(loop) || (_time is not null && ++looks == 10), TimeSpan.FromSeconds(5)) && looks < 10, "a deadline is left");
            var left = OnLoop(loop, static l =>
            {
                l.Upstreams.CloseIdle(all: true);
                return (Buffers: l.Loop.Buffers.InUse, Pipes: l.Loop.Pipes.InUse, Trailers: l.Trailers.InUse, l.Upstreams.Idle, l.HandedOver);
            });
            Assert.Equal((0L, 0, 0, 0, 0), left);
        }

        foreach (var listener in Engine.Compiled.Listeners.Values)
        {
            AssertBalanced("listener/" + listener.Name, listener.Counter);
            Assert.Equal(0, listener.Connections);
            Assert.Equal(0, listener.Clients.Clients);
        }

        foreach (var group in Engine.Compiled.Upstreams.Values)
        {
            Assert.Equal(0, group.Active);
            foreach (var endpoint in group.Current.Endpoints)
            {
                Assert.Equal(0, endpoint.Active);
                AssertBalanced(endpoint.Name, endpoint.Index);
            }
        }
    }

    private bool HasDeadline(EngineLoop loop)
    {
        _time?.Advance(TimeSpan.FromMilliseconds(100));
        return OnLoop(loop, static l =>
        {
            l.Upstreams.CloseIdle(all: true);
            return l.Loop.Timers.NextDelay(l.Loop.Now) >= 0;
        });
    }

    private void AssertBalanced(string thing, int place)
    {
        Assert.True(Engine.Sum(place, Counter.Requests) == Engine.Sum(place, Counter.RequestsEnded), $"{thing}: {Engine.Sum(place, Counter.Requests)} requests, {Engine.Sum(place, Counter.RequestsEnded)} ended");
        Assert.True(Engine.Sum(place, Counter.Connections) == Engine.Sum(place, Counter.ConnectionsClosed), $"{thing}: {Engine.Sum(place, Counter.Connections)} connections, {Engine.Sum(place, Counter.ConnectionsClosed)} closed");
    }

    private sealed class Deferred(Action work) : IDeferred
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Done => _done.Task;

        public void Resume()
        {
            work();
            _done.SetResult();
        }
    }

    private int Bind(Listener listener)
    {
        var address = new SocketEndPoint(listener.Address);
        var udp = listener.Protocol == ListenerProtocol.Udp;
        var fd = udp ? SocketCalls.OpenDatagram(address) : SocketCalls.OpenStream(address);
        Assert.True(fd >= 0 && SocketCalls.Bind(fd, address) == 0);
        if (!udp) Assert.Equal(0, SocketCalls.Listen(fd, 1_024));
        Assert.Equal(0, SocketCalls.LocalAddress(fd, out var bound));
        _places[listener.Name] = bound.ToEndPoint();
        return fd;
    }
}
