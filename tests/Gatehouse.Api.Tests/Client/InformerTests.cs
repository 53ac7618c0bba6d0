using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Microsoft.AspNetCore.Http;
using static Gatehouse.Api.Tests.Client.Samples;
using Gatehouse.TestKit;

namespace Gatehouse.Api.Tests.Client;

/// <summary>An informer against a server that misbehaves.</summary>
public sealed class InformerTests : IAsyncLifetime
{
    private InformerRig _rig = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _rig = await InformerRig.StartAsync();

    public ValueTask DisposeAsync() => _rig.DisposeAsync();

    [Fact]
    public async Task It_lists_watches_from_there_and_follows()
    {
        _rig.Lists(ListJson(5, Interest("a", 3), Interest("b", 4)));
        var informer = _rig.Run();
        await informer.LoadedAsync(Cancellation);
        Assert.Equal(["a", "b"], informer.Snapshot.Keys.Select(k => k.Name).Order());
        Assert.Equal(_rig.Time.GetUtcNow(), informer.SyncedAt);
        var watch = await _rig.Server.NextWatchAsync();
        Assert.Equal("5", watch.Revision);
        var changes = _rig.Read(informer);
        await watch.SendAsync(Line("MODIFIED", Interest("a", 6)), Line("DELETED", Interest("b", 7)), Line("ADDED", Interest("c", 8)));
        Assert.Equal(["Added a@3", "Added b@4"], (await changes.TakeAsync(2)).Order());
        Assert.Equal("Modified a@6, Deleted b@7, Added c@8", string.Join(", ", await changes.TakeAsync(3)));
        Assert.Equal(["a@6", "c@8"], InformerRig.Text(informer.Snapshot));
    }

    [Fact]
    public async Task A_snapshot_that_a_reader_keeps_does_not_change()
    {
        _rig.Lists(ListJson(5, Interest("a", 3)));
        var informer = _rig.Run();
        var watch = await _rig.Server.NextWatchAsync();
        var kept = informer.Snapshot;
        var changes = _rig.Read(informer);
        await watch.SendAsync(Line("DELETED", Interest("a", 6)));
        await changes.UntilAsync("Deleted a@6");
        Assert.Equal(["a@3"], InformerRig.Text(kept));
        Assert.Empty(informer.Snapshot);
    }

