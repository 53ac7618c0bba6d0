using System.Text;
using Gatehouse.Store.Tests.Support;

namespace Gatehouse.Store.Tests.Conformance;

public abstract partial class StoreConformance
{
    [Fact]
    public async Task A_watch_tells_every_change_with_what_was_before()
    {
        var store = await OpenAsync();
        await store.PutAsync("/k/a", "1");
        await store.PutAsync("/other", "1");
        await store.PutAsync("/k/a", "2");
        await store.DeleteAsync("/k/a");
        await store.PutAsync("/k/a", "3");
        Assert.Equal(["1 /k/a=1[]", "3 /k/a=2[1]", "4 /k/a=-[2]", "5 /k/a=3[]"], (await store.WatchAsync("/k/", 0, 4)).Select(e => e.Text()));
        Assert.Equal(["4 /k/a=-[2]", "5 /k/a=3[]"], (await store.WatchAsync("/k/", 3, 2)).Select(e => e.Text()));
    }

    [Fact]
    public async Task A_watch_goes_on_with_what_is_written_later()
    {
        var store = await OpenAsync();
        await store.PutAsync("/k/a", "1");
        await using var watch = new WatchProbe(store, "/k/", 1);
        Assert.False(watch.HasEvent);
        await store.PutAsync("/other", "1");
        await store.PutAsync("/k/b", "1");
        Assert.Equal("3 /k/b=1[]", (await watch.NextAsync())!.Text());
        await store.PutAsync("/k/b", "2");
        Assert.Equal("4 /k/b=2[1]", (await watch.NextAsync())!.Text());
    }

    [Fact]
    public async Task A_watch_from_a_future_revision_waits_for_it()
    {
        var store = await OpenAsync();
        await using var watch = new WatchProbe(store, "/", 3);
        watch.Arm();
        for (var i = 1; i <= 5; i++) await store.PutAsync("/a", $"{i}");
        Assert.Equal(4, (await watch.NextAsync())!.Revision);
        Assert.Equal(5, (await watch.NextAsync())!.Revision);
    }

