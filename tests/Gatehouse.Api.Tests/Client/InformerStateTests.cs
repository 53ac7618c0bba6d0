using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using static Gatehouse.Api.Tests.Client.Samples;
using Gatehouse.TestKit;

namespace Gatehouse.Api.Tests.Client;

/// <summary>What an informer keeps on disk and how it starts from there.</summary>
public sealed class InformerStateTests : IAsyncLifetime
{
    private InformerRig _rig = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _rig = await InformerRig.StartAsync();

    public ValueTask DisposeAsync() => _rig.DisposeAsync();

    [Fact]
    public async Task It_serves_from_disk_while_nobody_answers_and_says_how_old_that_is()
    {
        await LeaveStateAsync(ListJson(5, Interest("a", 3), Interest("b", 4)));
        var written = _rig.Time.GetUtcNow();
        await _rig.Server.DisposeAsync();
        _rig.Time.Advance(TimeSpan.FromHours(3));
        var informer = _rig.Run(_rig.StateFile);
        await informer.LoadedAsync(Cancellation);
        Assert.Equal(["a@3", "b@4"], InformerRig.Text(informer.Snapshot));
        Assert.Null(informer.SyncedAt);
        Assert.Equal(written, informer.ConfirmedAt);
        Assert.Equal(["Added a@3", "Added b@4"], (await _rig.Read(informer).TakeAsync(2)).Order());
        await _rig.PauseArmedAsync();
        // The kernel refuses a new connection, or has just reset the one that the client kept.
        Assert.Matches("(?i)refused|reset", informer.LastFault);
    }

    [Fact]
    public async Task The_state_can_be_taken_before_the_loop_and_without_it()
    {
        await LeaveStateAsync(ListJson(5, Interest("a", 3)));
        var informer = _rig.New(_rig.StateFile);
        Assert.True(informer.LoadState());
        Assert.True(informer.LoadState());
        Assert.Equal(["a@3"], InformerRig.Text(informer.Snapshot));
        Assert.False(_rig.New(_rig.Folder["none.json"]).LoadState());
        Assert.False(_rig.New().LoadState());
    }

    [Fact]
    public async Task What_changed_while_it_was_away_is_told_as_changes_after_a_list()
    {
        await LeaveStateAsync(ListJson(5, Interest("same", 1), Interest("gone", 2), Interest("changed", 3)));
        var informer = _rig.New(_rig.StateFile);
        informer.LoadState();
        var changes = _rig.Read(informer);
        await changes.TakeAsync(3);
        _rig.Lists(ListJson(9, Interest("same", 1), Interest("changed", 7), Interest("new", 8)));
        _ = informer.RunAsync(Cancellation);
        Assert.Equal(["Added new@8", "Deleted gone@9", "Modified changed@7"], (await changes.TakeAsync(3)).Order());
    }

