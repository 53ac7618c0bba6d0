using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Gatehouse.Linux;
using Gatehouse.Linux.OpenSsl;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Streams;

namespace Gatehouse.Proxy.Loops;

/// <summary>A descriptor's owner, told by its loop what happened to it.</summary>
internal interface IWatched
{
    /// <summary>Something happened.</summary>
    void OnReady(EpollEvents events);
}

/// <summary>Work that was put off so that others get their turn.</summary>
internal interface IDeferred
{
    /// <summary>Goes on.</summary>
    void Resume();
}

/// <summary>
/// One thread with one epoll. Whatever it calls belongs to it alone and runs to its end without waiting, so that nothing here is locked. An exception is a defect and ends the
/// process: the parent starts it again.
/// </summary>
internal sealed class Loop : IDisposable
{
    /// <summary>Room before what was read for a chunk's size, and after it for its end.</summary>
    public const int Headroom = 32;

    /// <summary>What one read takes at most.</summary>
    public const int ReadSize = 64 * 1024;

    private const int EventsAtOnce = 256;
    private readonly Epoll _epoll = new(EventsAtOnce);
    private readonly TimeProvider _time;
    private readonly ConcurrentQueue<Action<Loop>> _posted = new();
    private readonly Queue<IDeferred> _deferred = new(64);
    private readonly int _event;
    private readonly Thread _thread;
    private readonly long _epoch;
    private readonly double _perMillisecond;
    private IWatched?[] _targets = new IWatched?[1_024];
    private uint[] _generations = new uint[1_024];
    private int[] _free = new int[1_024];
    private int _freeCount;
    private int _signalled;
    private TlsBuffers? _tls;
    private byte[]? _plain;
    private volatile bool _stopping;

    /// <param name="index">0 for the first.</param>
    /// <param name="time">The clock.</param>
    public Loop(int index, TimeProvider time)
    {
        Index = index;
        _time = time;
        _epoch = time.GetTimestamp();
        _perMillisecond = time.TimestampFrequency / 1_000.0;
        Timers = new TimerWheel(0);
        for (var i = _free.Length - 1; i >= 0; i--) _free[_freeCount++] = i;
        _event = SocketCalls.OpenEvent();
        if (_event < 0) throw new LinuxException("eventfd of loop " + index, -_event);
        _ = Watch(_event, EpollEvents.In, new Wakeup(this));
        _thread = new Thread(Run) { Name = "loop " + index, IsBackground = true };
    }

    /// <summary>0 for the first.</summary>
    public int Index { get; }

    /// <summary>Milliseconds since the loop was made, read once for each time it woke up.</summary>
    public long Now { get; private set; }

    /// <summary>Deadlines.</summary>
    public TimerWheel Timers { get; }

    /// <summary>Buffers.</summary>
    public BufferPool Buffers { get; } = new();

    /// <summary>Pipes.</summary>
    public PipePool Pipes { get; } = new();

    /// <summary>Where reads go that are passed on at once.</summary>
    public byte[] Input { get; } = GC.AllocateUninitializedArray<byte>(BufferPool.Large, pinned: true);

    /// <summary>Where heads are composed.</summary>
    public byte[] Output { get; } = GC.AllocateUninitializedArray<byte>(2 * BufferPool.Large, pinned: true);

    /// <summary>Ciphertext of the connection whose turn it is; made when the first one speaks TLS.</summary>
    public TlsBuffers Tls => _tls ??= new TlsBuffers();

    /// <summary>Where what was received over TLS is decrypted.</summary>
    public byte[] Plain => _plain ??= GC.AllocateUninitializedArray<byte>(BufferPool.Large, pinned: true);

    /// <summary>Bytes that the thread has allocated on the managed heap; other threads may read it.</summary>
    public long AllocatedBytes { get; private set; }

    /// <summary>Times it woke up.</summary>
    public long Turns { get; private set; }

    /// <summary>Called after each turn; for what is written once for all that happened in it.</summary>
    public Action? AfterTurn { get; set; }

    public void Start() => _thread.Start();

    /// <summary>Runs something on the loop; from any thread.</summary>
    public void Post(Action<Loop> work)
    {
        _posted.Enqueue(work);
        if (Interlocked.Exchange(ref _signalled, 1) == 0) SocketCalls.SignalEvent(_event);
    }

    /// <summary>Runs something after all that is ready now.</summary>
    public void Defer(IDeferred work) => _deferred.Enqueue(work);

    /// <summary>Watches a descriptor. What to give <see cref="Forget"/>, or the negative error number.</summary>
    public int Watch(int fd, EpollEvents events, IWatched target)
    {
        if (_freeCount == 0) Grow();
        var slot = _free[--_freeCount];
        _targets[slot] = target;
        var outcome = _epoll.Add(fd, events, ((ulong)_generations[slot] << 32) | (uint)slot);
        if (outcome >= 0) return slot;
        Forget(slot);
        return outcome;
    }

    /// <summary>Changes what a descriptor is watched for. What is the case then is told anew.</summary>
    public void Change(int fd, int slot, EpollEvents events) => _ = _epoll.Modify(fd, events, ((ulong)_generations[slot] << 32) | (uint)slot);

    /// <summary>Events of a descriptor that is about to be closed reach nobody any more, also those of the present turn.</summary>
    public void Forget(int slot)
    {
        _targets[slot] = null;
        _generations[slot]++;
        _free[_freeCount++] = slot;
    }

    /// <summary>Watches a descriptor no longer that stays open, here or in another process.</summary>
    public void Unwatch(int fd, int slot)
    {
        _ = _epoll.Remove(fd);
        Forget(slot);
    }

    /// <summary>Ends the thread after its present turn and waits for that.</summary>
    public void Stop()
    {
        _stopping = true;
        Post(static _ => { });
        if (_thread.IsAlive) _thread.Join();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Stop();
        Pipes.Dispose();
        _epoll.Dispose();
        SocketCalls.Close(_event);
    }

    private void Run()
    {
        while (!_stopping)
        {
            var delay = _deferred.Count > 0 ? 0 : Timers.NextDelay(Clock());
            var count = _epoll.Wait(delay);
            Now = Clock();
            for (var i = 0; i < count; i++) Dispatch(i);
            for (var waiting = _deferred.Count; waiting > 0; waiting--) _deferred.Dequeue().Resume();
            Timers.Advance(Now);
            AfterTurn?.Invoke();
            Turns++;
            AllocatedBytes = GC.GetAllocatedBytesForCurrentThread();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Dispatch(int index)
    {
        var events = _epoll.Event(index, out var data);
        var slot = (int)(uint)data;
        if (_generations[slot] == (uint)(data >> 32)) _targets[slot]?.OnReady(events);
    }

    private long Clock() => (long)((_time.GetTimestamp() - _epoch) / _perMillisecond);

    private void Grow()
    {
        var old = _targets.Length;
        Array.Resize(ref _targets, old * 2);
        Array.Resize(ref _generations, old * 2);
        Array.Resize(ref _free, old * 2);
        for (var i = (old * 2) - 1; i >= old; i--) _free[_freeCount++] = i;
    }

    private sealed class Wakeup(Loop loop) : IWatched
    {
        public void OnReady(EpollEvents events)
        {
            SocketCalls.ClearEvent(loop._event);
            Interlocked.Exchange(ref loop._signalled, 0); // A full fence: the queue is looked at after others can see that they have to signal again.
            while (loop._posted.TryDequeue(out var work)) work(loop);
        }
    }
}
