using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Listeners;
using Gatehouse.Proxy.Udp;

namespace Gatehouse.Proxy.Engine;

/// <summary>
/// The loops, and what they serve now. It is given descriptors that listen and configurations that are valid; it binds nothing and reads no file. Its methods may be called from any
/// thread and are done when they return, but for what says otherwise.
/// </summary>
internal sealed class ProxyEngine : IDisposable
{
    private readonly Lock _lock = new();
    private readonly SnapshotCompiler _compiler;
    private readonly Dictionary<string, OpenListener> _open = new(StringComparer.Ordinal);
    private readonly TimeProvider _time;
    private readonly EngineLoop[] _loops;
    private FigureIndex? _figures;
    private bool _draining;
    private int _nextUdpLoop;
    private volatile int _maxConnections = int.MaxValue;

    /// <param name="threads">Loops; 0 is one for each processor.</param>
    /// <param name="time">The clock.</param>
    public ProxyEngine(int threads, TimeProvider time)
    {
        _time = time;
        _compiler = new SnapshotCompiler(time);
        _loops = [.. Enumerable.Range(0, threads > 0 ? threads : Environment.ProcessorCount).Select(i => new EngineLoop(i, this, time))];
    }

    public IReadOnlyList<EngineLoop> Loops => _loops;

    /// <summary>The last configuration that was put in place.</summary>
    public ProxyConfig Config { get; private set; } = new();

    /// <summary>What it compiled to; for figures and explanations.</summary>
    public SnapshotCompiler Compiled => _compiler;

    /// <summary>Client connections of all loops.</summary>
    public int Connections
    {
        get
        {
            var sum = 0;
            foreach (var loop in _loops) sum += loop.Connections;
            return sum;
        }
    }

    /// <summary>UDP flows of all loops.</summary>
    public int Flows
    {
        get
        {
            var sum = 0;
            foreach (var loop in _loops) sum += loop.Flows;
            return sum;
        }
    }

    public int MaxConnections => _maxConnections;

    public void Start()
    {
        foreach (var loop in Loops) loop.Loop.Start();
    }

    /// <summary>Puts a configuration in place. No connection is closed and no request lost by it; listeners whose descriptors are here and that are no more stop.</summary>
    public void Apply(ProxyConfig config)
    {
        lock (_lock)
        {
            _maxConnections = config.Engine.MaxConnections;
            var left = _compiler.Apply(config);
            Config = config;
            if (_compiler.Places.TakeCleared() is { Count: > 0 } cleared) OnAll(loop => loop.Counters.Clear(cleared));
            _figures = null;
            foreach (var name in _open.Keys.Except(_compiler.Listeners.Keys, StringComparer.Ordinal).ToList()) Close(name);
            AfterAll(loop => loop.Forget(left), () => ThreadPool.UnsafeQueueUserWorkItem(static l => l.Dispose(), left, preferLocal: false));
        }
    }

    /// <summary>Takes over a listening descriptor, which is the engine's from now on. False: no listener has the name.</summary>
    public bool Listen(string name, int fd)
    {
        lock (_lock)
        {
            if (!_compiler.Listeners.TryGetValue(name, out var state))
            {
                SocketCalls.Close(fd);
                return false;
            }

            if (_draining)
            {
                SocketCalls.Close(fd); // Whoever connects is another process's.
                return true;
            }

            if (_open.ContainsKey(name)) Close(name);
            var open = new OpenListener(fd, new Acceptor?[Loops.Count]);
            _open[name] = open;
            if (state.Current.Config.Protocol == ListenerProtocol.Udp)
            {
                ListenUdp(open, state);
                return true;
            }

            for (var i = 0; i < Loops.Count; i++)
            {
                var index = i;
                Loops[i].Loop.Post(_ => open.Acceptors[index] = new Acceptor(this, Loops[index], state, fd));
            }

            return true;
        }
    }

    /// <summary>Listening descriptors by their listeners' names; they stay the engine's.</summary>
    public IReadOnlyDictionary<string, int> Descriptors
    {
        get
        {
            lock (_lock) return _open.ToDictionary(o => o.Key, o => o.Value.Fd, StringComparer.Ordinal);
        }
    }

    /// <summary>Waits until all loops, which must run, have done what they were told.</summary>
    public void WaitForLoops()
    {
        using var left = new CountdownEvent(Loops.Count);
        OnAll(_ => left.Signal());
        left.Wait();
    }

