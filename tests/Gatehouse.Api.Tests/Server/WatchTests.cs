using System.Diagnostics.Metrics;
using System.Net;
using System.Text.Json.Nodes;
using Gatehouse.Store;
using Gatehouse.TestKit;

namespace Gatehouse.Api.Tests.Server;

public sealed class WatchTests
{
    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task A_watch_tells_every_change_after_its_revision(string version)
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator(Version.Parse(version));
        await client.PostAsync(Bodies.Workers, Bodies.Worker("before"));
        using var watch = await client.WatchAsync($"{Bodies.Workers}?watch=1&resourceVersion=1");
        await client.PostAsync(Bodies.Workers, Bodies.Worker("w1"));
        await client.PatchAsync($"{Bodies.Workers}/w1", """{"spec":{"underlay":"192.0.2.5"}}""");
        await client.PatchAsync($"{Bodies.Workers}/before/status", """{"status":{"phase":"Away"}}""");
        await client.DeleteAsync($"{Bodies.Workers}/w1");
        var lines = await TakeAsync(watch, 4);
        Assert.Equal(["ADDED w1", "MODIFIED w1", "MODIFIED before", "DELETED w1"], lines.Select(l => l.ToString()));
        Assert.Equal([2, 3, 4, 5], lines.Select(l => l.Revision));
        Assert.Equal("192.0.2.5", (string?)lines[3].Object["spec"]!["underlay"]);
        Assert.Equal((await client.GetAsync($"{Bodies.Workers}/before")).Text, lines[2].Object.ToJsonString());
    }

    [Fact]
    public async Task A_watch_without_revision_begins_with_what_is_there()
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        await client.PostAsync(Bodies.Workers, Bodies.Worker("a"));
        await client.PostAsync(Bodies.Workers, Bodies.Worker("b"));
        using var watch = await client.WatchAsync($"{Bodies.Workers}?watch=true");
        await client.PostAsync(Bodies.Workers, Bodies.Worker("c"));
        Assert.Equal(["ADDED a", "ADDED b", "ADDED c"], (await TakeAsync(watch, 3)).Select(l => l.ToString()));
    }

    [Theory]
    [InlineData("fieldSelector=spec.holder%3Dw1")]
    [InlineData("labelSelector=of%3Dw1")]
    public async Task What_starts_to_match_is_added_and_what_stops_is_deleted(string selector)
    {
        await using var server = await TestServer.StartAsync();
        var client = server.Operator();
        using var watch = await client.WatchAsync($"{Bodies.Interests}?watch=1&resourceVersion=0&{selector}");
        string Body(string holder, string query) => Bodies.Interest("i", holder, query, $$$""","labels":{"of":"{{{holder}}}"}""");
        await client.PostAsync(Bodies.Interests, Body("w2", "one"));
        await client.PutAsync($"{Bodies.Interests}/i", Body("w1", "two"));
        await client.PutAsync($"{Bodies.Interests}/i", Body("w1", "three"));
        await client.PutAsync($"{Bodies.Interests}/i", Body("w2", "four"));
        await client.PutAsync($"{Bodies.Interests}/i", Body("w2", "five"));
        await client.PutAsync($"{Bodies.Interests}/i", Body("w1", "six"));
        await client.DeleteAsync($"{Bodies.Interests}/i");
        var lines = await TakeAsync(watch, 5);
        Assert.Equal(["ADDED two", "MODIFIED three", "DELETED three", "ADDED six", "DELETED six"], lines.Select(l => $"{l.Type} {l.Object["spec"]!["query"]}"));
        // Also what tells of a past state has the revision of the change that made it so.
        Assert.Equal([2, 3, 4, 6, 7], lines.Select(l => l.Revision));
    }

    [Fact]
    public async Task Two_watches_that_break_off_and_resume_see_every_write_once()
    {
        const int Writers = 6;
        const int Writes = 60;
        await using var server = await TestServer.StartAsync();
        var client = server.Operator(HttpVersion.Version20);
        // Revision 0 would mean "whatever there is"; so there is something.
        await client.PostAsync(Bodies.Interests, Bodies.Interest("first", "w1"));
        var total = Writers * Writes;
        var watchers = Enumerable.Range(0, 2).Select(n => Task.Run(() => FollowAsync(server.Operator(), total, breakAfter: 7 + (n * 6)), TestContext.Current.CancellationToken)).ToList();
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(async w =>
        {
            for (var i = 0; i < Writes; i++)
            {
                // Create, change, delete, in turn: three changes of one name.
                var name = $"w{w}-{i / 3}";
                var answer = (i % 3) switch
                {
                    0 => await client.PostAsync(Bodies.Workers, Bodies.Worker(name)),
                    1 => await client.PatchAsync($"{Bodies.Workers}/{name}", """{"spec":{"gateway":true}}"""),
                    _ => await client.DeleteAsync($"{Bodies.Workers}/{name}"),
                };
                Assert.InRange(answer.Code, 200, 201);
            }
        }));
        foreach (var seen in await Task.WhenAll(watchers)) Assert.Equal(Enumerable.Range(2, total).Select(i => (long)i), seen);
    }

    [Fact]
    public async Task A_compacted_revision_is_an_error_event_with_410()
    {
        await using var server = await TestServer.StartAsync(o => o with { Limits = o.Limits with { RecentEvents = 2 } });
        var client = server.Operator();
        for (var i = 0; i < 6; i++) await client.PostAsync(Bodies.Workers, Bodies.Worker($"w{i}"));
        using (var reached = await client.WatchAsync($"{Bodies.Workers}?watch=1&resourceVersion=0"))
            Assert.Equal(6, (await TakeAsync(reached, 6)).Count);
        using (var early = await client.WatchAsync($"{Bodies.Workers}?watch=1&resourceVersion=1"))
            Assert.Equal([2, 3, 4, 5, 6], (await TakeAsync(early, 5)).Select(l => l.Revision));
        await server.Store.CompactAsync(4, TestContext.Current.CancellationToken);
        using var late = await client.WatchAsync($"{Bodies.Workers}?watch=1&resourceVersion=1");
        Assert.Equal(200, late.Code);
        var line = Assert.Single(await late.RestAsync());
        Assert.Equal("ERROR", line.Type);
        Assert.Equal("Expired", (string?)line.Object["reason"]);
        Assert.Equal(410, (int)line.Object["code"]!);
        Assert.Equal("Status", (string?)line.Object["kind"]);
        Assert.StartsWith("too old resource version: 1 (", (string?)line.Object["message"]);
    }

    [Fact]
    public async Task A_revision_that_this_server_never_had_is_410_as_well()
    {
        await using var server = await TestServer.StartAsync();
        using var watch = await server.Operator().WatchAsync($"{Bodies.Workers}?watch=1&resourceVersion=4000");
        var line = Assert.Single(await watch.RestAsync());
        Assert.Equal(410, (int)line.Object["code"]!);
    }

    [Fact]
    public async Task Watches_end_after_their_time_with_a_last_bookmark()
    {
        var time = new ManualTimeProvider();
        await using var server = await TestServer.StartAsync(time: time);
        var client = server.Operator();
        await client.PostAsync(Bodies.Workers, Bodies.Worker("w1"));
        using var with = await client.WatchAsync($"{Bodies.Workers}?watch=1&resourceVersion=1&timeoutSeconds=9&allowWatchBookmarks=true");
        using var without = await client.WatchAsync($"{Bodies.Workers}?watch=1&resourceVersion=1&timeoutSeconds=9");
        await client.PostAsync(Bodies.Interests, Bodies.Interest("another-kind", "w1"));
        await PublishedAsync(client, 2);
        time.Advance(TimeSpan.FromSeconds(10));
        var bookmark = Assert.Single((await with.RestAsync()).Where(l => l.Revision >= 2).TakeLast(1));
        Assert.Equal("BOOKMARK", bookmark.Type);
        Assert.Equal("Worker", (string?)bookmark.Object["kind"]);
        Assert.Null(bookmark.Object["spec"]);
        Assert.Empty(await without.RestAsync());
    }

    [Fact]
    public async Task A_watch_that_misses_nothing_hears_so_as_it_opens()
    {
        // Nobody advances the clock: no round of bookmarks ever comes.
        await using var server = await TestServer.StartAsync(time: new ManualTimeProvider());
        var client = server.Operator();
        await client.PostAsync(Bodies.Workers, Bodies.Worker("w1"));
        await PublishedAsync(client, 1);
        using var watch = await client.WatchAsync($"{Bodies.Workers}?watch=1&resourceVersion=1&allowWatchBookmarks=true");
        var first = await TakeAsync(watch, 1);
        await client.PostAsync(Bodies.Workers, Bodies.Worker("w2"));
        var second = await TakeAsync(watch, 1);
        Assert.Equal([("BOOKMARK", 1), ("ADDED", 3)], first.Concat(second).Select(l => (l.Type, l.Revision)));
    }

    [Fact]
    public async Task Bookmarks_come_each_period_to_those_who_asked()
    {
        var time = new ManualTimeProvider();
        await using var server = await TestServer.StartAsync(o => o with { Limits = o.Limits with { BookmarkPeriod = TimeSpan.FromSeconds(8) } }, time);
        var client = server.Operator();
        await client.PostAsync(Bodies.Workers, Bodies.Worker("w1"));
        using var watch = await client.WatchAsync($"{Bodies.Interests}?watch=1&resourceVersion=1&allowWatchBookmarks=true");
        Assert.Equal(1, (await watch.NextAsync())!.Revision);
        await client.PostAsync(Bodies.Workers, Bodies.Worker("w2"));
        await PublishedAsync(client, 2);
        // Each round is armed when the one before it is done.
        for (var i = 0; i < 8; i++)
        {
            await time.TimerArmedAsync(left => left <= TimeSpan.FromSeconds(1) && left > TimeSpan.Zero, "the next round");
            time.Advance(TimeSpan.FromSeconds(1));
        }

        var line = await watch.NextAsync();
        Assert.Equal("BOOKMARK", line!.Type);
        Assert.InRange(line.Revision, 2, 3);
    }

    [Fact]
    public async Task A_watch_does_not_outlive_its_certificate()
    {
        var time = new ManualTimeProvider();
        await using var server = await TestServer.StartAsync(time: time);
        var certificate = TestServer.Issue(server.Authority, new("op", ["system:masters"]), TimeSpan.FromMinutes(10));
        using var watch = await server.ClientWith(certificate).WatchAsync($"{Bodies.Workers}?watch=1&resourceVersion=0");
        time.Advance(TimeSpan.FromMinutes(11));
        Assert.Empty(await watch.RestAsync());
    }

    [Fact]
    public async Task A_reader_that_is_too_slow_is_ended_without_gap_and_the_others_go_on()
    {
        const int Queue = 4;
        await using var server = await TestServer.StartAsync(o => o with { Limits = o.Limits with { EventsPerWatch = Queue, RecentEvents = 100 } });
        var client = server.Operator();
        for (var i = 0; i < 20; i++) await client.PostAsync(Bodies.Workers, Bodies.Worker($"w{i:00}"));
        await PublishedAsync(client, 20);
        // All twenty are owed at once and the queue takes four: those come, then the end; the client resumes there.
        List<long> seen = [1];
        while (seen.Count < 17)
        {
            using var watch = await client.WatchAsync($"{Bodies.Workers}?watch=1&resourceVersion={seen[^1]}&allowWatchBookmarks=true");
            var lines = await watch.RestAsync();
            // No bookmark at such an end: it would skip what did not fit.
            Assert.Equal(Queue, lines.Count(l => l.Type == "ADDED"));
            Assert.Equal(Queue, lines.Count);
            seen.AddRange(lines.Select(l => l.Revision));
        }

        using var last = await client.WatchAsync($"{Bodies.Workers}?watch=1&resourceVersion={seen[^1]}");
        seen.AddRange((await TakeAsync(last, 3)).Select(l => l.Revision));
        Assert.Equal(Enumerable.Range(1, 20).Select(i => (long)i), seen);
    }

    [Fact]
    public async Task An_event_is_written_out_once_for_all_its_watches_and_costs_those_of_others_nothing()
    {
        using var counts = new CounterReader();
        await using var server = await TestServer.StartAsync();
        var client = server.Operator(HttpVersion.Version20);
        // Gateway hosts, which no other test of this assembly watches: the counters are the process's.
        const string Path = "/apis/gatehouse.dev/v1/gatewayhosts";
        var watches = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => client.WatchAsync($"{Path}?watch=1&resourceVersion=0&fieldSelector=spec.cluster%3Dc{i % 6}")));
        const string Body = """{"apiVersion":"gatehouse.dev/v1","kind":"GatewayHost","metadata":{"name":"g"},"spec":{"cluster":"c3","publicAddresses":["192.0.2.1"]}}""";
        (await client.PostAsync(Path, Body)).Expect(201);
        foreach (var i in Enumerable.Range(0, 60).Where(i => i % 6 == 3)) Assert.Equal("ADDED g", (await watches[i].NextAsync())!.ToString());
        foreach (var watch in watches) watch.Dispose();
        Assert.Equal(1, counts.Sum("gatehouse.api.watch.encodings", "gatewayhosts"));
        Assert.Equal(10, counts.Sum("gatehouse.api.watch.events", "gatewayhosts"));
    }

    [Fact]
    public async Task Watches_end_when_the_server_stops()
    {
        var server = await TestServer.StartAsync();
        using var watch = await server.Operator().WatchAsync($"{Bodies.Workers}?watch=1&resourceVersion=0");
        var rest = watch.RestAsync();
        await server.DisposeAsync();
        Assert.Empty(await rest);
    }

    /// <summary>
    /// Waits until the server's watches have every change up to a revision. The answer to a write does not say so, and the event tells it only of the
    /// changes before it; so one more change is made, of a kind that the tests of this class leave alone, and waited for.
    /// </summary>
    private static async Task PublishedAsync(RawClient client, long revision)
    {
        const string Path = "/apis/gatehouse.dev/v1/jointokens";
        using var watch = await client.WatchAsync($"{Path}?watch=1&resourceVersion={revision}");
        (await client.PostAsync(Path, """{"apiVersion":"gatehouse.dev/v1","kind":"JoinToken","metadata":{"name":"after"},"spec":{}}""")).Expect(201);
        Assert.Equal("ADDED after", (await watch.NextAsync())!.ToString());
    }

    /// <summary>Watches until it has seen so many changes, and breaks off again and again on the way.</summary>
    private static async Task<List<long>> FollowAsync(RawClient client, int total, int breakAfter)
    {
        List<long> seen = [];
        var revision = "1";
        while (seen.Count < total)
        {
            using var watch = await client.WatchAsync($"{Bodies.Workers}?watch=1&resourceVersion={revision}");
            for (var i = 0; i < breakAfter && seen.Count < total; i++)
            {
                var line = await watch.NextAsync();
                seen.Add(line!.Revision);
                revision = line.Revision.ToString();
            }
        }

        return seen;
    }

    private static async Task<List<WatchLine>> TakeAsync(RawWatch watch, int count)
    {
        List<WatchLine> lines = [];
        while (lines.Count < count && await watch.NextAsync() is { } line) lines.Add(line);
        return lines;
    }
}

/// <summary>Sums what the counters of this process are given.</summary>
internal sealed class CounterReader : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, long> _sums = new();

    public CounterReader()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "gatehouse.api") listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            foreach (var (key, tag) in tags)
            {
                if (key == "resource") _sums.AddOrUpdate($"{instrument.Name} {tag}", value, (_, sum) => sum + value);
            }
        });
        _listener.Start();
    }

    public long Sum(string instrument, string resource) => _sums.GetValueOrDefault($"{instrument} {resource}");

    public void Dispose() => _listener.Dispose();
}
