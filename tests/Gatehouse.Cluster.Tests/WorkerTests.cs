using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Root;
using Gatehouse.TestHosts;
using Gatehouse.TestKit;

namespace Gatehouse.Cluster.Tests;

public sealed class WorkerTests
{
    [Fact]
    public async Task A_worker_that_registers_while_root_is_away_waits_and_then_succeeds_by_itself()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root);
        await root.StopAsync();
        await cluster.Local.CreateAsync(New("w1"), Ct);
        await cluster.RenewAsync("w1");
        var waiting = await cluster.Local.UntilThereAsync<Worker>("w1", w => w.Status is { Phase: PresencePhase.Ready, Message: not null });
        Assert.Null(waiting.Status!.Subnetwork);
        Assert.Equal("waits for root, which is away, to lease a subnetwork", waiting.Status.Message);

        await root.ResumeAsync();
        var leased = await cluster.Local.UntilThereAsync<Worker>("w1", w => w.Status?.Subnetwork is not null);
        Assert.Null(leased.Status!.Message);
        Assert.Equal("c1.w1", (await root.Local.ListAsync<Subnetwork>(Selection.All, Ct)).Items.Single().Metadata.Name);
    }

    [Fact]
    public async Task A_worker_keeps_its_subnetwork_over_restarts_of_cluster_and_root_and_both_at_once()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root);
        var before = await cluster.JoinAsync("w1");
        await root.StopAsync();
        await cluster.RestartAsync();
        await cluster.RenewAsync("w1");
        var alone = (await cluster.Local.GetAsync<Worker>("w1", Ct))!;
        Assert.Equal(before.Status!.Subnetwork, alone.Status!.Subnetwork);
        await root.ResumeAsync();
        Assert.Equal("10.18.0.64/26", (await cluster.JoinAsync("w2")).Status!.Subnetwork!.Ipv4);
        Assert.Equal(before.Status.Subnetwork, (await cluster.Local.GetAsync<Worker>("w1", Ct))!.Status!.Subnetwork);
        Assert.Equal(2, (await root.Local.ListAsync<Subnetwork>(Selection.All, Ct)).Items.Count);
    }

    [Fact]
    public async Task Root_that_has_no_subnetwork_left_is_quoted()
    {
        await using var root = await RootHost.StartAsync(new RootOptions { ReservedSubnetworks = [.. Enumerable.Range(0, 15_360)] });
        await using var cluster = await ClusterHost.StartAsync(root);
        await cluster.Local.CreateAsync(New("w1"), Ct);
        var waiting = await cluster.Local.UntilThereAsync<Worker>("w1", w => w.Status?.Message is not null);
        Assert.Contains("no subnetworks left", waiting.Status!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lease_that_ends_makes_the_worker_away_and_a_renewal_brings_it_back()
    {
        var time = new ManualTimeProvider();
        await using var root = await RootHost.StartAsync(time: time);
        await using var cluster = await ClusterHost.StartAsync(root, time: time);
        await cluster.JoinAsync("w1", leaseSeconds: 15);
        await time.TimerArmedAsync(t => t <= TimeSpan.FromSeconds(15) && t > TimeSpan.FromSeconds(10), "the lease's end");
        time.Advance(TimeSpan.FromSeconds(15));
        var away = await cluster.Local.UntilThereAsync<Worker>("w1", w => w.Status!.Phase == PresencePhase.Away);
        Assert.NotNull(away.Status!.Subnetwork);
        await cluster.RenewAsync("w1", 15);
        await cluster.Local.UntilThereAsync<Worker>("w1", w => w.Status!.Phase == PresencePhase.Ready);
    }

    [Fact]
    public async Task A_worker_away_for_long_loses_its_subnetwork_and_gets_one_when_it_comes_back()
    {
        var time = new ManualTimeProvider();
        await using var root = await RootHost.StartAsync(time: time);
        await using var cluster = await ClusterHost.StartAsync(root, time: time, with: o => o with { ReleaseAfter = TimeSpan.FromHours(1) });
        await cluster.JoinAsync("w1", leaseSeconds: 15);
        await time.TimerArmedAsync(t => t <= TimeSpan.FromSeconds(15) && t > TimeSpan.FromSeconds(10), "the lease's end");
        time.Advance(TimeSpan.FromSeconds(15));
        await cluster.Local.UntilThereAsync<Worker>("w1", w => w.Status!.Phase == PresencePhase.Away);
        await time.TimerArmedAsync(t => t > TimeSpan.FromMinutes(59) && t <= TimeSpan.FromHours(1), "the release");
        time.Advance(TimeSpan.FromHours(1));
        var released = await cluster.Local.UntilThereAsync<Worker>("w1", w => w.Status!.Subnetwork is null);
        Assert.Contains("was not heard of for 01:00:00", released.Status!.Message, StringComparison.Ordinal);
        await root.Local.UntilThereAsync<Subnetwork>("c1.w1", s => s.Status!.Phase == AddressPhase.Quarantined);
        await cluster.Local.UntilGoneAsync<Peer>("c1.w1");

        await cluster.RenewAsync("w1", 15);
        await cluster.Local.UntilThereAsync<Worker>("w1", w => w.Status is { Phase: PresencePhase.Ready, Subnetwork.Index: 0, Message: null });
        await root.Local.UntilThereAsync<Subnetwork>("c1.w1", s => s.Status!.Phase == AddressPhase.Leased);
    }

    [Fact]
    public async Task A_deleted_worker_gives_its_subnetwork_back()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root);
        await cluster.JoinAsync("w1");
        await cluster.Local.DeleteAsync<Worker>("w1", null, Ct);
        await root.Local.UntilThereAsync<Subnetwork>("c1.w1", s => s is { Spec.Released: true, Status.Phase: AddressPhase.Quarantined });
        await cluster.Local.UntilGoneAsync<Peer>("c1.w1");
    }

    [Fact]
    public async Task The_cluster_is_there_for_root_and_reports_its_workers()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root, with: o => o with { ClusterLease = TimeSpan.FromSeconds(1), Address = "cluster.example:7444", ExternalId = "6b19" });
        await cluster.JoinAsync("w1");
        var known = await root.Local.UntilThereAsync<Objects.Kinds.Cluster>("c1", c => c.Status is { Phase: PresencePhase.Ready, Workers: 1 });
        Assert.Equal(("cluster.example:7444", "6b19"), (known.Spec.Address, known.Spec.ExternalId));
        await cluster.StopAsync();
        await root.Local.UntilThereAsync<Objects.Kinds.Cluster>("c1", c => c.Status!.Phase == PresencePhase.Away);
        await cluster.ResumeAsync();
        await root.Local.UntilThereAsync<Objects.Kinds.Cluster>("c1", c => c.Status!.Phase == PresencePhase.Ready);
    }

    private static Worker New(string name) => new() { Metadata = new ObjectMeta { Name = name }, Spec = new WorkerSpec { Underlay = "192.0.2.1" } };
}
