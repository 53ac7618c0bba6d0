using Gatehouse.Api.Client;
using Gatehouse.Cluster.Upstream;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestHosts;
using Gatehouse.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Cluster.Tests.Upstream;

/// <summary>What the cluster did at root itself counts at once; the watch, which lags behind, is held up by not letting the mirror run.</summary>
public sealed class MirrorTests : IAsyncDisposable
{
    private readonly TemporaryDirectory _folder = new();
    private readonly SemaphoreSlim _changed = new(0);
    private RootHost _root = null!;

    public async ValueTask DisposeAsync()
    {
        await _root.DisposeAsync();
        _folder.Dispose();
        _changed.Dispose();
    }

    [Fact]
    public async Task What_was_deleted_at_root_is_gone_though_the_watch_still_shows_it()
    {
        await using var mirror = await LaggingAsync("a", "b");
        await _root.Local.DeleteAsync<FabricService>("a", null, Ct);
        Assert.NotNull(mirror.Find("a"));
        mirror.NoteGone("a");
        Assert.Null(mirror.Find("a"));
        Assert.NotNull(mirror.Find("b"));
    }

    [Fact]
    public async Task Another_object_of_the_name_is_there_before_and_after_the_watch_tells_of_it()
    {
        await using var mirror = await LaggingAsync("a");
        await _root.Local.DeleteAsync<FabricService>("a", null, Ct);
        mirror.NoteGone("a");
        var second = mirror.Note(await _root.Local.CreateAsync(InstanceTests.Service("a"), Ct));
        Assert.Equal(second.Metadata.Uid, mirror.Find("a")!.Metadata.Uid);
        await FollowAsync(mirror, () => mirror.All.Any(s => s.Metadata.Uid == second.Metadata.Uid));
        Assert.Equal(second.Metadata.Uid, mirror.Find("a")!.Metadata.Uid);
    }

    [Fact]
    public async Task A_note_of_what_is_gone_is_dropped()
    {
        await using var mirror = await LaggingAsync();
        mirror.Note(await _root.Local.CreateAsync(InstanceTests.Service("a"), Ct));
        Assert.NotNull(mirror.Find("a"));
        await _root.Local.DeleteAsync<FabricService>("a", null, Ct);
        mirror.NoteGone("a");
        Assert.Null(mirror.Find("a"));
    }

    [Fact]
    public async Task Gone_before_it_was_ever_seen_says_nothing_of_a_later_one()
    {
        await using var mirror = await LaggingAsync();
        mirror.NoteGone("a");
        await _root.Local.CreateAsync(InstanceTests.Service("a"), Ct);
        await FollowAsync(mirror, () => mirror.All.Any());
        Assert.NotNull(mirror.Find("a"));
    }

    /// <remarks>An instance that was taken for deleted between its note and its event was undeployed.</remarks>
    [Fact]
    public async Task What_was_noted_is_there_at_every_moment_while_the_watch_catches_up()
    {
        await using var mirror = await LaggingAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var run = mirror.RunAsync(stop.Token);
        while (!mirror.IsConfirmed) Assert.True(await _changed.WaitAsync(Patience.Limit, Ct));
        for (var i = 0; i < 300; i++)
        {
            mirror.Note(await _root.Local.CreateAsync(InstanceTests.Service($"s{i}"), Ct));
            for (var look = 0; look < 3000; look++) Assert.True(mirror.Find($"s{i}") is not null, $"s{i} was not there at look {look}");
        }

        await stop.CancelAsync();
        await run;
    }

    /// <summary>A mirror that has seen these services, and nothing since.</summary>
    private async Task<Mirror<FabricService>> LaggingAsync(params string[] services)
    {
        _root = await RootHost.StartAsync();
        foreach (var name in services) await _root.Local.CreateAsync(InstanceTests.Service(name), Ct);
        var first = New();
        await FollowAsync(first, () => first.IsConfirmed && first.All.Count() == services.Length);
        await first.DisposeAsync();
        var mirror = New();
        mirror.Load();
        Assert.Equal(services, mirror.All.Select(s => s.Metadata.Name).Order(StringComparer.Ordinal));
        return mirror;
    }

    private Mirror<FabricService> New()
    {
        var source = new MirrorSource(_root.Local, _folder.Path, TimeSpan.FromSeconds(1), TimeProvider.System, NullLogger.Instance);
        return new(source, Selection.All, "services.json", _ => _changed.Release(), () => _changed.Release());
    }

    /// <summary>Lets a mirror follow root until something is so.</summary>
    private async Task FollowAsync(Mirror<FabricService> mirror, Func<bool> until)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var run = mirror.RunAsync(stop.Token);
        while (!until()) Assert.True(await _changed.WaitAsync(Patience.Limit, Ct));
        await stop.CancelAsync();
        await run;
    }
}