    /// <summary>Waits until no client is connected, none that was accepted is on its way to a loop, and no UDP flow is left. False: the time was up first.</summary>
    public bool WaitUntilIdle(TimeSpan deadline)
    {
        var started = _time.GetTimestamp();
        using var pause = new ManualResetEventSlim();
        while (Flows > 0 || !IsIdle())
        {
            if (_time.GetElapsedTime(started) >= deadline) return false;
            pause.Wait(20);
        }

        return true;
    }

    /// <summary>
    /// Takes no more connections but those that wait in the kernel already; those that are open end after what they have begun. The descriptors are closed; another process may hold them
    /// too.
    /// </summary>
    public void Drain()
    {
        lock (_lock)
        {
            if (_draining) return;
            _draining = true;
            foreach (var name in _open.Keys.ToList()) Close(name);
            OnAll(static loop => loop.Drain());
        }
    }

    /// <summary>The deadline of a drain came: closes what is still open.</summary>
    public void CutOff() => OnAll(static loop => loop.CutOff());

    /// <summary>The loop that gets the next connection: its own, unless another has fewer by more than the slack.</summary>
    public EngineLoop LeastLoaded(EngineLoop own, int slack)
    {
        var best = own;
        var least = own.Connections - slack;
        foreach (var loop in _loops)
        {
            if (loop.Connections + loop.HandedOver >= least) continue;
            best = loop;
            least = loop.Connections + loop.HandedOver;
        }

        return best;
    }

    /// <summary>What has figures in the present configuration.</summary>
    public FigureIndex Figures()
    {
        lock (_lock) return _figures ??= _compiler.Figures(Config);
    }

    /// <summary>A figure over all loops.</summary>
    public long Sum(int place, Counter counter)
    {
        var sum = 0L;
        foreach (var loop in _loops) sum += loop.Counters.Read(place, counter);
        return sum;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var loop in Loops)
        {
            loop.Loop.Stop();
            loop.CloseUdp();
            loop.Loop.Dispose();
        }

        foreach (var open in _open.Values.Where(o => o.Udp is null)) SocketCalls.Close(open.Fd);
        _open.Clear();
        _compiler.Dispose();
    }

    /// <summary>Whether every loop, after all that it was told before, has no connection.</summary>
    private bool IsIdle()
    {
        if (Connections > 0) return false;
        WaitForLoops();
        return Connections == 0 && Loops.Sum(l => l.HandedOver) == 0;
    }

    private void Close(string name)
    {
        if (!_open.Remove(name, out var open)) return;
        if (open.UdpLoop is { } own)
        {
            var drain = _draining;
            own.Loop.Post(_ => open.Udp!.Stop(drain));
            return;
        }

        var left = Loops.Count;
        for (var i = 0; i < Loops.Count; i++)
        {
            var index = i;
            Loops[i].Loop.Post(_ =>
            {
                // The last of the loops takes what is still in the queue, and closes: when all others have let go, for a descriptor that is closed can't be taken out of an epoll, and
                // its socket, which other processes hold, would go on to wake it instead of one that accepts.
                open.Acceptors[index]?.Stop();
                if (Interlocked.Decrement(ref left) > 0) return;
                open.Acceptors[index]?.TakeQueued();
                SocketCalls.Close(open.Fd);
            });
        }
    }

    /// <summary>One loop has all of a UDP listener, for its flows are found there; several listeners are spread over the loops.</summary>
    private void ListenUdp(OpenListener open, ListenerState state)
    {
        var loop = _loops[_nextUdpLoop++ % _loops.Length];
        open.UdpLoop = loop;
        loop.Loop.Post(_ => open.Udp = new UdpListener(loop, state, open.Fd));
    }

    /// <summary>Does something on all loops, and after the last of them what is to be done once no loop is in what it had before.</summary>
    private void AfterAll(Action<EngineLoop> work, Action after)
    {
        var left = Loops.Count;
        OnAll(loop =>
        {
            work(loop);
            if (Interlocked.Decrement(ref left) == 0) after();
        });
    }

    private void OnAll(Action<EngineLoop> work)
    {
        foreach (var loop in Loops) loop.Loop.Post(_ => work(loop));
    }

    private sealed record OpenListener(int Fd, Acceptor?[] Acceptors)
    {
        /// <summary>Set when it is UDP.</summary>
        public EngineLoop? UdpLoop { get; set; }

        /// <summary>Set on its loop, and has the descriptor from then on.</summary>
        public UdpListener? Udp { get; set; }
    }
}