    [Fact]
    public async Task A_cancelled_watch_ends()
    {
        var store = await OpenAsync();
        using var cancel = new CancellationTokenSource();
        await using var events = store.WatchAsync("/", 0, cancel.Token).GetAsyncEnumerator(Cancellation);
        var next = events.MoveNextAsync().AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);
    }

    [Fact]
    public async Task Nested_prefixes_each_hear_what_is_theirs()
    {
        var store = await OpenAsync();
        string[] prefixes = ["", "/", "/a", "/a/", "/a/1", "/a/12", "/b/"];
        var watches = prefixes.Select(p => new WatchProbe(store, p, 0)).ToList();
        watches.ForEach(w => w.Arm());
        await store.PutAsync("/a/12", "v");
        await store.PutAsync("/b/1", "v");
        await store.PutAsync("/end", "v");
        foreach (var (prefix, watch) in prefixes.Zip(watches))
        {
            foreach (var key in (string[])["/a/12", "/b/1", "/end"])
            {
                if (key.StartsWith(prefix, StringComparison.Ordinal)) Assert.Equal(key, (await watch.NextAsync())!.Key);
            }

            Assert.False(watch.HasEvent, $"'{prefix}' heard more than its own");
            await watch.DisposeAsync();
        }
    }

    [Fact]
    public async Task Watches_that_start_anywhere_while_writes_run_miss_and_repeat_nothing()
    {
        const int Writes = 3000;
        var store = await OpenAsync(new StoreOptions { WatchBuffer = 50 });
        var writing = Task.WhenAll(Enumerable.Range(0, 16).Select(w => Task.Run(async () =>
        {
            for (var i = w; i < Writes; i += 16) await store.PutAsync($"/{i % 3}/{i}", $"{i}");
        })));
        var random = new Random(7);
        var watching = new List<Task>();
        while (!writing.IsCompleted || watching.Count < 20)
        {
            var prefix = random.Next(2) == 0 ? "/" : $"/{random.Next(3)}/";
            var after = random.NextInt64(store.Revision + 1);
            watching.Add(Task.Run(() => FollowAsync(store, prefix, after), Cancellation));
            if (watching.Count % 20 == 0) await Task.WhenAll(watching[^20..].Select(w => Task.WhenAny(w, writing)));
        }

        await writing;
        foreach (var end in (string[])["/0/end", "/1/end", "/2/end"]) await store.PutAsync(end, "end");
        await Task.WhenAll(watching);
    }

    // Reads up to the end mark of its prefix, and compares with what the store says was written.
    private static async Task FollowAsync(IRevisionStore store, string prefix, long after)
    {
        var end = prefix == "/" ? "/2/end" : $"{prefix}end";
        var seen = new List<long>();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        limit.CancelAfter(StoreReading.Patience);
        await foreach (var change in store.WatchAsync(prefix, after, limit.Token))
        {
            if (change.Key is null) continue;
            Assert.StartsWith(prefix, change.Key, StringComparison.Ordinal);
            seen.Add(change.Revision);
            if (change.Key == end) break;
            if (seen.Count % 64 == 0) await Task.Yield();
        }

        // Keys are written once, so the list names every revision of the prefix.
        var list = await store.ListAsync(new ListRequest(prefix, seen[^1]), limit.Token);
        Assert.Equal(list.Entries.Select(e => e.Revision).Where(r => r > after).Order(), seen);
    }

    [Fact]
    public async Task A_slow_watcher_is_fed_from_the_history()
    {
        var store = await OpenAsync(new StoreOptions { WatchBuffer = 4 });
        await using var watch = new WatchProbe(store, "/", 0);
        watch.Arm();
        for (var i = 1; i <= 1000; i++) await store.PutAsync("/a", $"{i}");
        for (var i = 1; i <= 1000; i++) Assert.Equal(i, (await watch.NextAsync())!.Revision);
        await store.PutAsync("/a", "1001");
        Assert.Equal(1001, (await watch.NextAsync())!.Revision);
    }

    [Fact]
    public async Task A_watcher_slower_than_the_history_must_list_again()
    {
        var store = await OpenAsync(new StoreOptions { WatchBuffer = 4, HistoryRevisions = 10 });
        await using var watch = new WatchProbe(store, "/", 0);
        watch.Arm();
        for (var i = 1; i <= 100; i++) await store.PutAsync("/a", $"{i}");
        var last = 0L;
        var lost = await Assert.ThrowsAsync<RevisionCompactedException>(async () =>
        {
            while (true)
            {
                var next = (await watch.NextAsync())!.Revision;
                Assert.Equal(last + 1, next);
                last = next;
            }
        });
        Assert.InRange(last, 4, 10);
        Assert.Equal(last, lost.Asked);
        Assert.Equal(store.CompactedRevision, lost.Oldest);
    }

    [Fact]
    public async Task A_slow_watcher_holds_up_neither_writes_nor_other_watchers()
    {
        var store = await OpenAsync(new StoreOptions { WatchBuffer = 4 });
        await using var slow = new WatchProbe(store, "/", 0);
        slow.Arm();
        await using var quick = new WatchProbe(store, "/", 0);
        for (var i = 1; i <= 200; i++)
        {
            await store.PutAsync("/a", $"{i}");
            Assert.Equal(i, (await quick.NextAsync())!.Revision);
        }
    }

    [Fact]
    public async Task An_idle_watcher_hears_how_far_the_store_is()
    {
        var store = await OpenAsync(new StoreOptions { ProgressInterval = TimeSpan.FromSeconds(5) });
        await using var watch = new WatchProbe(store, "/k/", 0);
        watch.Arm();
        await using var all = new WatchProbe(store, "", 0);
        all.Arm();
        await store.PutAsync("/other", "1");
        await store.PutAsync("/other", "2");
        await PublishedAsync(all, 2);
        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.False(watch.HasEvent);
        _time.Advance(TimeSpan.FromSeconds(1));
        var progress = await watch.NextAsync();
        Assert.Equal((2L, (string?)null, (StoreEntry?)null), (progress!.Revision, progress.Key, progress.Previous));
        Assert.Null(progress.Value);

        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.False(watch.HasEvent, "the same progress was told twice");
        await store.PutAsync("/k/a", "1");
        Assert.Equal(3, (await watch.NextAsync())!.Revision);
    }

    [Fact]
    public async Task Progress_never_overtakes_a_change()
    {
        var store = await OpenAsync(new StoreOptions { ProgressInterval = TimeSpan.FromSeconds(5) });
        await using var watch = new WatchProbe(store, "/k/", 0);
        watch.Arm();
        await using var all = new WatchProbe(store, "", 0);
        all.Arm();
        await store.PutAsync("/k/a", "1");
        await store.PutAsync("/k/b", "1");
        await store.PutAsync("/other", "1");
        await PublishedAsync(all, 3);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("/k/a", (await watch.NextAsync())!.Key);
        Assert.Equal("/k/b", (await watch.NextAsync())!.Key);
        Assert.False(watch.HasEvent);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal((3L, null), ((await watch.NextAsync()) is var p ? (p!.Revision, p.Key) : default));
    }

    // Acknowledged is not yet told to watchers; a watch of everything, attached before the writes, says when it is.
    private static async Task PublishedAsync(WatchProbe all, long revision)
    {
        while ((await all.NextAsync())!.Revision < revision)
        {
        }
    }

    [Fact]
    public async Task Fifteen_thousand_narrow_watches_cost_a_write_only_those_that_are_interested()
    {
        const int Watches = 15_000;
        var store = await OpenAsync();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var heard = new int[Watches];
        var watching = Enumerable.Range(0, Watches).Select(i => CountAsync(i)).ToList();
        var done = Enumerable.Range(0, 300).Select(i => store.WatchAsync($"/narrow/{i * 50:d5}/", 0, 1)).ToList();
        await Task.WhenAll(Enumerable.Range(0, 300).Select(i => store.PutAsync($"/narrow/{i * 50:d5}/x", "v")));
        await Task.WhenAll(done);
        await end.CancelAsync();
        await Task.WhenAll(watching);
        for (var i = 0; i < Watches; i++) Assert.True(heard[i] <= (i % 50 == 0 ? 1 : 0), $"watch {i} heard {heard[i]}");

        async Task CountAsync(int i)
        {
            try
            {
                await foreach (var _ in store.WatchAsync($"/narrow/{i:d5}/", 0, end.Token)) heard[i]++;
            }
            catch (OperationCanceledException)
            {
                // The end of the test.
            }
        }
    }

    [Fact]
    public async Task Large_values_reach_watchers_whole()
    {
        var store = await OpenAsync();
        var value = new string('x', 1 << 20);
        await store.PutAsync("/a", value);
        var change = Assert.Single(await store.WatchAsync("/", 0, 1));
        Assert.Equal(value, Encoding.UTF8.GetString(change.Value!.Value.Span));
    }
}
