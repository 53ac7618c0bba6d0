using System.Collections.Concurrent;
using Gatehouse.Api.Client;
using Gatehouse.Api.Reconciling;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Store;
using Gatehouse.Store.Memory;
using Gatehouse.TestKit;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Api.Tests.Reconciling;

public sealed class ReconcileTests
{
    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_key_waits_once_is_at_one_worker_and_comes_again_when_it_was_marked_meanwhile()
    {
        using var queue = new DirtyQueue<string>(_time);
        queue.Mark("a");
        queue.Mark("a");
        queue.Mark("b");
        Assert.Equal(2, queue.Count);
        Assert.Equal("a", await queue.TakeAsync(Ct));
        queue.Mark("a");
        Assert.Equal("b", await queue.TakeAsync(Ct));
        var next = queue.TakeAsync(Ct).AsTask();
        queue.Done("b");
        Assert.False(next.IsCompleted);
        queue.Done("a");
        Assert.Equal("a", await next);
        queue.Done("a");
        Assert.Equal(0, queue.Count);
    }

    [Fact]
    public async Task Of_two_times_the_earlier_one_counts_and_a_far_one_is_reached()
    {
        using var queue = new DirtyQueue<string>(_time);
        queue.MarkAt("a", _time.Start.AddMinutes(2));
        queue.MarkAt("a", _time.Start.AddMinutes(1));
        queue.MarkAt("a", _time.Start.AddMinutes(3));
        queue.MarkAt("far", _time.Start.AddDays(100));
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(0, queue.Count);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("a", await queue.TakeAsync(Ct));
        queue.Done("a");
        _time.Advance(TimeSpan.FromDays(99));
        Assert.Equal(0, queue.Count);
        _time.Advance(TimeSpan.FromDays(1));
        Assert.Equal("far", await queue.TakeAsync(Ct));
    }

    [Fact]
    public async Task A_key_that_rests_is_given_out_once_when_the_rest_is_over()
    {
        using var queue = new DirtyQueue<string>(_time);
        queue.Mark("a");
        Assert.Equal("a", await queue.TakeAsync(Ct));
        queue.Mark("a");
        queue.Rest("a", _time.Start.AddSeconds(2));
        queue.Done("a");
        queue.Mark("a");
        queue.MarkAt("a", _time.Start.AddSeconds(1));
        queue.Mark("b");
        Assert.Equal("b", await queue.TakeAsync(Ct));
        queue.Done("b");
        _time.Advance(TimeSpan.FromSeconds(1.9));
        Assert.Equal(0, queue.Count);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal("a", await queue.TakeAsync(Ct));
        queue.Done("a");
        Assert.Equal(0, queue.Count);
        queue.Mark("a");
        Assert.Equal("a", await queue.TakeAsync(Ct));
    }

    [Fact]
    public async Task A_step_that_asks_for_a_rest_is_followed_by_one_for_all_that_was_marked_meanwhile()
    {
        var steps = new SemaphoreSlim(0);
        var count = 0;
        var rest = TimeSpan.FromMilliseconds(200);
        ReconcileLoop<string>? resting = null;
        using var loop = resting = new ReconcileLoop<string>(new ReconcileOptions { Name = "test", Time = _time }, (key, _) =>
        {
            count++;
            resting!.Rest(key, rest);
            steps.Release();
            return Task.FromResult<DateTimeOffset?>(null);
        });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var run = loop.RunAsync(stop.Token);
        loop.Mark("a");
        await steps.WaitAsync(Ct);
        for (var i = 0; i < 10; i++) loop.Mark("a");
        await _time.TimerArmedAsync(rest);
        Assert.Equal(1, count);
        _time.Advance(rest);
        await steps.WaitAsync(Ct);
        await stop.CancelAsync();
        await run;
        Assert.Equal(2, count);
    }

    [Fact]
    public async Task What_fails_is_tried_again_later_and_later_and_at_once_when_told_so()
    {
        var attempts = new ConcurrentQueue<int>();
        var seen = new SemaphoreSlim(0);
        var count = 0;
        using var loop = new ReconcileLoop<string>(new ReconcileOptions { Name = "test", Time = _time, Random = new Random(1) }, (_, _) =>
        {
            attempts.Enqueue(++count);
            seen.Release();
            throw count % 2 == 0 ? new ApiUnreachableException("gone", null) : new ApiStatusException(new Status { Code = 409, Reason = StatusReason.Conflict });
        });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var run = loop.RunAsync(stop.Token);
        loop.Mark("a");
        await seen.WaitAsync(Ct);
        await _time.TimerArmedAsync(t => t >= TimeSpan.FromMilliseconds(10) && t <= TimeSpan.FromMilliseconds(20), "the first pause");
        _time.Advance(TimeSpan.FromMilliseconds(20));
        await seen.WaitAsync(Ct);
        await _time.TimerArmedAsync(t => t >= TimeSpan.FromMilliseconds(20) && t <= TimeSpan.FromMilliseconds(40), "the second pause");
        Assert.Equal(1, loop.Failing);
        loop.RetryNow();
        await seen.WaitAsync(Ct);
        Assert.Equal([1, 2, 3], attempts);
        await stop.CancelAsync();
        await run;
    }

