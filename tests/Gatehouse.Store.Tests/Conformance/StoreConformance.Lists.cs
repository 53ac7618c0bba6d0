using Gatehouse.Store.Tests.Support;

namespace Gatehouse.Store.Tests.Conformance;

public abstract partial class StoreConformance
{
    [Fact]
    public async Task A_list_has_the_keys_under_its_prefix_in_ordinal_order()
    {
        var store = await OpenAsync();
        foreach (var key in (string[])["/b/2", "/a/1", "/b/10", "/b", "/c", "/b/1", "/b0", "/B/1"]) await store.PutAsync(key, "v");
        Assert.Equal(["/b/1=v@6", "/b/10=v@3", "/b/2=v@1"], await store.ListAsync("/b/"));
        Assert.Equal(["/B/1=v@8", "/a/1=v@2", "/b=v@4", "/b/1=v@6", "/b/10=v@3", "/b/2=v@1", "/b0=v@7", "/c=v@5"], await store.ListAsync(""));
        Assert.Empty(await store.ListAsync("/d"));
    }

    [Fact]
    public async Task A_prefix_that_ends_in_the_last_character_still_lists()
    {
        var store = await OpenAsync();
        await store.PutAsync("/a\uffff1", "1");
        await store.PutAsync("/a\uffff\uffff", "2");
        await store.PutAsync("/b", "3");
        Assert.Equal(2, (await store.ListAsync("/a\uffff")).Length);
        Assert.Single(await store.ListAsync("/a\uffff\uffff"));
        Assert.Empty(await store.ListAsync("\uffff"));
    }

    [Fact]
    public async Task A_list_at_a_revision_shows_what_was_there_then()
    {
        var store = await OpenAsync();
        await store.PutAsync("/a", "1");
        await store.PutAsync("/b", "1");
        await store.PutAsync("/a", "2");
        await store.DeleteAsync("/b");
        await store.PutAsync("/c", "1");
        await store.PutAsync("/b", "2");
        Assert.Equal(["/a=1@1"], await store.ListAsync("/", 1));
        Assert.Equal(["/a=1@1", "/b=1@2"], await store.ListAsync("/", 2));
        Assert.Equal(["/a=2@3", "/b=1@2"], await store.ListAsync("/", 3));
        Assert.Equal(["/a=2@3"], await store.ListAsync("/", 4));
        Assert.Equal(["/a=2@3", "/c=1@5"], await store.ListAsync("/", 5));
        Assert.Equal(["/a=2@3", "/b=2@6", "/c=1@5"], await store.ListAsync("/", 6));
    }

    [Fact]
    public async Task Pages_at_a_revision_join_to_the_list_while_writes_go_on()
    {
        var store = await OpenAsync();
        for (var i = 0; i < 25; i++) await store.PutAsync($"/k/{i:d2}", "old");
        var paged = new List<string>();
        var remaining = new List<long>();
        string? after = null;
        var revision = 0L;
        do
        {
            var page = await store.ListAsync(new ListRequest("/k/", revision, Limit: 10, after), Cancellation);
            revision = page.Revision;
            paged.AddRange(page.Entries.Select(e => $"{e.Key}={e.Text()}"));
            remaining.Add(page.Remaining);
            after = page.Remaining > 0 ? page.Entries[^1].Key : null;
            await store.PutAsync($"/k/{paged.Count:d2}", "new");
            await store.PutAsync($"/k/{paged.Count:d2}a", "new");
            await store.DeleteAsync($"/k/{paged.Count + 1:d2}");
            await store.DeleteAsync($"/k/{paged.Count - 1:d2}");
        }
        while (after is not null);
        Assert.Equal(Enumerable.Range(0, 25).Select(i => $"/k/{i:d2}=old"), paged);
        Assert.Equal([15L, 5L, 0L], remaining);
        Assert.Equal(25, revision);
    }

    [Theory]
    [InlineData("/k/0", "/k/1,/k/2")]
    [InlineData("/k/", "/k/1,/k/2")]
    [InlineData("/a", "/k/1,/k/2")]
    [InlineData("/k/1", "/k/2")]
    [InlineData("/k/11", "/k/2")]
    [InlineData("/k/2", "")]
    [InlineData("/z", "")]
    public async Task A_page_starts_after_any_key_also_one_that_is_gone(string after, string expected)
    {
        var store = await OpenAsync();
        foreach (var key in (string[])["/j", "/k/1", "/k/2", "/l"]) await store.PutAsync(key, "v");
        var page = await store.ListAsync(new ListRequest("/k/", StartAfter: after), Cancellation);
        Assert.Equal(expected, string.Join(',', page.Entries.Select(e => e.Key)));
    }

