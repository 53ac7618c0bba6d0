using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestKit;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using static Gatehouse.Api.Tests.Client.Samples;

namespace Gatehouse.Api.Tests.Client;

public sealed class WatchReaderTests : IAsyncLifetime
{
    private readonly ManualTimeProvider _time = new(DateTimeOffset.UtcNow);
    private ScriptedServer _server = null!;
    private HttpObjectClient _client = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await ScriptedServer.StartAsync();
        _client = _server.Client(_time);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData(HttpProtocols.Http1)]
    [InlineData(HttpProtocols.Http2)]
    public async Task Events_come_as_they_are_sent_and_the_watch_ends_when_the_server_ends_it(HttpProtocols protocols)
    {
        await using var server = await ScriptedServer.StartAsync(protocols: protocols);
        using var client = server.Client(_time);
        await using var events = client.WatchAsync<Interest>(new Selection(Fields: "spec.holder=w1"), "5", Cancellation).GetAsyncEnumerator(Cancellation);
        var first = events.MoveNextAsync();
        var watch = await server.NextWatchAsync();
        await watch.SendAsync(Line("ADDED", Interest("a", 6)));
        Assert.True(await first);
        Assert.Equal("Added a@6", Text([events.Current]));
        await watch.SendAsync(Line("MODIFIED", Interest("a", 7)), "\n", Line("DELETED", Interest("a", 8)), BookmarkLine(9), "\r\n");
        var rest = new List<ObjectEvent<Interest>>();
        for (var i = 0; i < 3 && await events.MoveNextAsync(); i++) rest.Add(events.Current);
        Assert.Equal("Modified a@7, Deleted a@8, Bookmark @9", Text(rest));
        watch.End();
        Assert.False(await events.MoveNextAsync());
        Assert.Equal(("5", "spec.holder=w1", "true"), (watch.Revision, watch.Query["fieldSelector"].ToString(), watch.Query["allowWatchBookmarks"].ToString()));
        Assert.InRange(int.Parse(watch.Query["timeoutSeconds"].ToString()), 300, 600);
    }

    [Fact]
    public async Task An_event_in_many_small_pieces_and_with_its_fields_turned_round_is_read()
    {
        var events = ReadAsync();
        var watch = await _server.NextWatchAsync();
        var query = new string('y', 40_000);
        var line = $$"""{"object":{{Json(Interest("a", 6, query: query))}},"more":[{}],"type":"ADDED"}""" + "\n";
        foreach (var piece in line.Chunk(1_777)) await watch.SendAsync(new string(piece));
        watch.End();
        Assert.Equal(query, Assert.Single((await events).Events).Object!.Spec.Query);
    }

    [Fact]
    public async Task A_connection_cut_in_the_middle_of_an_event_delivers_what_came_before_and_then_says_so()
    {
        var events = ReadAsync();
        var watch = await _server.NextWatchAsync();
        await watch.SendAsync(Line("ADDED", Interest("a", 6)), Line("ADDED", Interest("b", 7))[..30]);
        await _received.WaitAsync(Cancellation);
        watch.Cut();
        var (got, fault) = await events;
        Assert.Equal("Added a@6", Text(got));
        Assert.Contains("watch of interests", Assert.IsType<ApiUnreachableException>(fault).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_orderly_end_in_the_middle_of_an_event_is_no_orderly_end()
    {
        var events = ReadAsync();
        var watch = await _server.NextWatchAsync();
        await watch.SendAsync(Line("ADDED", Interest("a", 6))[..^1]);
        watch.End();
        Assert.Contains("in the middle of an event", Assert.IsType<ApiUnreachableException>((await events).Fault).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("not json\n")]
    [InlineData("[]\n")]
    [InlineData("{\"type\":\"ADDED\"}\n")]
    [InlineData("{\"type\":\"SURPRISE\",\"object\":{}}\n")]
    [InlineData("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}\n")]
    [InlineData("{\"type\":\"ERROR\",\"object\":{}}\n")]
    [InlineData("{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{}}}\n")]
    [InlineData("{\"type\":\"BOOKMARK\",\"object\":7}\n")]
    public async Task A_line_that_is_no_event_ends_the_watch_after_what_came_before(string line)
    {
        var events = ReadAsync();
        var watch = await _server.NextWatchAsync();
        await watch.SendAsync(Line("ADDED", Interest("a", 6)) + line);
        watch.End();
        var (got, fault) = await events;
        Assert.Equal("Added a@6", Text(got));
        Assert.Contains("no event", Assert.IsType<ApiUnreachableException>(fault).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_line_without_end_is_not_collected_for_ever()
    {
        using var client = _server.Client(_time, o => o with { MaxWatchLineBytes = 100_000 });
        var events = ReadAsync(client);
        var watch = await _server.NextWatchAsync();
        var piece = new string('x', 10_000);
        for (var i = 0; i < 100 && !watch.Aborted.IsCancellationRequested; i++) await watch.SendAsync(piece);
        Assert.Contains("more than 100000 bytes", Assert.IsType<ApiUnreachableException>((await events).Fault).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_object_that_does_not_fit_its_kind_is_passed_over_and_the_revision_moves_on()
    {
        var events = ReadAsync();
        var watch = await _server.NextWatchAsync();
        await watch.SendAsync(Line("ADDED", Interest("a", 6)).Replace("\"holder\":\"w1\"", "\"holder\":[]", StringComparison.Ordinal), Line("ADDED", Interest("b", 7)));
        watch.End();
        Assert.Equal("Bookmark @6, Added b@7", Text((await events).Events));
    }

    [Fact]
    public async Task A_revision_that_is_gone_is_said_by_the_status_or_by_an_event()
    {
        var first = ReadAsync();
        await (await _server.NextWatchAsync()).RefuseAsync(410, """{"kind":"Status","apiVersion":"v1","reason":"Expired","code":410,"message":"too old"}""");
        Assert.True(Assert.IsType<ApiStatusException>((await first).Fault).Is(StatusReason.Expired));
        var second = ReadAsync();
        var watch = await _server.NextWatchAsync();
        await watch.SendAsync(Line("ADDED", Interest("a", 6)), ErrorLine(410, StatusReason.Expired));
        watch.End();
        var (got, fault) = await second;
        Assert.Equal("Added a@6", Text(got));
        Assert.True(Assert.IsType<ApiStatusException>(fault).Is(StatusReason.Expired));
    }

    [Fact]
    public async Task Silence_ends_the_watch_and_every_event_gives_it_time_again()
    {
        var events = ReadAsync();
        var watch = await _server.NextWatchAsync();
        for (var i = 0; i < 3; i++)
        {
            await watch.SendAsync(BookmarkLine(6 + i));
            await _received.WaitAsync(Cancellation);
            await _time.TimerArmedAsync(TimeSpan.FromSeconds(90));
            _time.Advance(TimeSpan.FromSeconds(80));
        }

        Assert.False(events.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(10));
        var (got, fault) = await events;
        Assert.Equal(3, got.Count);
        Assert.Contains("silent for 90 s", Assert.IsType<ApiUnreachableException>(fault).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reader_that_takes_its_time_is_not_taken_for_a_silent_server()
    {
        await using var events = _client.WatchAsync<Interest>(Selection.All, "5", Cancellation).GetAsyncEnumerator(Cancellation);
        var first = events.MoveNextAsync();
        var watch = await _server.NextWatchAsync();
        await watch.SendAsync(Line("ADDED", Interest("a", 6)));
        Assert.True(await first);
        _time.Advance(TimeSpan.FromHours(1));
        await watch.SendAsync(Line("ADDED", Interest("b", 7)));
        Assert.True(await events.MoveNextAsync());
        Assert.Equal("Added b@7", Text([events.Current]));
    }

    [Fact]
    public async Task Leaving_a_watch_closes_it_at_the_server()
    {
        using var leaves = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var events = ReadAsync(cancellation: leaves.Token);
        var watch = await _server.NextWatchAsync();
        await watch.SendAsync(Line("ADDED", Interest("a", 6)));
        await _received.WaitAsync(Cancellation);
        await leaves.CancelAsync();
        Assert.IsAssignableFrom<OperationCanceledException>((await events).Fault);
        var closed = new TaskCompletionSource();
        await using var registration = watch.Aborted.Register(closed.SetResult);
        await closed.Task.WaitAsync(Patience.Limit, Cancellation);
    }

    private readonly SemaphoreSlim _received = new(0);

    /// <summary>Reads a watch to its end; the fault is part of the result.</summary>
    private async Task<(List<ObjectEvent<Interest>> Events, Exception? Fault)> ReadAsync(HttpObjectClient? client = null, CancellationToken? cancellation = null)
    {
        var events = new List<ObjectEvent<Interest>>();
        try
        {
            await foreach (var e in (client ?? _client).WatchAsync<Interest>(Selection.All, "5", cancellation ?? Cancellation))
            {
                events.Add(e);
                _received.Release();
            }

            return (events, null);
        }
        catch (Exception e)
        {
            return (events, e);
        }
    }
}
