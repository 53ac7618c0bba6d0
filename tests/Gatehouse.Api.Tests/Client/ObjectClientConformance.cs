using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Tests.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Api.Tests.Client;

/// <summary>What every object client does alike, whether a network lies between it and the server or not.</summary>
public abstract class ObjectClientConformance : IAsyncLifetime
{
    private TestServer _server = null!;
    private IObjectClient _client = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync();
        _client = Open(_server);
    }

    public async ValueTask DisposeAsync()
    {
        (_client as IDisposable)?.Dispose();
        await _server.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected abstract IObjectClient Open(TestServer server);

    [Fact]
    public async Task What_is_created_can_be_read_and_has_what_the_server_filled_in()
    {
        var made = await _client.CreateAsync(New("a"), Cancellation);
        Assert.Equal(("gatehouse.dev/v1", "Interest", "a"), (made.ApiVersion, made.Kind, made.Metadata.Name));
        Assert.NotNull(made.Metadata.Uid);
        Assert.NotNull(made.Metadata.ResourceVersion);
        Assert.NotNull(made.Metadata.CreationTimestamp);
        Assert.Equivalent(made, await _client.GetAsync<Interest>("a", Cancellation), strict: true);
    }

    [Fact]
    public async Task A_name_can_be_generated()
    {
        var made = await _client.CreateAsync(New("") with { Metadata = new ObjectMeta { GenerateName = "i-" } }, Cancellation);
        Assert.Matches("^i-.{5}$", made.Metadata.Name);
    }

    [Fact]
    public async Task A_name_that_is_taken_is_refused()
    {
        await _client.CreateAsync(New("a"), Cancellation);
        await RefusedAsync(StatusReason.AlreadyExists, 409, () => _client.CreateAsync(New("a"), Cancellation));
    }

    [Fact]
    public async Task What_is_invalid_is_refused_with_every_fault()
    {
        var refusal = await RefusedAsync(StatusReason.Invalid, 422, () => _client.CreateAsync(New("Not A Name") with { Spec = new InterestSpec() }, Cancellation));
        Assert.Equal(["metadata.name", "spec.holder", "spec.query"], refusal.Status.Details!.Causes!.Select(c => c.Field).Order());
    }

    [Fact]
    public async Task What_is_not_there_is_null_false_or_refused()
    {
        Assert.Null(await _client.GetAsync<Interest>("a", Cancellation));
        Assert.False(await _client.DeleteAsync<Interest>("a", null, Cancellation));
        await RefusedAsync(StatusReason.NotFound, 404, () => _client.UpdateAsync(New("a"), Cancellation));
        await RefusedAsync(StatusReason.NotFound, 404, () => _client.MergePatchAsync<Interest>("a", "{}", null, Cancellation));
    }

    [Fact]
    public async Task An_update_changes_the_spec_and_not_the_status_and_the_reverse()
    {
        var made = await _client.CreateAsync(New("a"), Cancellation);
        var status = new Resolution { Outcome = ResolutionOutcome.Found, Version = 4, Service = "s" };
        var resolved = await _client.UpdateStatusAsync(made with { Status = status, Spec = made.Spec with { Query = "ignored" } }, Cancellation);
        Assert.Equal(("q", "s"), (resolved.Spec.Query, resolved.Status!.Service));
        var updated = await _client.UpdateAsync(resolved with { Spec = made.Spec with { Query = "r" }, Status = null }, Cancellation);
        Assert.Equal(("r", "s"), (updated.Spec.Query, updated.Status!.Service));
        Assert.True(updated.Metadata.Generation > made.Metadata.Generation);
        Assert.Equal(made.Metadata.Generation, resolved.Metadata.Generation);
    }

    [Fact]
    public async Task A_write_on_an_older_revision_is_a_conflict_and_changes_nothing()
    {
        var made = await _client.CreateAsync(New("a"), Cancellation);
        var second = await _client.UpdateAsync(made with { Spec = made.Spec with { Query = "r" } }, Cancellation);
        await RefusedAsync(StatusReason.Conflict, 409, () => _client.UpdateAsync(made with { Spec = made.Spec with { Query = "s" } }, Cancellation));
        await RefusedAsync(StatusReason.Conflict, 409, () => _client.UpdateStatusAsync(made with { Status = new Resolution() }, Cancellation));
        await RefusedAsync(StatusReason.Conflict, 409, () => _client.DeleteAsync<Interest>("a", new DeletePreconditions(ResourceVersion: made.Metadata.ResourceVersion), Cancellation));
        Assert.Equal(second.Metadata.ResourceVersion, (await _client.GetAsync<Interest>("a", Cancellation))!.Metadata.ResourceVersion);
    }

    [Fact]
    public async Task A_merge_patch_changes_what_it_names_and_null_removes()
    {
        await _client.CreateAsync(New("a") with { Metadata = new ObjectMeta { Name = "a", Labels = new Dictionary<string, string> { ["x"] = "1", ["y"] = "2" } } }, Cancellation);
        var patched = await _client.MergePatchAsync<Interest>("a", """{"metadata":{"labels":{"x":null,"z":"3"}},"spec":{"query":"r"}}""", null, Cancellation);
        Assert.Equal(("w1", "r"), (patched.Spec.Holder, patched.Spec.Query));
        Assert.Equal(["y", "z"], patched.Metadata.Labels!.Keys.Order());
        var status = await _client.MergePatchAsync<Interest>("a", """{"status":{"version":9,"outcome":"Unknown"},"spec":{"query":"ignored"}}""", "status", Cancellation);
        Assert.Equal((9, "r"), (status.Status!.Version, status.Spec.Query));
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    public async Task A_patch_that_is_none_is_refused(string patch)
    {
        await _client.CreateAsync(New("a"), Cancellation);
        await RefusedAsync(StatusReason.BadRequest, 400, () => _client.MergePatchAsync<Interest>("a", patch, null, Cancellation));
    }

    [Fact]
    public async Task A_delete_waits_for_finalizers()
    {
        await _client.CreateAsync(New("a") with { Metadata = new ObjectMeta { Name = "a", Finalizers = ["gatehouse.dev/drain"] } }, Cancellation);
        Assert.True(await _client.DeleteAsync<Interest>("a", null, Cancellation));
        Assert.NotNull((await _client.GetAsync<Interest>("a", Cancellation))!.Metadata.DeletionTimestamp);
        await _client.MergePatchAsync<Interest>("a", """{"metadata":{"finalizers":null}}""", null, Cancellation);
        Assert.Null(await _client.GetAsync<Interest>("a", Cancellation));
    }

    [Fact]
    public async Task A_delete_of_another_uid_is_refused()
    {
        var made = await _client.CreateAsync(New("a"), Cancellation);
        await RefusedAsync(StatusReason.Conflict, 409, () => _client.DeleteAsync<Interest>("a", new DeletePreconditions(Uid: "other"), Cancellation));
        Assert.True(await _client.DeleteAsync<Interest>("a", new DeletePreconditions(Uid: made.Metadata.Uid), Cancellation));
    }

    [Fact]
    public async Task A_list_is_filtered_by_fields_and_labels_and_says_its_revision()
    {
        await _client.CreateAsync(New("a"), Cancellation);
        await _client.CreateAsync(New("b") with { Spec = new InterestSpec { Holder = "w2", Query = "q" } }, Cancellation);
        var last = await _client.CreateAsync(New("c") with { Metadata = new ObjectMeta { Name = "c", Labels = new Dictionary<string, string> { ["tier"] = "gold" } } }, Cancellation);
        Assert.Equal("a b c", await NamesAsync(Selection.All));
        Assert.Equal("b", await NamesAsync(new Selection(Fields: "spec.holder=w2")));
        Assert.Equal("c", await NamesAsync(new Selection(Labels: "tier in (gold,silver)")));
        Assert.Equal("", await NamesAsync(new Selection(Labels: "tier=gold", Fields: "spec.holder=w2")));
        Assert.Equal(last.Metadata.ResourceVersion, (await _client.ListAsync<Interest>(Selection.All, Cancellation)).ResourceVersion);
        await RefusedAsync(StatusReason.BadRequest, 400, () => _client.ListAsync<Interest>(new Selection(Fields: "spec.secret=1"), Cancellation));
        await RefusedAsync(StatusReason.BadRequest, 400, () => _client.ListAsync<Interest>(new Selection(Labels: "a in ("), Cancellation));
    }

    [Fact]
    public async Task More_objects_than_a_page_holds_are_all_listed_once()
    {
        for (var i = 0; i < 25; i++) await _client.CreateAsync(New($"i{i:00}"), Cancellation);
        Assert.Equal(string.Join(' ', Enumerable.Range(0, 25).Select(i => $"i{i:00}")), await NamesAsync(Selection.All));
    }

    [Fact]
    public async Task A_namespaced_kind_is_listed_by_namespace_or_whole()
    {
        foreach (var (space, name) in new[] { ("gatehouse-workers", "w1"), ("gatehouse-workers", "w2"), ("gatehouse-clusters", "c1") })
            await _client.CreateAsync(new Lease { Metadata = new ObjectMeta { Namespace = space, Name = name } }, Cancellation);
        Assert.Equal(3, (await _client.ListAsync<Lease>(Selection.All, Cancellation)).Items.Count);
        Assert.Equal(["w1", "w2"], (await _client.ListAsync<Lease>(new Selection(Namespace: "gatehouse-workers"), Cancellation)).Items.Select(l => l.Metadata.Name));
        Assert.NotNull(await _client.GetAsync<Lease>(new ObjectKey("gatehouse-clusters", "c1"), Cancellation));
        Assert.Null(await _client.GetAsync<Lease>(new ObjectKey("gatehouse-workers", "c1"), Cancellation));
    }

    [Fact]
    public async Task A_kind_without_status_has_no_status_to_write()
    {
        var lease = await _client.CreateAsync(new Lease { Metadata = new ObjectMeta { Namespace = "gatehouse-workers", Name = "w1" } }, Cancellation);
        await RefusedAsync(StatusReason.NotFound, 404, () => _client.UpdateStatusAsync(lease, Cancellation));
    }

    [Fact]
    public async Task A_watch_tells_every_change_after_its_revision_once_and_in_order()
    {
        var a = await _client.CreateAsync(New("a"), Cancellation);
        var list = await _client.ListAsync<Interest>(Selection.All, Cancellation);
        a = await _client.UpdateAsync(a with { Spec = a.Spec with { Query = "r" } }, Cancellation);
        await using var events = _client.WatchAsync<Interest>(Selection.All, list.ResourceVersion, Cancellation).GetAsyncEnumerator(Cancellation);
        var first = await NextAsync(events);
        var b = await _client.CreateAsync(New("b"), Cancellation);
        await _client.DeleteAsync<Interest>("a", null, Cancellation);
        var (second, third) = (await NextAsync(events), await NextAsync(events));
        Assert.Equal((ObjectEventType.Modified, a.Metadata.ResourceVersion, "r"), (first.Type, first.ResourceVersion, first.Object!.Spec.Query));
        Assert.Equal((ObjectEventType.Added, b.Metadata.ResourceVersion), (second.Type, second.ResourceVersion));
        Assert.Equal((ObjectEventType.Deleted, "a"), (third.Type, third.Object!.Metadata.Name));
        Assert.True(long.Parse(third.ResourceVersion) > long.Parse(second.ResourceVersion));
    }

    [Fact]
    public async Task An_object_that_leaves_the_selection_is_deleted_to_the_watcher_and_one_that_enters_is_added()
    {
        var a = await _client.CreateAsync(New("a"), Cancellation);
        var selection = new Selection(Fields: "spec.holder=w1");
        var list = await _client.ListAsync<Interest>(selection, Cancellation);
        await using var events = _client.WatchAsync<Interest>(selection, list.ResourceVersion, Cancellation).GetAsyncEnumerator(Cancellation);
        a = await _client.UpdateAsync(a with { Spec = a.Spec with { Holder = "w2" } }, Cancellation);
        Assert.Equal((ObjectEventType.Deleted, a.Metadata.ResourceVersion), await TypeAsync());
        a = await _client.UpdateAsync(a with { Spec = a.Spec with { Holder = "w1" } }, Cancellation);
        Assert.Equal((ObjectEventType.Added, a.Metadata.ResourceVersion), await TypeAsync());

        async Task<(ObjectEventType, string?)> TypeAsync()
        {
            var next = await NextAsync(events);
            return (next.Type, next.ResourceVersion);
        }
    }

    [Fact]
    public async Task A_watch_from_nonsense_is_refused()
    {
        await RefusedAsync(StatusReason.BadRequest, 400, async () =>
        {
            await foreach (var e in _client.WatchAsync<Interest>(Selection.All, "yesterday", Cancellation)) Assert.Fail($"{e}");
        });
    }

    [Fact]
    public async Task Cancelling_ends_a_watch()
    {
        using var leaves = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        await using var events = _client.WatchAsync<Interest>(Selection.All, "0", leaves.Token).GetAsyncEnumerator(leaves.Token);
        await _client.CreateAsync(New("a"), Cancellation);
        await NextAsync(events);
        var next = NextAsync(events);
        await leaves.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);
    }

    [Fact]
    public async Task An_informer_over_it_follows_the_server()
    {
        await _client.CreateAsync(New("a"), Cancellation);
        await using var informer = new Informer<Interest>(_client, Selection.All, new InformerOptions());
        _ = informer.RunAsync(Cancellation);
        await using var changes = informer.ChangesAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.True(await changes.MoveNextAsync());
        Assert.Equal((ObjectEventType.Added, "a"), (changes.Current.Type, changes.Current.Object!.Metadata.Name));
        await _client.CreateAsync(New("b"), Cancellation);
        Assert.True(await changes.MoveNextAsync());
        Assert.Equal((ObjectEventType.Added, "b"), (changes.Current.Type, changes.Current.Object!.Metadata.Name));
        await _client.DeleteAsync<Interest>("a", null, Cancellation);
        Assert.True(await changes.MoveNextAsync());
        Assert.Equal((ObjectEventType.Deleted, "a"), (changes.Current.Type, changes.Current.Object!.Metadata.Name));
        Assert.Equal(["b"], informer.Snapshot.Keys.Select(k => k.Name));
    }

    private static Interest New(string name) => new() { Metadata = new ObjectMeta { Name = name }, Spec = new InterestSpec { Holder = "w1", Query = "q" } };

    private async Task<string> NamesAsync(Selection selection) =>
        string.Join(' ', (await _client.ListAsync<Interest>(selection, Cancellation)).Items.Select(i => i.Metadata.Name));

    private static async Task<ObjectEvent<Interest>> NextAsync(IAsyncEnumerator<ObjectEvent<Interest>> events)
    {
        while (await events.MoveNextAsync())
        {
            if (events.Current.Type != ObjectEventType.Bookmark) return events.Current;
        }

        throw new InvalidOperationException("the watch ended");
    }

    private static async Task<ApiStatusException> RefusedAsync(string reason, int code, Func<Task> call)
    {
        var refusal = await Assert.ThrowsAsync<ApiStatusException>(call);
        Assert.Equal((reason, code), (refusal.Status.Reason, refusal.Status.Code));
        return refusal;
    }
}

/// <summary>In the server's own process.</summary>
public sealed class LocalObjectClientConformance : ObjectClientConformance
{
    private protected override IObjectClient Open(TestServer server) => server.Server.Local;
}

/// <summary>Over HTTPS, with pages that are smaller than the lists.</summary>
public sealed class HttpObjectClientConformance : ObjectClientConformance
{
    private protected override IObjectClient Open(TestServer server)
    {
        var certificate = TestServer.Issue(server.Authority, new UserInfo("admin", [UserInfo.MastersGroup]));
        return new HttpObjectClient(new HttpObjectClientOptions
        {
            Server = server.Url,
            PageSize = 10,
            Credentials = new FixedCredentials(new ApiCredentials { Trust = [server.Authority.Certificate], Certificate = certificate }),
        });
    }
}
