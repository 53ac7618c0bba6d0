using Gatehouse.Cluster.Instances;
using Gatehouse.Cluster.Peers;
using Gatehouse.Cluster.Services;
using Gatehouse.Cluster.Workers;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Tests;

public sealed class PlanTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
    private static readonly ClusterOptions Options = new() { Name = "c1" };
    private static readonly SubnetworkRange Range = new(3, "10.18.0.192/26", "fc00::300/120");

    [Theory]
    // The subnetwork here, at root (null: none), whether root was heard, whether there is a root; then what is asked of it.
    [InlineData(false, null, false, true, "Claim")]
    [InlineData(false, "leased", false, true, "None")]
    [InlineData(false, "released", false, true, "Claim")]
    [InlineData(true, "leased", true, true, "None")]
    [InlineData(true, null, false, true, "None")]
    [InlineData(true, null, true, true, "Claim")]
    [InlineData(true, "released", true, true, "Claim")]
    [InlineData(true, "other", true, true, "Claim")]
    [InlineData(false, null, false, false, "None")]
    public void A_worker_claims_what_it_needs_and_no_more(bool here, string? atRoot, bool confirmed, bool hasRoot, string request)
    {
        var worker = Worker(PresencePhase.Ready, here ? Range : null);
        var decision = WorkerPlan.Decide(new WorkerSituation(worker, PresencePhase.Ready, Now.AddSeconds(5), AtRoot(atRoot), confirmed, hasRoot, Now), Options);
        Assert.Equal(request, decision.AtRoot.ToString());
        Assert.Equal(Now.AddSeconds(5), decision.RecheckAt);
        if (!hasRoot) Assert.Equal("this cluster has no root, which leases subnetworks", decision.Status!.Message);
        if (atRoot == "leased") Assert.Equal(Range, decision.Status!.Subnetwork);
    }

    [Theory]
    [InlineData(PresencePhase.Away, 23, true, "None")]
    [InlineData(PresencePhase.Away, 24, false, "Release")]
    [InlineData(PresencePhase.Pending, 24, false, "Release")]
    public void A_worker_away_for_a_day_gives_its_subnetwork_back_and_hears_it_first(PresencePhase phase, int hours, bool keeps, string request)
    {
        var worker = Worker(phase, Range) with { Metadata = new ObjectMeta { Name = "w1", CreationTimestamp = Now.AddHours(-hours) } };
        worker = worker with { Status = worker.Status! with { Since = Now.AddHours(-hours) } };
        var decision = WorkerPlan.Decide(new WorkerSituation(worker, phase, null, AtRoot("leased"), true, true, Now), Options);
        Assert.Equal(request, decision.AtRoot.ToString());
        Assert.Equal(keeps, decision.Status!.Subnetwork is not null);
    }

    [Fact]
    public void A_worker_that_was_deleted_releases_and_one_that_never_was_does_nothing()
    {
        Assert.Equal(SubnetworkRequest.Release, WorkerPlan.Decide(new WorkerSituation(null, PresencePhase.Away, null, AtRoot("leased"), true, true, Now), Options).AtRoot);
        Assert.Equal(SubnetworkRequest.None, WorkerPlan.Decide(new WorkerSituation(null, PresencePhase.Away, null, AtRoot("released"), true, true, Now), Options).AtRoot);
        Assert.Equal(new WorkerDecision(null, SubnetworkRequest.None, null), WorkerPlan.Decide(new WorkerSituation(null, PresencePhase.Pending, null, null, true, true, Now), Options));
    }

    [Theory]
    [InlineData("w2", 0, 0, PresencePhase.Ready, true, true, "w2")]
    [InlineData("w2", 9, 0, PresencePhase.Ready, true, true, "w2")]
    [InlineData("w2", 0, 2, PresencePhase.Ready, true, true, "w1")]
    [InlineData("w0", 5, 1, PresencePhase.Ready, true, true, "w0")]
    [InlineData("w2", 0, 0, PresencePhase.Away, true, true, "w1")]
    [InlineData("w2", 0, 0, PresencePhase.Ready, false, true, "w1")]
    [InlineData("w2", 0, 0, PresencePhase.Ready, true, false, "w1")]
    [InlineData("w2", 61, 0, PresencePhase.Ready, true, true, "w1")]
    public void Against_w1_with_five_instances_one_of_the_service(string name, int all, int ofService, PresencePhase phase, bool runs, bool hasSubnetwork, string expected)
    {
        var other = Worker(phase, hasSubnetwork ? Range : null, name) with { Spec = new WorkerSpec { RunsProcesses = runs } };
        var w1 = Worker(PresencePhase.Ready, Range) with { Spec = new WorkerSpec { RunsProcesses = true } };
        Assert.Equal(expected, SchedulePlan.Choose([new Candidate(w1, 5, 1), new Candidate(other, all, ofService)]).Worker);
    }

    [Fact]
    public void Why_there_is_no_worker_is_said()
    {
        Assert.Equal("waits for a worker: the cluster has none", SchedulePlan.Choose([]).Why);
        Candidate[] candidates =
        [
            new(Worker(PresencePhase.Away, Range), 0, 0), new(Worker(PresencePhase.Away, Range), 0, 0),
            new(Worker(PresencePhase.Ready, Range) with { Spec = new WorkerSpec { RunsProcesses = true } }, 61, 0),
        ];
        Assert.Equal("waits for a worker: of 3, 2 not there, 1 full", SchedulePlan.Choose(candidates).Why);
    }

    [Fact]
    public void Missing_at_root_means_nothing_until_root_was_heard()
    {
        var copy = Instance("uid1");
        Assert.IsType<InstanceAct.Rest>(Decide(copy, null, confirmed: false));
        Assert.True(Assert.IsType<InstanceAct.Change>(Decide(copy, null, confirmed: true)).Next.Spec.Undeploy);
        Assert.IsType<InstanceAct.Upload>(Decide(Instance(null), null, confirmed: false));
    }

    [Fact]
    public void A_copy_of_something_else_goes_and_a_deleted_one_is_not_copied()
    {
        Assert.True(Assert.IsType<InstanceAct.Change>(Decide(Instance("uid1"), AtRootInstance("uid2"))).Next.Spec.Undeploy);
        var leaving = AtRootInstance("uid1");
        leaving = leaving with { Spec = leaving.Spec with { Undeploy = true } };
        Assert.Equal(new InstanceAct.Remove(null, AtRoot: true), Decide(null, leaving));
        Assert.IsType<InstanceAct.CopyDown>(Decide(null, AtRootInstance("uid1")));
        Assert.Equal(new InstanceAct.Rest(null), Decide(null, null));
    }

    [Fact]
    public void Leaving_waits_until_all_are_told_then_drains_then_goes()
    {
        var running = Leaving(new FabricInstanceStatus { Phase = InstancePhase.Running });
        Assert.NotNull(Assert.IsType<InstanceAct.Rest>(Decide(running, null, told: false)).Until);
        var draining = Assert.IsType<InstanceAct.Report>(Decide(running, null)).Status;
        Assert.Equal((InstancePhase.Draining, Now), (draining.Phase, draining.Since));
        Assert.Equal(new InstanceAct.Rest(Now + Options.DrainTime), Decide(Leaving(draining), null));
        // A load was counted before the drain, or during it: the last flow ended when the worker says that the instance did.
        Assert.Equal(new InstanceAct.Rest(Now + Options.DrainTime), Decide(Leaving(draining with { Load = 0 }), null));
        Assert.IsType<InstanceAct.Remove>(Decide(Leaving(draining with { Since = Now - Options.DrainTime }), null));
        Assert.IsType<InstanceAct.Remove>(Decide(Leaving(draining) with { Spec = Leaving(draining).Spec with { Worker = null } }, null));
        Assert.IsType<InstanceAct.Remove>(Decide(Leaving(new FabricInstanceStatus { Phase = InstancePhase.Dead }), null));
        Assert.IsType<InstanceAct.Remove>(Decide(Leaving(new FabricInstanceStatus()), null));
    }

    [Fact]
    public void Root_is_told_of_a_drain_and_waiting_for_root_does_not_make_it_longer()
    {
        var draining = Leaving(new FabricInstanceStatus { Phase = InstancePhase.Draining, Since = Now });
        var told = Assert.IsType<InstanceAct.TellStatus>(Decide(draining, AtRootInstance("uid1")));
        Assert.Equal((InstancePhase.Draining, Now), (told.Status.Phase, told.Status.Since));
        Assert.Equal(new InstanceAct.Rest(Now + Options.DrainTime), Decide(draining, AtRootInstance("uid1") with { Status = told.Status }));
        Assert.Equal(new InstanceAct.Rest(Now + Options.DrainTime), Decide(draining, AtRootInstance("uid2")));
        Assert.IsType<InstanceAct.Remove>(Decide(draining with { Status = draining.Status! with { Since = Now - Options.DrainTime } }, AtRootInstance("uid1")));
    }

    [Fact]
    public void A_leaving_instance_of_another_uid_is_not_removed_at_root()
    {
        var gone = Leaving(new FabricInstanceStatus { Phase = InstancePhase.Dead }, "uid1");
        Assert.False(Assert.IsType<InstanceAct.Remove>(Decide(gone, AtRootInstance("uid2"))).AtRoot);
        Assert.True(Assert.IsType<InstanceAct.Remove>(Decide(gone, AtRootInstance("uid1"))).AtRoot);
    }

    [Fact]
    public void A_service_is_copied_while_it_has_instances_here()
    {
        var atRoot = new FabricService { Metadata = new ObjectMeta { Name = "a" }, Status = new FabricServiceStatus { Addresses = [new(BalancingPolicy.RoundRobin, "10.30.0.1", null)] } };
        var copy = ServicePlan.CopyOf(atRoot);
        var own = new FabricService { Metadata = new ObjectMeta { Name = "a" } };
        Assert.Equal(ServiceAct.CopyDown, ServicePlan.Decide(null, atRoot, true, false));
        Assert.Equal(ServiceAct.None, ServicePlan.Decide(null, atRoot, false, true));
        Assert.Equal(ServiceAct.TakeStatus, ServicePlan.Decide(copy, atRoot, true, true));
        Assert.Equal(ServiceAct.None, ServicePlan.Decide(copy with { Status = atRoot.Status }, atRoot, true, true));
        Assert.Equal(ServiceAct.Drop, ServicePlan.Decide(copy, atRoot, false, true));
        Assert.Equal(ServiceAct.Drop, ServicePlan.Decide(copy, null, true, true));
        Assert.Equal(ServiceAct.None, ServicePlan.Decide(copy, null, true, false));
        Assert.Equal(ServiceAct.Upload, ServicePlan.Decide(own, null, false, false));
        Assert.Equal(ServiceAct.Follow, ServicePlan.Decide(copy with { Spec = new FabricServiceSpec { Policies = [BalancingPolicy.Sticky] } }, atRoot, true, true));
    }

    [Fact]
    public void A_peer_has_the_bindings_that_can_have_packets()
    {
        var pair = new AddressPair("10.30.0.9", null);
        FabricInstance With(int number, InstancePhase phase, AddressPair? address) => Instance("u") with
        {
            Metadata = new ObjectMeta { Name = $"a.{number}" },
            Status = new FabricInstanceStatus { Phase = phase, Instance = pair, NamespaceAddress = address },
        };
        var address = new AddressPair("10.18.0.194", null);
        var peer = PeerPlan.Of("c1", Worker(PresencePhase.Away, Range), [With(0, InstancePhase.Running, address), With(1, InstancePhase.Draining, address), With(2, InstancePhase.Dead, address), With(3, InstancePhase.Running, null)]);
        Assert.Equal(2, peer!.Bindings.Count);
        Assert.Equal(Range, peer.Subnetwork);
        Assert.True(PeerPlan.Same(peer, peer with { Bindings = [.. peer.Bindings] }));
        Assert.False(PeerPlan.Same(peer, peer with { Bindings = [] }));
        Assert.False(PeerPlan.Same(peer, peer with { Calls = ["c2"] }));
        Assert.True(PeerPlan.Same(peer with { Calls = ["c2"] }, peer with { Calls = ["c2"] }));
        Assert.False(PeerPlan.Same(peer, peer with { Underlay = "192.0.2.9" }));
        Assert.Null(PeerPlan.Of("c1", Worker(PresencePhase.Ready, null), []));
        Assert.Null(PeerPlan.Of("c1", null, []));
    }

    private static InstanceAct Decide(FabricInstance? here, FabricInstance? atRoot, bool confirmed = true, bool told = true) =>
        InstancePlan.Decide(new InstanceSituation(here, atRoot, confirmed, true, Worker(PresencePhase.Ready, Range), told, false, Now), Options);

    private static FabricInstance Instance(string? upstream) => new()
    {
        Metadata = new ObjectMeta { Name = "a.0", Annotations = upstream is null ? null : new Dictionary<string, string> { [InstancePlan.UpstreamUid] = upstream } },
        Spec = new FabricInstanceSpec { Service = "a", Cluster = "c1", Worker = "w1" },
    };

    private static FabricInstance Leaving(FabricInstanceStatus status, string? upstream = "uid1")
    {
        var instance = Instance(upstream);
        return instance with { Spec = instance.Spec with { Undeploy = true }, Status = status };
    }

    private static FabricInstance AtRootInstance(string uid) => new()
    {
        Metadata = new ObjectMeta { Name = "a.0", Uid = uid },
        Spec = new FabricInstanceSpec { Service = "a", Cluster = "c1", Worker = "w1" },
    };

    private static Worker Worker(PresencePhase phase, SubnetworkRange? range, string name = "w1") => new()
    {
        Metadata = new ObjectMeta { Name = name, CreationTimestamp = Now.AddMinutes(-1) },
        Status = new WorkerStatus { Phase = phase, Since = Now.AddMinutes(-1), Subnetwork = range },
    };

    private static Subnetwork? AtRoot(string? state) => state is null ? null : new Subnetwork
    {
        Spec = new SubnetworkSpec { Cluster = "c1", Worker = "w1", Released = state == "released" },
        Status = new SubnetworkStatus { Range = state == "other" ? Range with { Index = 4 } : Range },
    };
}