    [Fact]
    public async Task Any_state_of_the_past_reads_as_a_model_says()
    {
        var store = await OpenAsync();
        var random = new Random(20261120);
        var states = new List<SortedDictionary<string, string>> { new(StringComparer.Ordinal) };
        while (states.Count <= 400)
        {
            var key = $"/{random.Next(3)}/{random.Next(12)}";
            var next = new SortedDictionary<string, string>(states[^1], StringComparer.Ordinal);
            if (random.Next(4) == 0)
            {
                if (!next.Remove(key)) continue;
                await store.DeleteAsync(key);
            }
            else
            {
                next[key] = $"v{states.Count}";
                await store.PutAsync(key, next[key]);
            }

            states.Add(next);
        }

        for (var revision = 1; revision <= 400; revision++)
        {
            var prefix = $"/{random.Next(3)}/";
            var expected = states[revision].Where(e => e.Key.StartsWith(prefix, StringComparison.Ordinal)).Select(e => $"{e.Key}={e.Value}").ToList();
            var after = $"{prefix}{random.Next(12)}";
            var limit = random.Next(1, 6);
            var whole = await store.ListAsync(new ListRequest(prefix, revision), Cancellation);
            Assert.Equal(expected, whole.Entries.Select(e => $"{e.Key}={e.Text()}"));
            var rest = expected.Where(e => string.CompareOrdinal(e[..e.IndexOf('=')], after) > 0).ToList();
            var page = await store.ListAsync(new ListRequest(prefix, revision, limit, after), Cancellation);
            Assert.Equal(rest.Take(limit), page.Entries.Select(e => $"{e.Key}={e.Text()}"));
            Assert.Equal(Math.Max(0, rest.Count - limit), page.Remaining);
            var key = $"{prefix}{random.Next(12)}";
            Assert.Equal(states[revision].GetValueOrDefault(key), await store.ReadAsync(key, revision));
        }
    }

    [Fact]
    public async Task A_revision_that_was_not_written_yet_is_refused()
    {
        var store = await OpenAsync();
        await store.PutAsync("/a", "1");
        var get = await Assert.ThrowsAsync<RevisionAheadException>(() => store.ReadAsync("/a", 2));
        Assert.Equal((2L, 1L), (get.Asked, get.Latest));
        await Assert.ThrowsAsync<RevisionAheadException>(() => store.ListAsync("/", 2));
        await Assert.ThrowsAsync<RevisionAheadException>(async () => await store.CompactAsync(2, Cancellation));
    }

    [Fact]
    public async Task Nonsense_is_refused()
    {
        var store = await OpenAsync();
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await store.ListAsync(new ListRequest("/", Limit: -1), Cancellation));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await store.ListAsync(new ListRequest("/", Revision: -1), Cancellation));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => store.ReadAsync("/", -1));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => store.WatchAsync("/", -1, 1));
    }

    [Fact]
    public async Task Compaction_forgets_what_was_overwritten_and_keeps_what_is()
    {
        var store = await OpenAsync();
        await store.PutAsync("/a", "1");
        await store.PutAsync("/b", "1");
        await store.PutAsync("/a", "2");
        await store.DeleteAsync("/b");
        await store.CompactAsync(3, Cancellation);
        Assert.Equal(3, store.CompactedRevision);
        Assert.Equal(["/a=2@3", "/b=1@2"], await store.ListAsync("/", 3));
        Assert.Equal(["/a=2@3"], await store.ListAsync("/"));
        var gone = await Assert.ThrowsAsync<RevisionCompactedException>(() => store.ListAsync("/", 2));
        Assert.Equal((2L, 3L), (gone.Asked, gone.Oldest));
        await Assert.ThrowsAsync<RevisionCompactedException>(() => store.ReadAsync("/a", 2));
        await Assert.ThrowsAsync<RevisionCompactedException>(() => store.WatchAsync("/", 2, 1));
        Assert.Equal(["4 /b=-[1]"], (await store.WatchAsync("/", 3, 1)).Select(e => e.Text()));

        await store.CompactAsync(1, Cancellation);
        Assert.Equal(3, store.CompactedRevision);
        await store.CompactAsync(4, Cancellation);
        Assert.Equal(["/a=2@3"], await store.ListAsync("/", 4));
        Assert.Equal(5, await store.PutAsync("/b", "again", 0));
    }

    [Fact]
    public async Task History_is_bounded_by_revisions()
    {
        var store = await OpenAsync(new StoreOptions { HistoryRevisions = 100 });
        for (var i = 0; i < 1000; i++) await store.PutAsync($"/{i % 7}", $"{i}");
        Assert.InRange(store.Revision - store.CompactedRevision, 99, 126);
        Assert.Equal(7, (await store.ListAsync("/", store.CompactedRevision)).Length);
    }

    [Fact]
    public async Task History_is_bounded_by_bytes()
    {
        var store = await OpenAsync(new StoreOptions { HistoryBytes = 64 << 10 });
        var value = new string('x', 1000);
        for (var i = 0; i < 500; i++) await store.PutAsync($"/{i % 7}", value);
        Assert.InRange(store.Revision - store.CompactedRevision, 30, 85);
        Assert.Equal(7, (await store.ListAsync("/")).Length);
    }
}