    [Fact]
    public async Task A_refusal_is_tried_again_each_minute_and_told_once_until_it_says_something_else()
    {
        var seen = new SemaphoreSlim(0);
        var why = "no such service";
        var log = new Warnings();
        using var loop = new ReconcileLoop<string>(new ReconcileOptions { Name = "test", Time = _time, Logger = log }, (_, _) =>
        {
            seen.Release();
            throw new ApiStatusException(new Status { Code = 422, Reason = StatusReason.Invalid, Message = why });
        });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var run = loop.RunAsync(stop.Token);
        loop.Mark("a");
        await seen.WaitAsync(Ct);
        for (var attempt = 2; attempt <= 15; attempt++)
        {
            await _time.TimerArmedAsync(t => t > TimeSpan.Zero && t <= TimeSpan.FromMinutes(1), "the next pause");
            _time.Advance(_time.Armed.Where(t => t > TimeSpan.Zero).Max());
            await seen.WaitAsync(Ct);
        }

        await _time.TimerArmedAsync(t => t > TimeSpan.FromSeconds(29) && t <= TimeSpan.FromMinutes(1), "a pause of about a minute");
        Assert.Contains("no such service", Assert.Single(log.Texts), StringComparison.Ordinal);
        why = "no such worker";
        loop.RetryNow();
        await seen.WaitAsync(Ct);
        await UntilAsync(() => log.Texts.Count == 2);
        await stop.CancelAsync();
        await run;
    }

    [Fact]
    public async Task A_bug_ends_the_loop()
    {
        using var loop = new ReconcileLoop<string>(new ReconcileOptions { Name = "test", Parallel = 4 }, (_, _) => throw new InvalidOperationException("a bug"));
        loop.Mark("a");
        Assert.Equal("a bug", (await Assert.ThrowsAsync<InvalidOperationException>(() => loop.RunAsync(Ct))).Message);
    }

    [Fact]
    public async Task The_first_loop_that_fails_ends_the_others_and_is_the_one_that_is_told()
    {
        var ended = false;
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => RoleTasks.RunAllAsync(
            Ct,
            async ct =>
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, _time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                ended = true;
            },
            _ => throw new InvalidOperationException("first")));
        Assert.Equal("first", failure.Message);
        Assert.True(ended);
    }

    [Fact]
    public async Task Cancelling_ends_all_without_an_exception()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var run = RoleTasks.RunAllAsync(stop.Token, ct => Task.Delay(Timeout.InfiniteTimeSpan, _time, ct), ct => Task.Delay(Timeout.InfiniteTimeSpan, _time, ct));
        await stop.CancelAsync();
        await run;
    }

    [Fact]
    public async Task A_feed_has_no_gap_between_its_list_and_its_watch_and_counts_own_writes_once()
    {
        await using var store = new MemoryStore(TimeProvider.System);
        await using var server = await ApiServer.CreateAsync(new ApiServerOptions { Store = store }, Ct);
        await server.Local.CreateAsync(Token("a"), Ct);
        var changes = new ConcurrentQueue<string>();
        var feed = new ObjectFeed<JoinToken>(server.Local, TimeProvider.System, e => changes.Enqueue($"{e.Type} {e.Object!.Metadata.Name}"));
        await feed.LoadAsync(Ct);
        await server.Local.CreateAsync(Token("b"), Ct);
        await server.Local.DeleteAsync<JoinToken>("a", null, Ct);
        var c = await server.Local.CreateAsync(Token("c"), Ct);
        Assert.Same(c, feed.Observe(c));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var run = feed.RunAsync(stop.Token);
        await server.Local.CreateAsync(Token("d"), Ct);
        await UntilAsync(() => feed.Find("d") is not null);
        Assert.Equal(["Added a", "Added c", "Added b", "Deleted a", "Added d"], changes);
        feed.Observe(c);
        Assert.Equal(["b", "c", "d"], feed.All.Select(o => o.Metadata.Name).Order());
        await stop.CancelAsync();
        await run;
    }

    [Fact]
    public async Task A_feed_whose_revision_was_compacted_lists_again_and_says_what_went()
    {
        await using var store = new MemoryStore(TimeProvider.System);
        await using var server = await ApiServer.CreateAsync(new ApiServerOptions { Store = store }, Ct);
        await server.Local.CreateAsync(Token("a"), Ct);
        var changes = new ConcurrentQueue<string>();
        var feed = new ObjectFeed<JoinToken>(server.Local, TimeProvider.System, e => changes.Enqueue($"{e.Type} {e.Object!.Metadata.Name}"));
        await feed.LoadAsync(Ct);
        await server.Local.DeleteAsync<JoinToken>("a", null, Ct);
        for (var i = 0; i < 10; i++) await server.Local.CreateAsync(Token($"x{i}"), Ct);
        await store.CompactAsync(store.Revision, Ct);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        await feed.LoadAsync(Ct);
        var run = feed.RunAsync(stop.Token);
        await UntilAsync(() => feed.Count == 10 && feed.Find("a") is null);
        Assert.Contains("Deleted a", changes);
        await stop.CancelAsync();
        await run;
    }

    private static JoinToken Token(string name) => new() { Metadata = new ObjectMeta { Name = name }, Spec = new JoinTokenSpec { Hash = new string('0', 64), Role = "worker" } };

    private static async Task UntilAsync(Func<bool> reached)
    {
        while (!reached())
        {
            Ct.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private sealed class Warnings : ILogger
    {
        public ConcurrentQueue<string> Texts { get; } = new();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= LogLevel.Warning) Texts.Enqueue(formatter(state, exception));
        }
    }
}
