using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestHosts;
using Gatehouse.TestKit;

namespace Gatehouse.Root.Tests;

public sealed class SubnetworkTests
{
    [Fact]
    public async Task The_create_answers_with_the_next_range()
    {
        await using var root = await RootHost.StartAsync();
        var client = root.ClusterClient("c1");
        var first = await client.CreateAsync(New("c1", "w1"), Ct);
        var second = await client.CreateAsync(New("c1", "w2"), Ct);
        Assert.Equal(new SubnetworkRange(0, "10.18.0.0/26", "fc00::/120"), first.Status?.Range);
        Assert.Equal(new SubnetworkRange(1, "10.18.0.64/26", "fc00::100/120"), second.Status?.Range);
        Assert.Equal(AddressPhase.Leased, first.Status?.Phase);
    }

    [Fact]
    public async Task Many_at_once_get_different_ranges_and_one_owner_gets_one()
    {
        await using var root = await RootHost.StartAsync();
        var created = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => root.Local.CreateAsync(New("c1", $"w{i}"), Ct)));
        Assert.Equal(200, created.Select(s => s.Status!.Range!.Index).Distinct().Count());
        Assert.Equal(199, created.Max(s => s.Status!.Range!.Index));

        var attempts = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => TryAsync(() => root.Local.CreateAsync(New("c1", "same"), Ct))));
        Assert.Single(attempts, a => a is not null);
        Assert.Equal(200, attempts.Single(a => a is not null)!.Status!.Range!.Index);
        Assert.Equal(201, (await root.Local.CreateAsync(New("c1", "next"), Ct)).Status!.Range!.Index);
    }

    [Fact]
    public async Task A_refused_create_gives_its_range_back()
    {
        await using var root = await RootHost.StartAsync();
        var bad = New("c1", "w1") with { Metadata = new ObjectMeta { Name = "c1.w1", Labels = new Dictionary<string, string> { ["no good!"] = "x" } } };
        var refusal = await Assert.ThrowsAsync<ApiStatusException>(() => root.Local.CreateAsync(bad, Ct));
        Assert.Equal(422, refusal.Status.Code);
        Assert.Equal(0, (await root.Local.CreateAsync(New("c1", "w2"), Ct)).Status!.Range!.Index);
    }

    [Theory]
    [InlineData("c1.w2", "c1", "w1", false, "metadata.name: 'c1.w2' is not valid: must be c1.w1")]
    [InlineData("c1.w1", "c1", "W!", false, "spec.worker: 'W!' is not valid")]
    [InlineData("c1.w1", "c1", "w1", true, "spec.released: 'true' is not valid: must be false on create")]
    public async Task A_wrong_owner_is_refused_with_the_reason(string name, string cluster, string worker, bool released, string reason)
    {
        await using var root = await RootHost.StartAsync();
        var value = new Subnetwork { Metadata = new ObjectMeta { Name = name }, Spec = new SubnetworkSpec { Cluster = cluster, Worker = worker, Released = released } };
        var refusal = await Assert.ThrowsAsync<ApiStatusException>(() => root.Local.CreateAsync(value, Ct));
        Assert.Equal(422, refusal.Status.Code);
        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_released_range_waits_for_its_owner_and_then_for_anybody()
    {
        var time = new ManualTimeProvider();
        await using var root = await RootHost.StartAsync(new RootOptions { ReservedSubnetworks = [.. Enumerable.Range(1, 15_359)] }, time);
        var leased = await root.Local.CreateAsync(New("c1", "w1"), Ct);
        var released = await root.Local.UpdateAsync(leased with { Spec = leased.Spec with { Released = true } }, Ct);
        Assert.Equal(AddressPhase.Quarantined, released.Status!.Phase);
        var refusal = await Assert.ThrowsAsync<ApiStatusException>(() => root.Local.CreateAsync(New("c1", "w2"), Ct));
        Assert.Equal(503, refusal.Status.Code);
        Assert.Contains("no subnetworks left: 0 of 15360 are leased and 1 in quarantine", refusal.Message, StringComparison.Ordinal);

        var taken = await root.Local.UpdateAsync(released with { Spec = released.Spec with { Released = false } }, Ct);
        Assert.Equal((AddressPhase.Leased, 0), (taken.Status!.Phase, taken.Status.Range!.Index));
        await root.Local.UpdateAsync(taken with { Spec = taken.Spec with { Released = true } }, Ct);
        await time.TimerArmedAsync(t => t > TimeSpan.FromMinutes(9) && t <= TimeSpan.FromMinutes(10), "the quarantine's end");
        time.Advance(TimeSpan.FromMinutes(10));
        var free = await root.Local.UntilThereAsync<Subnetwork>("c1.w1", s => s.Status!.Phase == AddressPhase.Free);
        Assert.Equal(time.Start + TimeSpan.FromMinutes(10), free.Status!.Since);

        var next = await root.Local.CreateAsync(New("c1", "w2"), Ct);
        Assert.Equal(0, next.Status!.Range!.Index);
        await root.Local.UntilGoneAsync<Subnetwork>("c1.w1");
    }

    [Fact]
    public async Task Order_leases_and_quarantine_survive_a_restart()
    {
        var time = new ManualTimeProvider();
        await using var root = await RootHost.StartAsync(new RootOptions { ReservedSubnetworks = [.. Enumerable.Range(3, 15_357)] }, time);
        foreach (var worker in new[] { "a", "b", "c" }) await root.Local.CreateAsync(New("c1", worker), Ct);
        foreach (var worker in new[] { "c", "a" })
        {
            await ReleaseAsync(root, $"c1.{worker}");
            time.Advance(TimeSpan.FromSeconds(1));
        }

        await root.RestartAsync();
        Assert.Equal(503, (await Assert.ThrowsAsync<ApiStatusException>(() => root.Local.CreateAsync(New("c1", "d"), Ct))).Status.Code);
        time.Advance(TimeSpan.FromMinutes(11));
        await root.RestartAsync();
        Assert.Equal(2, (await root.Local.CreateAsync(New("c1", "d"), Ct)).Status!.Range!.Index);
        await root.RestartAsync();
        Assert.Equal(0, (await root.Local.CreateAsync(New("c1", "e"), Ct)).Status!.Range!.Index);
        await root.Local.UntilGoneAsync<Subnetwork>("c1.a");
        Assert.Equal(1, (await root.Local.GetAsync<Subnetwork>("c1.b", Ct))!.Status!.Range!.Index);
    }

    [Fact]
    public async Task A_lease_can_neither_be_deleted_nor_have_its_status_written()
    {
        await using var root = await RootHost.StartAsync();
        var leased = await root.Local.CreateAsync(New("c1", "w1"), Ct);
        var delete = await Assert.ThrowsAsync<ApiStatusException>(() => root.Local.DeleteAsync<Subnetwork>("c1.w1", null, Ct));
        Assert.Contains("set spec.released to true", delete.Message, StringComparison.Ordinal);
        var forged = leased with { Status = leased.Status! with { Range = new SubnetworkRange(7, "10.18.1.192/26", "fc00::700/120") } };
        Assert.Equal(403, (await Assert.ThrowsAsync<ApiStatusException>(() => root.Local.UpdateStatusAsync(forged, Ct))).Status.Code);
    }

    [Fact]
    public async Task All_15360_are_leased_and_then_the_next_is_told_that_none_is_left()
    {
        await using var root = await RootHost.StartAsync();
        await Parallel.ForEachAsync(Enumerable.Range(0, 15_360), new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (i, ct) =>
            await root.Local.CreateAsync(New($"c{i % 16}", $"w{i / 16}"), ct));
        var refusal = await Assert.ThrowsAsync<ApiStatusException>(() => root.Local.CreateAsync(New("c1", "toomany"), Ct));
        Assert.Equal("no subnetworks left: all 15360 are leased or reserved", refusal.Message[(refusal.Message.IndexOf(':', StringComparison.Ordinal) + 2)..]);
        var all = (await root.Local.ListAsync<Subnetwork>(Selection.All, Ct)).Items;
        Assert.Equal(15_360, all.Select(s => s.Status!.Range!.Ipv4).Distinct().Count());
    }

    private static async Task<Subnetwork> ReleaseAsync(RootHost root, string name)
    {
        var value = (await root.Local.GetAsync<Subnetwork>(name, Ct))!;
        return await root.Local.UpdateAsync(value with { Spec = value.Spec with { Released = true } }, Ct);
    }

    private static Subnetwork New(string cluster, string worker) =>
        new() { Metadata = new ObjectMeta { Name = Subnetwork.NameFor(cluster, worker) }, Spec = new SubnetworkSpec { Cluster = cluster, Worker = worker } };

    private static async Task<Subnetwork?> TryAsync(Func<Task<Subnetwork>> act)
    {
        try
        {
            return await act();
        }
        catch (ApiStatusException e) when (e.Is(StatusReason.Conflict) || e.Is(StatusReason.AlreadyExists))
        {
            return null;
        }
    }
}