    [Fact]
    public async Task After_a_cut_it_resumes_from_the_last_revision_without_a_list()
    {
        _rig.Lists(ListJson(5, Interest("a", 3)));
        var informer = _rig.Run();
        var changes = _rig.Read(informer);
        var watch = await _rig.Server.NextWatchAsync();
        await watch.SendAsync(Line("MODIFIED", Interest("a", 6)), BookmarkLine(40), Line("ADDED", Interest("late", 39)));
        await changes.UntilAsync("Added late@39");
        watch.Cut();
        await _rig.PauseOverAsync();
        var second = await _rig.Server.NextWatchAsync();
        Assert.Equal("40", second.Revision);
        await second.SendAsync(Line("MODIFIED", Interest("a", 41)));
        Assert.Equal(["Modified a@41"], await changes.TakeAsync(1));
        Assert.Single(_rig.Server.Requests, r => r.Contains("limit=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task When_the_revision_is_gone_it_lists_again_and_tells_the_difference()
    {
        _rig.Lists(ListJson(5, Interest("same", 1), Interest("changed", 2), Interest("gone", 3), Interest("reborn", 4)));
        var informer = _rig.Run();
        var changes = _rig.Read(informer);
        var watch = await _rig.Server.NextWatchAsync();
        await changes.TakeAsync(4);
        _rig.Lists(ListJson(50, Interest("same", 1), Interest("changed", 20), Interest("reborn", 30, uid: "v"), Interest("new", 40)));
        await watch.SendAsync(ErrorLine(410, StatusReason.Expired));
        watch.End();
        await _rig.PauseOverAsync();
        Assert.Equal(["Added new@40", "Added reborn@30", "Deleted gone@50", "Deleted reborn@30", "Modified changed@20"], (await changes.TakeAsync(5)).Order());
        Assert.Equal("50", (await _rig.Server.NextWatchAsync()).Revision);
    }

    [Fact]
    public async Task Repeated_and_late_events_neither_turn_back_nor_bring_back()
    {
        _rig.Lists(ListJson(5, Interest("a", 3)));
        var informer = _rig.Run();
        var changes = _rig.Read(informer);
        var watch = await _rig.Server.NextWatchAsync();
        await watch.SendAsync(
            Line("MODIFIED", Interest("a", 7)), Line("MODIFIED", Interest("a", 6)), Line("DELETED", Interest("a", 8)), Line("MODIFIED", Interest("a", 7)),
            Line("ADDED", Interest("z", 10)), Line("ADDED", Interest("y", 9)), Line("ADDED", Interest("z", 10)), Line("ADDED", Interest("end", 11)));
        await changes.UntilAsync("Added end@11");
        Assert.Equal(["end@11", "y@9", "z@10"], InformerRig.Text(informer.Snapshot));
    }

    [Fact]
    public async Task A_server_that_hangs_is_left_after_the_silence_and_asked_again()
    {
        _rig.Lists(ListJson(5, Interest("a", 3)));
        var informer = _rig.Run();
        var watch = await _rig.Server.NextWatchAsync();
        await watch.SendAsync();
        await _rig.ClientTime.TimerArmedAsync(TimeSpan.FromSeconds(90));
        _rig.ClientTime.Advance(TimeSpan.FromSeconds(90));
        await _rig.PauseOverAsync();
        await _rig.Server.NextWatchAsync();
        Assert.Contains("silent", informer.LastFault, StringComparison.Ordinal);
        Assert.Equal(["a@3"], InformerRig.Text(informer.Snapshot));
        Assert.Equal(_rig.Time.Start, informer.ConfirmedAt);
        watch.End();
    }

    [Fact]
    public async Task A_server_that_is_away_is_looked_for_every_few_seconds()
    {
        _rig.Lists(ListJson(5, Interest("a", 3)));
        var informer = _rig.Run();
        (await _rig.Server.NextWatchAsync()).Cut();
        var pauses = new List<TimeSpan>();
        for (var i = 0; i < 12; i++)
        {
            pauses.Add(await _rig.PauseOverAsync());
            await (await _rig.Server.NextWatchAsync()).RefuseAsync(503, "starts");
        }

        Assert.All(pauses, p => Assert.InRange(p, TimeSpan.Zero, TimeSpan.FromSeconds(5)));
        Assert.All(pauses.Skip(7), p => Assert.InRange(p, TimeSpan.FromSeconds(2.5), TimeSpan.FromSeconds(5)));
        Assert.Equal(5, pauses.Skip(7).Distinct().Count());
        Assert.Equal(["a@3"], InformerRig.Text(informer.Snapshot));
    }

    [Fact]
    public async Task Refusals_are_tried_again_ever_later_and_the_state_stays()
    {
        _rig.Lists(ListJson(5, Interest("a", 3)));
        var informer = _rig.Run();
        var watch = await _rig.Server.NextWatchAsync();
        watch.Cut();
        var pauses = new List<TimeSpan>();
        for (var i = 0; i < 8; i++)
        {
            pauses.Add(await _rig.PauseOverAsync());
            await (await _rig.Server.NextWatchAsync()).RefuseAsync(403, "oops");
        }

        Assert.All(pauses.Zip(pauses.Skip(1)), p => Assert.True(p.Second >= p.First, string.Join(' ', pauses)));
        Assert.InRange(pauses[^1], TimeSpan.FromSeconds(12.8), TimeSpan.FromSeconds(25.6));
        Assert.Equal(["a@3"], InformerRig.Text(informer.Snapshot));
    }

    [Fact]
    public async Task A_watch_that_lasted_makes_the_next_pause_short_again()
    {
        _rig.Lists(ListJson(5, Interest("a", 3)));
        _rig.Run();
        for (var i = 0; i < 6; i++)
        {
            (await _rig.Server.NextWatchAsync()).Cut();
            await _rig.PauseOverAsync();
        }

        var lasting = await _rig.Server.NextWatchAsync();
        _rig.Time.Advance(TimeSpan.FromSeconds(20));
        lasting.End();
        Assert.InRange(await _rig.PauseOverAsync(), TimeSpan.Zero, TimeSpan.FromMilliseconds(200));
    }

    [Fact]
    public async Task The_servers_wish_to_wait_is_granted()
    {
        _rig.Server.Answer(context =>
        {
            context.Response.Headers.RetryAfter = "20";
            return ScriptedServer.WriteAsync(context, 429, "", "text/plain");
        });
        _rig.Lists(ListJson(5));
        var informer = _rig.Run();
        Assert.Equal(InformerRig.RetryAfter, await _rig.PauseOverAsync());
        await informer.LoadedAsync(Cancellation);
        Assert.Null(informer.LastFault);
    }

    [Fact]
    public async Task A_server_of_the_wrong_authority_is_never_believed()
    {
        await using var other = await ScriptedServer.StartAsync();
        using var client = _rig.Server.Client(_rig.ClientTime, o => o with { Credentials = other.Credentials });
        var informer = _rig.Run(client: client);
        await _rig.PauseArmedAsync();
        Assert.Contains("does not come from the trusted authority", informer.LastFault, StringComparison.Ordinal);
        Assert.Null(informer.SyncedAt);
        Assert.False(informer.LoadedAsync(Cancellation).IsCompleted);
    }

    [Fact]
    public async Task Each_reader_begins_with_what_there_is_and_a_slow_one_holds_nobody_up()
    {
        _rig.Lists(ListJson(5, Interest("a", 3)));
        var informer = _rig.Run();
        var watch = await _rig.Server.NextWatchAsync();
        await using var slow = informer.ChangesAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.True(await slow.MoveNextAsync());
        var fast = _rig.Read(informer);
        for (var revision = 6; revision < 206; revision++) await watch.SendAsync(Line("MODIFIED", Interest("a", revision)));
        await watch.SendAsync(Line("ADDED", Interest("b", 300)), Line("DELETED", Interest("b", 301)), Line("ADDED", Interest("c", 302)));
        await fast.UntilAsync("Added c@302");
        Assert.True(await slow.MoveNextAsync());
        Assert.Equal("Modified a@205", Text([slow.Current]));
        Assert.True(await slow.MoveNextAsync());
        Assert.Equal("Added c@302", Text([slow.Current]));
        var late = _rig.Read(informer);
        Assert.Equal(["Added a@205", "Added c@302"], (await late.TakeAsync(2)).Order());
    }

    [Fact]
    public async Task Batches_bring_everything_that_waits_at_once()
    {
        _rig.Lists(ListJson(5, [.. Enumerable.Range(0, 100).Select(i => Interest($"i{i:000}", 3))]));
        var informer = _rig.Run();
        await informer.LoadedAsync(Cancellation);
        await using var batches = informer.ChangeBatchesAsync(64, Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.True(await batches.MoveNextAsync());
        Assert.Equal(64, batches.Current.Count);
        Assert.True(await batches.MoveNextAsync());
        Assert.Equal(36, batches.Current.Count);
    }

    [Fact]
    public async Task Disposing_ends_the_loop_and_the_readers()
    {
        _rig.Lists(ListJson(5, Interest("a", 3)));
        var informer = _rig.Run();
        await _rig.Server.NextWatchAsync();
        var seen = 0;
        var reader = DrainAsync();
        await informer.DisposeAsync();
        await reader.WaitAsync(Patience.Limit, Cancellation);
        await _rig.Running.WaitAsync(Patience.Limit, Cancellation);
        Assert.InRange(seen, 0, 1);
        Assert.Throws<ObjectDisposedException>(() => { _ = informer.RunAsync(Cancellation); });

        async Task DrainAsync()
        {
            await foreach (var change in informer.ChangesAsync(Cancellation)) seen++;
        }
    }
}
