namespace Gatehouse.TestKit;

/// <summary>
/// Time that stands until a test moves it. <see cref="Advance"/> runs what falls due, in order. What the code under test does between two timers happens on other
/// threads, so a test waits with <see cref="TimerArmedAsync(Func{TimeSpan, bool}, string)"/> until the code has armed the timer that the test means to fire.
/// </summary>
public sealed class ManualTimeProvider : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<ManualTimer> _armed = [];
    private readonly List<(Func<TimeSpan, bool> Matches, TaskCompletionSource Reached)> _waiting = [];
    private DateTimeOffset _now;
    private long _sequence;

    /// <summary>Starts at a fixed moment in the past, or at one that the test gives.</summary>
    public ManualTimeProvider(DateTimeOffset? start = null)
    {
        Start = start ?? new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
        _now = Start;
    }

    /// <summary>When this clock began.</summary>
    public DateTimeOffset Start { get; }

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>What is left of each armed timer, the next one first.</summary>
    public IReadOnlyList<TimeSpan> Armed
    {
        get
        {
            lock (_gate) return [.. _armed.Select(t => t.Due - _now).Order()];
        }
    }

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate) return _now;
    }

    /// <inheritdoc/>
    public override long GetTimestamp()
    {
        lock (_gate) return (_now - Start).Ticks;
    }

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Moves time forward and runs, on this thread and in order, every timer that falls due on the way, also those armed meanwhile.</summary>
    public void Advance(TimeSpan by)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, TimeSpan.Zero);
        DateTimeOffset end;
        lock (_gate) end = _now + by;
        while (TakeDue(end) is { } timer) timer.Fire();
        lock (_gate)
        {
            if (_now < end) _now = end;
        }
    }

    /// <summary>
    /// Lets time pass, a second at a time, until something has come: for what a large step may have cut short, a request under way for example, and what is then tried
    /// again after pauses whose number is not the test's business.
    /// </summary>
    public async Task PassUntilAsync(Task coming)
    {
        while (!coming.IsCompleted)
        {
            Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(coming, Task.Delay(TimeSpan.FromMilliseconds(10), System));
        }

        await coming;
    }

    /// <summary>Sets the wall clock and the timers' clock back or forth without running anything: a clock that was wrong.</summary>
    public void JumpTo(DateTimeOffset now)
    {
        lock (_gate) _now = now;
    }

    /// <summary>Waits until a timer is armed whose remaining time matches; at once when there is one.</summary>
    public async Task TimerArmedAsync(Func<TimeSpan, bool> matches, string what = "a timer")
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_armed.Any(t => matches(t.Due - _now))) return;
            _waiting.Add((matches, reached));
        }

        try
        {
            await reached.Task.WaitAsync(Patience.Limit);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"{what} was not armed; armed are: {string.Join(", ", Armed)}");
        }
    }

    /// <summary>Waits until a timer is armed that fires in exactly this time.</summary>
    public Task TimerArmedAsync(TimeSpan due) => TimerArmedAsync(left => left == due, $"a timer of {due}");

    private ManualTimer? TakeDue(DateTimeOffset end)
    {
        lock (_gate)
        {
            var next = _armed.Where(t => t.Due <= end).MinBy(t => (t.Due, t.Sequence));
            if (next is null) return null;
            if (next.Due > _now) _now = next.Due;
            _armed.Remove(next);
            if (next.Period > TimeSpan.Zero) Arm(next, next.Period);
            return next;
        }
    }

    private void Arm(ManualTimer timer, TimeSpan due)
    {
        timer.Due = _now + due;
        timer.Sequence = ++_sequence;
        _armed.Add(timer);
        for (var i = _waiting.Count - 1; i >= 0; i--)
        {
            if (!_waiting[i].Matches(due)) continue;
            _waiting[i].Reached.TrySetResult();
            _waiting.RemoveAt(i);
        }
    }

    private sealed class ManualTimer(ManualTimeProvider owner, TimerCallback callback, object? state) : ITimer
    {
        private bool _disposed;

        public DateTimeOffset Due { get; set; }

        public TimeSpan Period { get; private set; }

        public long Sequence { get; set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (owner._gate)
            {
                if (_disposed) return false;
                owner._armed.Remove(this);
                Period = period == Timeout.InfiniteTimeSpan ? TimeSpan.Zero : period;
                if (dueTime != Timeout.InfiniteTimeSpan && dueTime > TimeSpan.Zero) owner.Arm(this, dueTime);
            }

            // A timer that is due at once fires without anybody moving the time, but not inside the call that armed it.
            if (dueTime == TimeSpan.Zero) ThreadPool.UnsafeQueueUserWorkItem(static t => t.Fire(), this, preferLocal: false);
            return true;
        }

        public void Fire()
        {
            lock (owner._gate)
            {
                if (_disposed) return;
            }

            callback(state);
        }

        public void Dispose()
        {
            lock (owner._gate)
            {
                _disposed = true;
                owner._armed.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