    [Fact]
    public async Task What_left_between_the_snapshot_and_the_reader_is_told_as_deleted()
    {
        await LeaveStateAsync(ListJson(5, Interest("same", 1), Interest("gone", 2), Interest("reborn", 3, "u1")));
        _rig.Lists(ListJson(9, Interest("same", 1), Interest("reborn", 7, "u2")));
        var informer = _rig.Run();
        await informer.SyncedAsync(Cancellation);
        var late = _rig.New(_rig.StateFile);
        late.LoadState();
        var taken = late.Snapshot;
        Assert.Equal(3, taken.Count);
        await using var changes = informer.ChangesSince(taken, 64, Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.True(await changes.MoveNextAsync());
        Assert.Equal(["Added reborn@7", "Added same@1", "Deleted gone@9", "Deleted reborn@9"], changes.Current.Select(c => Text([c])).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("cut")]
    [InlineData("flipped")]
    [InlineData("empty")]
    [InlineData("other")]
    public async Task A_damaged_file_is_never_served_it_is_set_aside_and_replaced(string damage)
    {
        await LeaveStateAsync(ListJson(5, Interest("a", 3)));
        var bytes = await File.ReadAllBytesAsync(_rig.StateFile, Cancellation);
        if (damage == "flipped") bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(_rig.StateFile, damage switch { "cut" => bytes[..^10], "empty" => [], "other" => "{}\n"u8.ToArray(), _ => bytes }, Cancellation);
        var informer = _rig.New(_rig.StateFile);
        Assert.False(informer.LoadState());
        Assert.Empty(informer.Snapshot);
        Assert.True(File.Exists(_rig.StateFile + ".refused"));
        _rig.Lists(ListJson(6, Interest("b", 6)));
        _ = informer.RunAsync(Cancellation);
        await informer.LoadedAsync(Cancellation);
        await informer.DisposeAsync();
        Assert.Equal(["b@6"], await OnDiskAsync());
    }

    [Fact]
    public async Task Many_changes_make_one_write_after_the_delay_and_not_before()
    {
        _rig.Lists(ListJson(5));
        var informer = _rig.Run(_rig.StateFile);
        var changes = _rig.Read(informer);
        var watch = await _rig.Server.NextWatchAsync();
        await SavedAsync();
        var first = File.GetLastWriteTimeUtc(_rig.StateFile);
        await watch.SendAsync([.. Enumerable.Range(6, 500).Select(r => Line("ADDED", Interest($"i{r}", r)))]);
        await changes.UntilAsync("Added i505@505");
        await _rig.Time.TimerArmedAsync(InformerRig.SaveDelay);
        _rig.Time.Advance(InformerRig.SaveDelay - TimeSpan.FromMilliseconds(1));
        Assert.Equal(first, File.GetLastWriteTimeUtc(_rig.StateFile));
        Assert.Empty(await OnDiskAsync());
        _rig.Time.Advance(TimeSpan.FromMilliseconds(1));
        await OnDiskAsync(there => there.Count == 500);
    }

    [Fact]
    public async Task A_change_is_not_a_write_of_everything_until_changes_are_as_many_as_objects()
    {
        _rig.Lists(ListJson(200, [.. Enumerable.Range(1, 200).Select(r => Interest($"i{r}", r))]));
        var informer = _rig.Run(_rig.StateFile);
        var changes = _rig.Read(informer);
        var watch = await _rig.Server.NextWatchAsync();
        await SavedAsync();
        var whole = await File.ReadAllBytesAsync(_rig.StateFile, Cancellation);
        var saved = 0;
        for (var revision = 201; revision <= 500; revision += 100)
        {
            await watch.SendAsync([.. Enumerable.Range(revision, 100).Select(r => Line("MODIFIED", Interest($"i{r - revision + 1}", r)))]);
            await changes.UntilAsync($"Modified i100@{revision + 99}");
            await _rig.Time.TimerArmedAsync(InformerRig.SaveDelay);
            _rig.Time.Advance(InformerRig.SaveDelay);
            await OnDiskAsync(there => there.Contains($"i100@{revision + 99}"));
            var present = await File.ReadAllBytesAsync(_rig.StateFile, Cancellation);
            if (present.SequenceEqual(whole)) saved++;
        }

        Assert.Equal(2, saved);
        await watch.SendAsync(Line("DELETED", Interest("i7", 600)));
        await _rig.Time.TimerArmedAsync(InformerRig.SaveDelay);
        _rig.Time.Advance(InformerRig.SaveDelay);
        await OnDiskAsync(there => there.Count == 199 && !there.Any(t => t.StartsWith("i7@", StringComparison.Ordinal)));
        await informer.DisposeAsync();
    }

    [Fact]
    public async Task What_is_not_on_disk_yet_is_written_at_the_end()
    {
        _rig.Lists(ListJson(5));
        var informer = _rig.Run(_rig.StateFile);
        var changes = _rig.Read(informer);
        var watch = await _rig.Server.NextWatchAsync();
        await watch.SendAsync(Line("ADDED", Interest("a", 6)));
        await changes.UntilAsync("Added a@6");
        await informer.DisposeAsync();
        Assert.Equal(["a@6"], await OnDiskAsync());
    }

    [Fact]
    public async Task A_disk_that_cannot_be_written_is_tried_again_and_nothing_else_suffers()
    {
        Directory.CreateDirectory(_rig.StateFile);
        _rig.Lists(ListJson(5, Interest("a", 3)));
        var informer = _rig.Run(_rig.StateFile);
        await informer.LoadedAsync(Cancellation);
        await _rig.Time.TimerArmedAsync(InformerRig.SaveDelay);
        _rig.Time.Advance(InformerRig.SaveDelay);
        await _rig.Time.TimerArmedAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(["a@3"], InformerRig.Text(informer.Snapshot));
        Directory.Delete(_rig.StateFile);
        await SavedAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(["a@3"], await OnDiskAsync());
    }

    [Fact]
    public async Task A_bookmark_confirms_the_state_on_disk_without_writing_it_again()
    {
        _rig.Lists(ListJson(5, Interest("a", 3)));
        var informer = _rig.Run(_rig.StateFile);
        var changes = _rig.Read(informer);
        var watch = await _rig.Server.NextWatchAsync();
        await SavedAsync();
        var inode = await File.ReadAllTextAsync(_rig.StateFile, Cancellation);
        _rig.Time.Advance(TimeSpan.FromHours(1));
        await watch.SendAsync(BookmarkLine(60), Line("ADDED", Interest("late", 59)));
        await changes.UntilAsync("Added late@59");
        Assert.Equal(inode, await File.ReadAllTextAsync(_rig.StateFile, Cancellation));
        var load = new StateFile<Interest>(_rig.StateFile, Selection.All).Read(_rig.Time.GetUtcNow());
        Assert.Equal(_rig.Time.Start + InformerRig.SaveDelay + TimeSpan.FromHours(1), load.State!.ConfirmedAt);
    }

    /// <summary>Lets the pending write happen and waits until it is done.</summary>
    private async Task SavedAsync(TimeSpan? after = null)
    {
        using var watcher = new FileSystemWatcher(_rig.Folder["mirror"].Length > 0 && Directory.Exists(_rig.Folder["mirror"]) ? _rig.Folder["mirror"] : Directory.CreateDirectory(_rig.Folder["mirror"]).FullName);
        var moved = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        watcher.Renamed += (_, e) => moved.TrySetResult();
        watcher.EnableRaisingEvents = true;
        await _rig.Time.TimerArmedAsync(after ?? InformerRig.SaveDelay);
        _rig.Time.Advance(after ?? InformerRig.SaveDelay);
        await moved.Task.WaitAsync(Patience.Limit, Cancellation);
    }

    /// <summary>Runs an informer until it has this list on disk.</summary>
    private async Task LeaveStateAsync(string list)
    {
        _rig.Lists(list);
        var informer = _rig.Run(_rig.StateFile);
        await informer.LoadedAsync(Cancellation);
        await informer.DisposeAsync();
    }

    /// <summary>Reads the disk until it holds what it should.</summary>
    private async Task OnDiskAsync(Func<IReadOnlyList<string>, bool> wanted)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        patience.CancelAfter(Patience.Limit);
        while (!wanted(await OnDiskAsync())) await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, patience.Token);
    }

    private async Task<IReadOnlyList<string>> OnDiskAsync()
    {
        // The log after its file: one that was begun anew meanwhile belongs to another file and does not count.
        var copy = _rig.Folder["copy.json"];
        await File.WriteAllBytesAsync(copy, await File.ReadAllBytesAsync(_rig.StateFile, Cancellation), Cancellation);
        var log = StateLog<Interest>.PathOf(_rig.StateFile);
        await File.WriteAllBytesAsync(StateLog<Interest>.PathOf(copy), File.Exists(log) ? await File.ReadAllBytesAsync(log, Cancellation) : [], Cancellation);
        var load = new StateFile<Interest>(copy, Selection.All).Read(_rig.Time.GetUtcNow());
        Assert.Null(load.Refusal);
        return InformerRig.Text(load.State!.Objects);
    }
}
