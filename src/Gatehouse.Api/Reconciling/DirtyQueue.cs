using System.Threading.Channels;

namespace Gatehouse.Api.Reconciling;

/// <summary>
/// Keys that have to be looked at: each at most once in the queue, never at two workers at the same time, and again when it was marked while somebody had it.
/// Also in the future: for each key the earliest time counts. A key may be given a rest, before which nobody gets it again, however often it is marked.
/// </summary>
/// <remarks>Safe for any thread. Bounded by the number of different keys, since a key waits only once.</remarks>
public sealed class DirtyQueue<TKey> : IDisposable
    where TKey : notnull
{
    private readonly Lock _gate = new();
    private readonly HashSet<TKey> _dirty = [];
    private readonly HashSet<TKey> _busy = [];
    private readonly Dictionary<TKey, DateTimeOffset> _due = [];
    private readonly Dictionary<TKey, DateTimeOffset> _rests = [];
    private readonly PriorityQueue<TKey, DateTimeOffset> _agenda = new();
    private readonly Channel<TKey> _ready = Channel.CreateUnbounded<TKey>();
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private DateTimeOffset _armed = DateTimeOffset.MaxValue;

    /// <param name="time">For <see cref="MarkAt"/> and <see cref="Rest"/>.</param>
    public DirtyQueue(TimeProvider time)
    {
        _time = time;
        _timer = time.CreateTimer(static q => ((DirtyQueue<TKey>)q!).Ring(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Keys that wait now or are at a worker.</summary>
    public int Count
    {
        get
        {
            lock (_gate) return _dirty.Count + _busy.Count;
        }
    }

    /// <summary>The key has to be looked at.</summary>
    public void Mark(TKey key)
    {
        lock (_gate) MarkLocked(key);
    }

    /// <summary>The key has to be looked at then, or earlier when an earlier time is set.</summary>
    public void MarkAt(TKey key, DateTimeOffset due)
    {
        lock (_gate) MarkAtLocked(key, due);
    }

    /// <summary>The key, which the caller has, is not given out again before then: what is marked until then is one look.</summary>
    public void Rest(TKey key, DateTimeOffset until)
    {
        lock (_gate)
        {
            _rests[key] = until;
            _agenda.Enqueue(key, until);
            if (_dirty.Remove(key)) MarkAtLocked(key, until);
            Arm();
        }
    }

    /// <summary>The next key; the caller has it alone until <see cref="Done"/>.</summary>
    public async ValueTask<TKey> TakeAsync(CancellationToken cancellation)
    {
        var key = await _ready.Reader.ReadAsync(cancellation);
        lock (_gate)
        {
            _dirty.Remove(key);
            _busy.Add(key);
        }

        return key;
    }

    /// <summary>The caller of <see cref="TakeAsync"/> is through with the key.</summary>
    public void Done(TKey key)
    {
        lock (_gate)
        {
            _busy.Remove(key);
            if (_dirty.Contains(key)) _ready.Writer.TryWrite(key);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private void MarkLocked(TKey key)
    {
        if (_rests.TryGetValue(key, out var until)) MarkAtLocked(key, until);
        else if (_dirty.Add(key) && !_busy.Contains(key)) _ready.Writer.TryWrite(key);
    }

    private void MarkAtLocked(TKey key, DateTimeOffset due)
    {
        if (_due.TryGetValue(key, out var earlier) && earlier <= due) return;
        _due[key] = due;
        _agenda.Enqueue(key, due);
        Arm();
    }

    private void Ring()
    {
        lock (_gate)
        {
            _armed = DateTimeOffset.MaxValue;
            var now = _time.GetUtcNow();
            while (_agenda.TryPeek(out var key, out var due) && due <= now)
            {
                _agenda.Dequeue();
                if (_rests.TryGetValue(key, out var rested) && rested <= now) _rests.Remove(key);
                if (!_due.TryGetValue(key, out var wanted) || wanted != due) continue;
                _due.Remove(key);
                MarkLocked(key);
            }

            Arm();
        }
    }

    private void Arm()
    {
        if (!_agenda.TryPeek(out _, out var due) || due >= _armed) return;
        _armed = due;
        var wait = due - _time.GetUtcNow();
        // A timer takes no more than 49 days; an earlier ring only arms it again.
        _timer.Change(wait < TimeSpan.Zero ? TimeSpan.Zero : wait > TimeSpan.FromDays(7) ? TimeSpan.FromDays(7) : wait, Timeout.InfiniteTimeSpan);
    }
}
