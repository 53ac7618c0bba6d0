using System.Text;
using Gatehouse.Store.Tests.Support;
using Gatehouse.TestKit;

namespace Gatehouse.Store.Tests.Conformance;

/// <summary>What every store must do. One class for each store gives the store; each test has one of its own.</summary>
public abstract partial class StoreConformance : IAsyncLifetime
{
    private readonly List<IRevisionStore> _opened = [];
    private readonly ManualTimeProvider _time = new();

    protected abstract ValueTask<IRevisionStore> OpenAsync(StoreOptions options, TimeProvider time);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var store in _opened) await store.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private async Task<IRevisionStore> OpenAsync(StoreOptions? options = null)
    {
        var store = await OpenAsync(options ?? new StoreOptions(), _time);
        _opened.Add(store);
        return store;
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Revisions_start_at_one_and_grow_by_one_with_each_write()
    {
        var store = await OpenAsync();
        Assert.Equal(0, store.Revision);
        Assert.Equal(1, await store.PutAsync("/a", "1"));
        Assert.Equal(2, await store.PutAsync("/b", "1"));
        Assert.Equal(3, (await store.DeleteAsync("/a")).Revision);
        Assert.Equal(3, store.Revision);
    }

    [Fact]
    public async Task An_entry_carries_its_last_and_its_creating_revision()
    {
        var store = await OpenAsync();
        await store.PutAsync("/other", "x");
        await store.PutAsync("/a", "1");
        await store.PutAsync("/a", "2");
        var entry = await store.GetAsync("/a", 0, Cancellation);
        Assert.Equal((3L, 2L, "2"), (entry!.Revision, entry.CreateRevision, entry.Text()));
    }

    [Theory]
    [InlineData(0L, false)]
    [InlineData(1L, false)]
    [InlineData(2L, true)]
    [InlineData(3L, false)]
    [InlineData(null, true)]
    public async Task A_write_succeeds_only_on_the_revision_that_it_expects(long? expected, bool succeeds)
    {
        var store = await OpenAsync();
        await store.PutAsync("/a", "1");
        await store.PutAsync("/a", "2");
        var result = await store.TryPutAsync("/a", "3", expected);
        Assert.Equal(succeeds, result.Written);
        Assert.Equal(succeeds ? 3 : 2, store.Revision);
        Assert.Equal(succeeds ? "3" : "2", await store.ReadAsync("/a"));
        Assert.Equal(succeeds ? null : "2", result.Current?.Text());
    }

    [Theory]
    [InlineData(0L, true)]
    [InlineData(1L, false)]
    [InlineData(null, true)]
    public async Task A_write_of_a_missing_key_succeeds_unless_a_revision_is_expected(long? expected, bool succeeds)
    {
        var store = await OpenAsync();
        var result = await store.TryPutAsync("/a", "1", expected);
        Assert.Equal(succeeds, result.Written);
        Assert.Null(result.Current);
        Assert.Equal(succeeds ? 1 : 0, store.Revision);
    }

    [Fact]
    public async Task Of_many_writers_that_expect_the_same_revision_one_wins()
    {
        var store = await OpenAsync();
        await store.PutAsync("/a", "0");
        var results = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Task.Run(() => store.TryPutAsync("/a", $"{i}", 1))));
        var winner = Assert.Single(results, r => r.Written);
        Assert.Equal(2, winner.Revision);
        Assert.All(results.Where(r => !r.Written), r => Assert.Equal(2, r.Current!.Revision));
    }

    [Fact]
    public async Task Counting_with_retries_on_conflict_loses_no_step()
    {
        var store = await OpenAsync();
        await store.PutAsync("/n", "0");
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            for (var step = 0; step < 50; step++)
            {
                var seen = (await store.GetAsync("/n", 0, Cancellation))!;
                while (true)
                {
                    var result = await store.TryPutAsync("/n", $"{int.Parse(seen.Text()) + 1}", seen.Revision);
                    if (result.Written) break;
                    seen = result.Current!;
                }
            }
        })));
        Assert.Equal("400", await store.ReadAsync("/n"));
        Assert.Equal(401, store.Revision);
    }

    [Fact]
    public async Task Deleting_needs_the_expected_revision_and_a_key_that_is_there()
    {
        var store = await OpenAsync();
        Assert.False((await store.DeleteAsync("/a")).Written);
        Assert.Equal(0, store.Revision);
        await store.PutAsync("/a", "1");
        var refused = await store.DeleteAsync("/a", 7);
        Assert.False(refused.Written);
        Assert.Equal((1L, "1"), (refused.Current!.Revision, refused.Current.Text()));
        Assert.True((await store.DeleteAsync("/a", 1)).Written);
        Assert.Null(await store.ReadAsync("/a"));
        Assert.False((await store.DeleteAsync("/a", 1)).Written);
    }

    [Fact]
    public async Task A_key_that_is_created_again_has_a_new_creating_revision()
    {
        var store = await OpenAsync();
        await store.PutAsync("/a", "1");
        await store.DeleteAsync("/a");
        Assert.Equal(3, await store.PutAsync("/a", "2", 0));
        var entry = await store.GetAsync("/a", 0, Cancellation);
        Assert.Equal((3L, 3L), (entry!.Revision, entry.CreateRevision));
        Assert.Equal("1", await store.ReadAsync("/a", 1));
        Assert.Null(await store.ReadAsync("/a", 2));
    }

    [Fact]
    public async Task A_value_may_be_empty_and_is_not_a_delete()
    {
        var store = await OpenAsync();
        await store.PutAsync("/a", "");
        Assert.Equal("", await store.ReadAsync("/a"));
        Assert.Equal(["1 /a=[]"], (await store.WatchAsync("/", 0, 1)).Select(e => e.Text()));
    }

    [Fact]
    public async Task The_store_keeps_its_own_copy_of_a_value()
    {
        var store = await OpenAsync();
        var buffer = "one"u8.ToArray();
        await store.WriteAsync(new StoreWrite("/a", buffer, null), Cancellation);
        "two"u8.CopyTo(buffer);
        Assert.Equal("one", await store.ReadAsync("/a"));
    }

    [Fact]
    public async Task The_largest_key_and_value_are_kept()
    {
        var store = await OpenAsync();
        var key = new string('ü', StoreLimits.KeyBytes / 2);
        var value = new byte[StoreLimits.ValueBytes];
        new Random(1).NextBytes(value);
        await store.WriteAsync(new StoreWrite(key, value, 0), Cancellation);
        Assert.True((await store.GetAsync(key, 0, Cancellation))!.Value.Span.SequenceEqual(value));
    }

    public static TheoryData<string, int, long?, string> OutsideLimits => new()
    {
        { "", 1, null, "empty" },
        { new string('a', 1025), 1, null, "1025 bytes" },
        { new string('ü', 513), 1, null, "1026 bytes" },
        { "/a\0b", 1, null, "NUL" },
        { "/a\ud800b", 1, null, "character 2 is a lone surrogate" },
        { "/a", StoreLimits.ValueBytes + 1, null, "'/a': the value has 1572865 bytes; at most 1572864" },
        { "/a", 1, -1, "'/a': expected revision -1" },
    };

    [Theory]
    [MemberData(nameof(OutsideLimits))]
    public async Task What_is_outside_the_limits_is_refused_with_the_reason(string key, int length, long? expected, string reason)
    {
        var store = await OpenAsync();
        var fault = await Assert.ThrowsAsync<ArgumentException>(async () => await store.WriteAsync(new StoreWrite(key, new byte[length], expected), Cancellation));
        Assert.Contains(reason, fault.Message, StringComparison.Ordinal);
        Assert.Equal(0, store.Revision);
    }

    [Fact]
    public async Task A_cancelled_write_changes_nothing()
    {
        var store = await OpenAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            await store.WriteAsync(new StoreWrite("/a", Encoding.UTF8.GetBytes("1"), null), new CancellationToken(canceled: true)));
        Assert.Equal(1, await store.PutAsync("/b", "1"));
        Assert.Null(await store.ReadAsync("/a"));
    }

    [Fact]
    public async Task A_full_store_refuses_growth_and_takes_deletes()
    {
        var store = await OpenAsync(new StoreOptions { MaxBytes = 64 << 10 });
        for (var i = 0; i < 6; i++) await store.PutAsync($"/{i}", new string('x', 10_000));
        var full = await Assert.ThrowsAsync<StoreFullException>(() => store.PutAsync("/6", new string('x', 10_000)));
        Assert.Contains("70014 bytes, and maxBytes is 65536", full.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<StoreFullException>(() => store.PutAsync("/0", new string('x', 20_000)));
        Assert.Equal(7, await store.PutAsync("/0", new string('y', 10_000)));
        Assert.True((await store.DeleteAsync("/1")).Written);
        Assert.Equal(9, await store.PutAsync("/6", new string('x', 10_000)));
    }

    [Fact]
    public async Task Many_large_values_at_once_are_all_kept()
    {
        var store = await OpenAsync();
        var value = new string('x', 300_000);
        await Task.WhenAll(Enumerable.Range(0, 150).Select(i => store.PutAsync($"/{i}", value)));
        Assert.Equal(150, store.Revision);
    }

    [Fact]
    public async Task A_disposed_store_refuses_writes_and_ends_watches()
    {
        var store = await OpenAsync();
        await store.PutAsync("/a", "1");
        await using var watch = new WatchProbe(store, "/", 1);
        watch.Arm();
        await store.DisposeAsync();
        Assert.Null(await watch.NextAsync());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => store.TryPutAsync("/a", "2", null));
        await store.DisposeAsync();
    }

    [Fact]
    public async Task Wrong_options_are_reported_all_at_once()
    {
        var options = new StoreOptions { HistoryRevisions = 0, HistoryBytes = 1, WatchBuffer = -1, ProgressInterval = TimeSpan.Zero };
        var fault = await Assert.ThrowsAsync<ArgumentException>(() => OpenAsync(options));
        Assert.All(["historyRevisions: '0'", "historyBytes: '1'", "watchBuffer: '-1'", "progressInterval: '00:00:00'"], part =>
            Assert.Contains(part, fault.Message, StringComparison.Ordinal));
    }
}
