using Gatehouse.TestKit;

namespace Gatehouse.Repo.Tests.TestKit;

public sealed class ManualTimeProviderTests
{
    private readonly ManualTimeProvider _time = new();

    [Fact]
    public void Time_stands_until_it_is_moved()
    {
        var (now, stamp) = (_time.GetUtcNow(), _time.GetTimestamp());
        Assert.Equal(now, _time.GetUtcNow());
        _time.Advance(TimeSpan.FromMinutes(3));
        Assert.Equal(now.AddMinutes(3), _time.GetUtcNow());
        Assert.Equal(TimeSpan.FromMinutes(3), _time.GetElapsedTime(stamp));
    }

    [Fact]
    public void Timers_fire_in_order_at_their_time_also_those_armed_on_the_way()
    {
        var fired = new List<string>();
        using var late = _time.CreateTimer(_ => Note("late"), null, TimeSpan.FromSeconds(9), Timeout.InfiniteTimeSpan);
        using var early = _time.CreateTimer(
            _ =>
            {
                Note("early");
                _time.CreateTimer(_ => Note("inner"), null, TimeSpan.FromSeconds(2), Timeout.InfiniteTimeSpan);
            },
            null, TimeSpan.FromSeconds(3), Timeout.InfiniteTimeSpan);
        _time.Advance(TimeSpan.FromSeconds(8));
        Assert.Equal(["early@3", "inner@5"], fired);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("late@9", fired[^1]);

        void Note(string what) => fired.Add($"{what}@{(_time.GetUtcNow() - _time.Start).TotalSeconds}");
    }

    [Fact]
    public void A_period_repeats_until_disposed()
    {
        var count = 0;
        var timer = _time.CreateTimer(_ => count++, null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2));
        _time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(3, count);
        timer.Dispose();
        _time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(3, count);
        Assert.Empty(_time.Armed);
    }

    [Fact]
    public void A_timer_can_be_changed_and_stopped()
    {
        var count = 0;
        using var timer = _time.CreateTimer(_ => count++, null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        timer.Change(TimeSpan.FromSeconds(5), Timeout.InfiniteTimeSpan);
        _time.Advance(TimeSpan.FromSeconds(4));
        timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(0, count);
    }

    [Fact]
    public async Task Delays_and_deadlines_of_NET_follow_it()
    {
        var delay = Task.Delay(TimeSpan.FromSeconds(10), _time, TestContext.Current.CancellationToken);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(5), _time);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.True(deadline.IsCancellationRequested);
        Assert.False(delay.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(5));
        await delay;
    }

    [Fact]
    public async Task A_barrier_opens_when_the_timer_is_armed_and_not_before()
    {
        var barrier = _time.TimerArmedAsync(TimeSpan.FromSeconds(7));
        using var other = _time.CreateTimer(_ => { }, null, TimeSpan.FromSeconds(6), Timeout.InfiniteTimeSpan);
        Assert.False(barrier.IsCompleted);
        using var meant = _time.CreateTimer(_ => { }, null, TimeSpan.FromSeconds(7), Timeout.InfiniteTimeSpan);
        await barrier;
        await _time.TimerArmedAsync(TimeSpan.FromSeconds(6));
        Assert.Equal([TimeSpan.FromSeconds(6), TimeSpan.FromSeconds(7)], _time.Armed);
    }

    [Fact]
    public async Task A_timer_that_is_due_at_once_fires_without_anybody_moving_the_time()
    {
        var fired = new TaskCompletionSource();
        using var timer = _time.CreateTimer(_ => fired.TrySetResult(), null, TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        await fired.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    [Fact]
    public void A_clock_that_is_set_fires_nothing()
    {
        using var timer = _time.CreateTimer(_ => Assert.Fail("fired"), null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        _time.JumpTo(_time.Start.AddYears(1));
        Assert.Equal(_time.Start.AddYears(1), _time.GetUtcNow());
    }
}
