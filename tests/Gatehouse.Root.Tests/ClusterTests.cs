using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestHosts;
using Gatehouse.TestKit;
using static Gatehouse.Root.Tests.InterestTests;

namespace Gatehouse.Root.Tests;

public sealed class ClusterTests
{
    [Fact]
    public async Task A_cluster_is_there_while_its_lease_is_renewed_also_over_a_restart()
    {
        var time = new ManualTimeProvider();
        await using var root = await RootHost.StartAsync(time: time);
        await root.Local.CreateAsync(new Cluster { Metadata = new ObjectMeta { Name = "c1" } }, Ct);
        await root.Local.UntilThereAsync<Cluster>("c1", c => c.Status is { Phase: PresencePhase.Pending });
        var lease = await root.ClusterClient("c1").CreateAsync(Lease(time), Ct);
        await root.Local.UntilThereAsync<Cluster>("c1", c => c.Status!.Phase == PresencePhase.Ready);
        await time.TimerArmedAsync(t => t <= TimeSpan.FromSeconds(30) && t > TimeSpan.FromSeconds(20), "the lease's end");
        time.Advance(TimeSpan.FromSeconds(30));
        await root.Local.UntilThereAsync<Cluster>("c1", c => c.Status is { Phase: PresencePhase.Away } && c.Status.Since == time.GetUtcNow());
        await root.RestartAsync();
        Assert.Equal(PresencePhase.Away, (await root.Local.GetAsync<Cluster>("c1", Ct))!.Status!.Phase);
        await root.ClusterClient("c1").UpdateAsync(lease with { Spec = Lease(time).Spec }, Ct);
        await root.Local.UntilThereAsync<Cluster>("c1", c => c.Status!.Phase == PresencePhase.Ready);
    }

    [Fact]
    public async Task What_a_deleted_cluster_had_is_given_back()
    {
        await using var root = await RootHost.StartAsync();
        await root.Local.CreateAsync(new Cluster { Metadata = new ObjectMeta { Name = "c1" } }, Ct);
        await root.Local.CreateAsync(new Subnetwork { Metadata = new ObjectMeta { Name = "c1.w1" }, Spec = new SubnetworkSpec { Cluster = "c1", Worker = "w1" } }, Ct);
        await root.Local.CreateAsync(new Subnetwork { Metadata = new ObjectMeta { Name = "c2.w1" }, Spec = new SubnetworkSpec { Cluster = "c2", Worker = "w1" } }, Ct);
        await DeployAsync(root, "a", 0, "10.18.0.2");
        await root.Local.CreateAsync(Ask("c1", "a"), Ct);
        var other = await root.Local.CreateAsync(Ask("c2", "a"), Ct);
        await root.Local.UntilThereAsync<Interest>(other.Key, i => i.Status!.Instances.Count == 1);
        await root.RestartAsync();
        await root.Local.DeleteAsync<Cluster>("c1", null, Ct);
        await root.Local.UntilGoneAsync<Cluster>("c1");
        Assert.Equal(AddressPhase.Quarantined, (await root.Local.GetAsync<Subnetwork>("c1.w1", Ct))!.Status!.Phase);
        Assert.Equal(AddressPhase.Leased, (await root.Local.GetAsync<Subnetwork>("c2.w1", Ct))!.Status!.Phase);
        Assert.Null(await root.Local.GetAsync<Interest>("c1.a", Ct));
        await root.Local.UntilThereAsync<Interest>(other.Key, i => i.Status!.Instances.Count == 0);
    }

    private static Lease Lease(TimeProvider time) => new()
    {
        Metadata = new ObjectMeta { Name = "c1", Namespace = Cluster.LeaseNamespace },
        Spec = new LeaseSpec { HolderIdentity = "c1", LeaseDurationSeconds = 30, RenewTime = time.GetUtcNow() },
    };
}
