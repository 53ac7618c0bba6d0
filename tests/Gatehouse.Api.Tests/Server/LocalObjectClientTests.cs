using Gatehouse.Api.Client;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Store.Memory;

namespace Gatehouse.Api.Tests.Server;

public sealed class LocalObjectClientTests : IAsyncLifetime
{
    private readonly MemoryStore _store = new(TimeProvider.System);
    private ApiServer _server = null!;

    private IObjectClient Local => _server.Local;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await ApiServer.CreateAsync(new ApiServerOptions { Store = _store }, Cancellation);

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _store.DisposeAsync();
    }

    [Fact]
    public async Task Every_verb_works_on_records()
    {
        var created = await Local.CreateAsync(Sample("w1"), Cancellation);
        Assert.Equal(("gatehouse.dev/v1", "Worker", "1"), (created.ApiVersion, created.Kind, created.Metadata.ResourceVersion));
        var updated = await Local.UpdateAsync(created with { Spec = created.Spec with { PublicAddresses = ["198.51.100.1"] } }, Cancellation);
        Assert.Equal(2, updated.Metadata.Generation);
        var status = await Local.UpdateStatusAsync(updated with { Status = new WorkerStatus { Phase = PresencePhase.Ready } }, Cancellation);
        Assert.Equal(PresencePhase.Ready, status.Status!.Phase);
        Assert.Equal(["198.51.100.1"], status.Spec.PublicAddresses);
        var patched = await Local.MergePatchAsync<Worker>("w1", """{"status":{"message":"m"}}""", "status", Cancellation);
        Assert.Equal("m", patched.Status!.Message);
        Assert.Equivalent(patched, await Local.GetAsync<Worker>("w1", Cancellation));
        var list = await Local.ListAsync<Worker>(Selection.All, Cancellation);
        Assert.Equivalent(patched, Assert.Single(list.Items));
        Assert.Equal("4", list.ResourceVersion);
        Assert.True(await Local.DeleteAsync<Worker>("w1", new DeletePreconditions(Uid: created.Metadata.Uid), Cancellation));
        Assert.False(await Local.DeleteAsync<Worker>("w1", null, Cancellation));
        Assert.Null(await Local.GetAsync<Worker>("w1", Cancellation));
    }

    [Fact]
    public async Task Refusals_are_exceptions_with_their_status()
    {
        var created = await Local.CreateAsync(Sample("w1"), Cancellation);
        var taken = await Assert.ThrowsAsync<ApiStatusException>(() => Local.CreateAsync(Sample("w1"), Cancellation));
        Assert.True(taken.Is(StatusReason.AlreadyExists));
        await Local.MergePatchAsync<Worker>("w1", """{"metadata":{"labels":{"a":"b"}}}""", null, Cancellation);
        var stale = await Assert.ThrowsAsync<ApiStatusException>(() => Local.UpdateAsync(created with { Spec = new WorkerSpec { Underlay = "192.0.2.9" } }, Cancellation));
        Assert.True(stale.Is(StatusReason.Conflict));
        var wrong = await Assert.ThrowsAsync<ApiStatusException>(() => Local.CreateAsync(new Worker { Metadata = new ObjectMeta { Name = "X" } }, Cancellation));
        Assert.Equal(["metadata.name", "spec.underlay"], wrong.Status.Details!.Causes!.Select(c => c.Field));
        await Assert.ThrowsAsync<ApiStatusException>(() => Local.MergePatchAsync<Worker>("w1", "{", null, Cancellation));
        await Assert.ThrowsAsync<ApiStatusException>(() => Local.MergePatchAsync<Lease>(new ObjectKey("n", "w1"), "{}", "status", Cancellation));
        await Assert.ThrowsAsync<ApiStatusException>(() => Local.UpdateStatusAsync(new Lease { Metadata = new ObjectMeta { Name = "w1", Namespace = "n" } }, Cancellation));
        await Assert.ThrowsAsync<ApiStatusException>(() => Local.ListAsync<Worker>(new Selection(Fields: "spec.nothing=1"), Cancellation));
    }

    [Fact]
    public async Task A_watch_from_zero_tells_everything_in_order()
    {
        for (var i = 0; i < 3; i++) await Local.CreateAsync(Sample($"w{i}"), Cancellation);
        await Local.DeleteAsync<Worker>("w1", null, Cancellation);
        List<string> seen = [];
        await foreach (var change in Local.WatchAsync<Worker>(Selection.All, "0", Cancellation))
        {
            seen.Add($"{change.Type} {change.Object!.Metadata.Name} {change.ResourceVersion} {change.Object.Metadata.ResourceVersion}");
            if (seen.Count == 4) break;
        }

        Assert.Equal(["Added w0 1 1", "Added w1 2 2", "Added w2 3 3", "Deleted w1 4 4"], seen);
    }

    [Fact]
    public async Task Watches_of_one_change_share_its_record()
    {
        var revision = (await Local.ListAsync<Worker>(Selection.All, Cancellation)).ResourceVersion;
        var both = Enumerable.Range(0, 2).Select(async _ =>
        {
            await foreach (var change in Local.WatchAsync<Worker>(Selection.All, revision, Cancellation)) return change.Object;
            return null;
        }).ToList();
        await Local.CreateAsync(Sample("w1"), Cancellation);
        Assert.Same(await both[0], await both[1]);
    }

    [Fact]
    public async Task A_watch_from_a_compacted_revision_is_expired()
    {
        for (var i = 0; i < 3; i++) await Local.CreateAsync(Sample($"w{i}"), Cancellation);
        await using var store = new MemoryStore(TimeProvider.System);
        await _store.CompactAsync(3, Cancellation);
        await using var later = await ApiServer.CreateAsync(new ApiServerOptions { Store = _store }, Cancellation);
        var expired = await Assert.ThrowsAsync<ApiStatusException>(async () => await later.Local.WatchAsync<Worker>(Selection.All, "1", Cancellation).GetAsyncEnumerator(Cancellation).MoveNextAsync());
        Assert.True(expired.Is(StatusReason.Expired));
    }

    [Fact]
    public async Task Stored_defaults_and_absent_lists_read_as_the_record_says()
    {
        await Local.CreateAsync(new FabricService { Metadata = new ObjectMeta { Name = "shop" } }, Cancellation);
        await Local.MergePatchAsync<FabricService>("shop", """{"status":{"message":"none left"}}""", "status", Cancellation);
        var read = await Local.GetAsync<FabricService>("shop", Cancellation);
        Assert.Equal([BalancingPolicy.RoundRobin], read!.Spec.Policies);
        Assert.Empty(read.Status!.Addresses);
    }

    private static Worker Sample(string name) => new() { Metadata = new ObjectMeta { Name = name }, Spec = new WorkerSpec { Underlay = "192.0.2.1" } };
}
