using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestHosts;
using Gatehouse.TestKit;
using static Gatehouse.Cluster.Tests.ThinLineTests;

namespace Gatehouse.Cluster.Tests;

public sealed class InstanceTests
{
    private const string Web = "app.ns.web.ns";

    [Fact]
    public async Task Replicas_spread_over_the_workers_that_run_programs()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root);
        await cluster.JoinAsync("w1");
        await cluster.JoinAsync("w2");
        await cluster.JoinAsync("w3", s => s with { RunsProcesses = false });
        await DeclareAsync(root, Web, 4);
        var workers = new List<string>();
        for (var i = 0; i < 4; i++) workers.Add((await cluster.Local.UntilThereAsync<FabricInstance>($"{Web}.{i}", f => f.Spec.Worker is not null)).Spec.Worker!);
        Assert.Equal(["w1", "w1", "w2", "w2"], workers.Order());
    }

    [Fact]
    public async Task An_instance_without_a_fitting_worker_says_why_and_is_placed_when_one_comes()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root);
        await cluster.JoinAsync("w1", s => s with { RunsProcesses = false });
        await DeclareAsync(root, Web, 1);
        var waiting = await cluster.Local.UntilThereAsync<FabricInstance>($"{Web}.0", i => i.Status?.Message is not null);
        Assert.Equal("waits for a worker: of 1, 1 runs no programs", waiting.Status!.Message);
        await cluster.JoinAsync("w2");
        await cluster.Local.UntilThereAsync<FabricInstance>($"{Web}.0", i => i.Spec.Worker == "w2");
    }

    [Fact]
    public async Task An_undeployed_instance_leaves_resolutions_first_then_drains_then_goes_and_frees_root()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root, with: o => o with { DrainTime = TimeSpan.FromSeconds(2) });
        await cluster.JoinAsync("w1");
        await DeclareAsync(root, Web, 2);
        await cluster.RunAsync($"{Web}.0", "w1", 0);
        await cluster.RunAsync($"{Web}.1", "w1", 1);
        var asked = await cluster.WorkerClient("w1").CreateAsync(Interest("w1", Web), Ct);
        await cluster.Local.UntilThereAsync<Interest>(asked.Key, i => i.Status!.Instances.Count == 2);

        var log = RecordAsync(cluster, asked.Key, (await cluster.Local.ListAsync<Interest>(Selection.All, Ct)).ResourceVersion);
        await root.Local.MergePatchAsync<FabricInstance>($"{Web}.0", """{"spec":{"undeploy":true}}""", null, Ct);
        await cluster.Local.UntilGoneAsync<FabricInstance>($"{Web}.0");
        await root.Local.UntilGoneAsync<FabricInstance>($"{Web}.0");
        await root.Local.UntilThereAsync<AddressLease>("10.30.0.2", l => l.Status!.Phase == AddressPhase.Quarantined);
        Assert.Equal(["left", "draining", "gone"], await log);
        Assert.Equal([1], (await cluster.Local.GetAsync<Interest>(asked.Key, Ct))!.Status!.Instances.Select(i => i.Number));
    }

    [Fact]
    public async Task A_draining_instance_stays_in_its_workers_peer_until_the_worker_says_that_it_ended()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root, with: o => o with { DrainTime = TimeSpan.FromHours(1) });
        await cluster.JoinAsync("w1");
        await DeclareAsync(root, Web, 1);
        var running = await cluster.RunAsync($"{Web}.0", "w1", 0);
        var worker = cluster.WorkerClient("w1");
        // Counted before the drain: nothing was open then.
        await worker.UpdateStatusAsync(running with { Metadata = running.Metadata with { ResourceVersion = null }, Status = running.Status! with { Load = 0 } }, Ct);
        await cluster.Local.UntilThereAsync<Peer>("c1.w1", p => p.Spec.Bindings.Count == 1);

        await root.Local.MergePatchAsync<FabricInstance>($"{Web}.0", """{"spec":{"undeploy":true}}""", null, Ct);
        await root.Local.UntilThereAsync<FabricInstance>($"{Web}.0", i => i.Status!.Phase == InstancePhase.Draining);
        var draining = await cluster.Local.UntilThereAsync<FabricInstance>($"{Web}.0", i => i.Status!.Phase == InstancePhase.Draining);
        // The worker's counts are told, and end nothing.
        foreach (var open in (int[])[3, 0])
            draining = await worker.UpdateStatusAsync(draining with { Metadata = draining.Metadata with { ResourceVersion = null }, Status = draining.Status! with { Load = open } }, Ct);
        await Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System, Ct);
        Assert.NotNull(await cluster.Local.GetAsync<FabricInstance>($"{Web}.0", Ct));
        Assert.Single((await cluster.Local.GetAsync<Peer>("c1.w1", Ct))!.Spec.Bindings);

        await worker.UpdateStatusAsync(draining with { Metadata = draining.Metadata with { ResourceVersion = null }, Status = draining.Status! with { Phase = InstancePhase.Dead, NamespaceAddress = null } }, Ct);
        await cluster.Local.UntilGoneAsync<FabricInstance>($"{Web}.0");
        await root.Local.UntilGoneAsync<FabricInstance>($"{Web}.0");
        await cluster.Local.UntilThereAsync<Peer>("c1.w1", p => p.Spec.Bindings.Count == 0);
    }

    [Fact]
    public async Task An_instance_deleted_at_the_cluster_goes_the_same_way()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root, with: o => o with { DrainTime = TimeSpan.FromMilliseconds(200) });
        await cluster.JoinAsync("w1");
        await DeclareAsync(root, Web, 1);
        await cluster.RunAsync($"{Web}.0", "w1", 0);
        var running = (await cluster.Local.ListAsync<FabricInstance>(Selection.All, Ct)).ResourceVersion;
        await cluster.Local.DeleteAsync<FabricInstance>($"{Web}.0", null, Ct);
        await cluster.Local.UntilSeenAsync<FabricInstance>($"{Web}.0", running, i => i.Status!.Phase == InstancePhase.Draining);
        await root.Local.UntilGoneAsync<FabricInstance>($"{Web}.0");
        await cluster.Local.UntilGoneAsync<FabricInstance>($"{Web}.0");
    }

    [Fact]
    public async Task An_instance_that_root_has_freed_already_goes_here_all_the_same()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root, with: o => o with { DrainTime = TimeSpan.FromMilliseconds(200) });
        await cluster.JoinAsync("w1");
        await DeclareAsync(root, Web, 1);
        await cluster.RunAsync($"{Web}.0", "w1", 0);
        await root.Local.DeleteAsync<FabricInstance>($"{Web}.0", null, Ct);
        await root.Local.UntilGoneAsync<FabricInstance>($"{Web}.0");
        await cluster.Local.UntilGoneAsync<FabricInstance>($"{Web}.0");
    }

    [Fact]
    public async Task Undeployed_while_root_is_away_it_leaves_its_worker_and_frees_root_later()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root, with: o => o with { DrainTime = TimeSpan.FromMilliseconds(200) });
        await cluster.JoinAsync("w1");
        await DeclareAsync(root, Web, 1);
        await cluster.RunAsync($"{Web}.0", "w1", 0);
        await root.Local.UntilThereAsync<FabricInstance>($"{Web}.0", i => i.Status!.Phase == InstancePhase.Running);
        await root.StopAsync();
        await cluster.Local.DeleteAsync<FabricInstance>($"{Web}.0", null, Ct);
        var released = await cluster.Local.UntilThereAsync<FabricInstance>($"{Web}.0", i => i.Spec.Worker is null && i.Status!.Message!.StartsWith("undeployed", StringComparison.Ordinal));
        Assert.Contains("waits for root", released.Status!.Message, StringComparison.Ordinal);
        await cluster.RestartAsync();
        await root.ResumeAsync();
        await root.Local.UntilGoneAsync<FabricInstance>($"{Web}.0");
        await cluster.Local.UntilGoneAsync<FabricInstance>($"{Web}.0");
    }

    [Fact]
    public async Task An_instance_that_a_node_engine_brings_is_declared_at_root_and_gets_its_address()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root);
        await cluster.JoinAsync("w1");
        await root.Local.CreateAsync(Service(Web), Ct);
        await root.StopAsync();
        var brought = Instance(Web, 7, worker: "w1");
        brought = brought with { Spec = brought.Spec with { Process = null, Cluster = null } };
        await cluster.WorkerClient("w1").CreateAsync(brought, Ct);
        await cluster.Local.UntilThereAsync<FabricInstance>($"{Web}.7", i => i.Status?.Message?.Contains("waits for root", StringComparison.Ordinal) == true);
        await root.ResumeAsync();
        var here = await cluster.Local.UntilThereAsync<FabricInstance>($"{Web}.7", i => i.Status?.Instance is not null);
        Assert.Equal("10.30.0.2", here.Status!.Instance!.Ipv4);
        Assert.Equal("c1", here.Spec.Cluster);
        Assert.Equal("w1", (await root.Local.GetAsync<FabricInstance>($"{Web}.7", Ct))!.Spec.Worker);
    }

    [Fact]
    public async Task A_node_engine_may_take_an_instance_that_root_declared_without_process()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root);
        await cluster.JoinAsync("w1");
        await cluster.JoinAsync("w2");
        await root.Local.CreateAsync(Service(Web), Ct);
        var declared = Instance(Web, 0);
        await root.Local.CreateAsync(declared with { Spec = declared.Spec with { Process = null } }, Ct);
        var waiting = await cluster.Local.UntilThereAsync<FabricInstance>($"{Web}.0", i => i.Status?.Message is not null);
        Assert.Equal("waits for a node engine to bring it", waiting.Status!.Message);
        var client = cluster.WorkerClient("w1");
        await client.MergePatchAsync<FabricInstance>($"{Web}.0", """{"spec":{"worker":"w1"}}""", null, Ct);
        await root.Local.UntilThereAsync<FabricInstance>($"{Web}.0", i => i.Spec.Worker == "w1");
        var stolen = await Assert.ThrowsAsync<ApiStatusException>(() =>
            cluster.WorkerClient("w2").MergePatchAsync<FabricInstance>($"{Web}.0", """{"spec":{"worker":"w2"}}""", null, Ct));
        Assert.Equal(403, stolen.Status.Code);
        var weighed = await Assert.ThrowsAsync<ApiStatusException>(() => client.MergePatchAsync<FabricInstance>($"{Web}.0", """{"spec":{"weight":256}}""", null, Ct));
        Assert.Equal(403, weighed.Status.Code);
    }

    [Fact]
    public async Task When_a_workers_lease_ends_its_instances_are_dead_after_the_grace_and_leave_resolutions()
    {
        var time = new ManualTimeProvider();
        await using var root = await RootHost.StartAsync(time: time);
        await using var cluster = await ClusterHost.StartAsync(root, time: time);
        await cluster.JoinAsync("w1", leaseSeconds: 15);
        await cluster.JoinAsync("w2");
        await DeclareAsync(root, Web, 2);
        foreach (var i in new[] { 0, 1 })
        {
            var placed = await cluster.Local.UntilThereAsync<FabricInstance>($"{Web}.{i}", f => f.Spec.Worker is not null);
            await cluster.RunAsync($"{Web}.{i}", placed.Spec.Worker!, i);
        }

        var asked = await cluster.WorkerClient("w2").CreateAsync(Interest("w2", Web), Ct);
        Assert.Equal(2, asked.Status!.Instances.Count);
        await time.TimerArmedAsync(t => t <= TimeSpan.FromSeconds(15) && t > TimeSpan.FromSeconds(10), "the lease's end");
        time.Advance(TimeSpan.FromSeconds(15));
        await cluster.Local.UntilThereAsync<Worker>("w1", w => w.Status!.Phase == PresencePhase.Away);
        await time.TimerArmedAsync(t => t <= TimeSpan.FromSeconds(10) && t > TimeSpan.FromSeconds(9), "the end of the grace");
        Assert.Equal(2, (await cluster.Local.GetAsync<Interest>(asked.Key, Ct))!.Status!.Instances.Count);
        time.Advance(TimeSpan.FromSeconds(10));
        var left = await cluster.Local.UntilThereAsync<Interest>(asked.Key, i => i.Status!.Instances.Count == 1);
        Assert.Equal("w2", left.Status!.Instances.Single().Worker);
        var dead = (await cluster.Local.ListAsync<FabricInstance>(new Selection(Fields: "spec.worker=w1"), Ct)).Items.Single();
        Assert.Equal(InstancePhase.Dead, dead.Status!.Phase);
        Assert.StartsWith("worker w1 is away since", dead.Status.Message, StringComparison.Ordinal);
        await time.PassUntilAsync(root.Local.UntilThereAsync<FabricInstance>(dead.Key, i => i.Status!.Phase == InstancePhase.Dead));
    }

    [Theory]
    [InlineData("10.18.0.0", null, "status.namespaceAddress.ipv4: '10.18.0.0' is not valid: is the network's")]
    [InlineData("10.18.0.1", "fc00::1", "status.namespaceAddress.ipv4: '10.18.0.1' is not valid: is the network's|status.namespaceAddress.ipv6: 'fc00::1' is not valid")]
    [InlineData("10.18.0.63", null, "no instance can have it")]
    [InlineData("10.18.0.2", "fc00::3", "status.namespaceAddress.ipv4: '10.18.0.2' is not valid: is the address of instance web.0")]
    [InlineData("10.18.0.3", "fc00::2", "status.namespaceAddress.ipv6: 'fc00::2' is not valid: is the address of instance web.0")]
    [InlineData("10.18.0.3", "fc00::3", "status.load: '-1' is not valid: must be between 0 and 2147483647")]
    public async Task A_worker_can_not_make_two_instances_one_nor_give_one_the_bridges_address(string ipv4, string? ipv6, string expected)
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root);
        await cluster.JoinAsync("w1");
        await DeclareAsync(root, Web, 2);
        await cluster.RunAsync($"{Web}.0", "w1", 0);
        await cluster.Local.UntilThereAsync<Peer>("c1.w1", p => p.Spec.Bindings.Count == 1);
        var placed = await cluster.Local.UntilThereAsync<FabricInstance>($"{Web}.1", i => i.Spec.Worker == "w1");
        var status = (placed.Status ?? new FabricInstanceStatus()) with { Phase = InstancePhase.Running, NamespaceAddress = new AddressPair(ipv4, ipv6), Load = expected.Contains("load", StringComparison.Ordinal) ? -1 : null };

        var refusal = await Assert.ThrowsAsync<ApiStatusException>(() =>
            cluster.WorkerClient("w1").UpdateStatusAsync(placed with { Metadata = placed.Metadata with { ResourceVersion = null }, Status = status }, Ct));

        Assert.Equal(422, refusal.Status.Code);
        Assert.All(expected.Replace("web.0", $"{Web}.0", StringComparison.Ordinal).Split('|'), part => Assert.Contains(part, refusal.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("10.18.0.1/26", "10.19.0.2")]
    [InlineData("outside", "10.18.0.130")]
    [InlineData("none", "nonsense")]
    public async Task A_namespace_address_outside_the_workers_subnetwork_is_refused(string _, string address)
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root);
        await cluster.JoinAsync("w1");
        await DeclareAsync(root, Web, 1);
        var placed = await cluster.Local.UntilThereAsync<FabricInstance>($"{Web}.0", i => i.Spec.Worker == "w1");
        var status = (placed.Status ?? new FabricInstanceStatus()) with { Phase = InstancePhase.Running, NamespaceAddress = new AddressPair(address, null) };
        var refusal = await Assert.ThrowsAsync<ApiStatusException>(() =>
            cluster.WorkerClient("w1").UpdateStatusAsync(placed with { Metadata = placed.Metadata with { ResourceVersion = null }, Status = status }, Ct));
        Assert.Equal(422, refusal.Status.Code);
        Assert.Contains("must lie in the worker's subnetwork, 10.18.0.0/26", refusal.Message, StringComparison.Ordinal);
    }

    internal static FabricService Service(string name) => new() { Metadata = new ObjectMeta { Name = name } };

    internal static async Task DeclareAsync(RootHost root, string service, int replicas, string cluster = "c1")
    {
        await root.Local.CreateAsync(Service(service), Ct);
        for (var i = 0; i < replicas; i++) await root.Local.CreateAsync(Instance(service, i, cluster), Ct);
    }

    /// <summary>What a worker that asked sees, and what the instance's own worker sees, in the order in which the store wrote it; ends with the third.</summary>
    private static async Task<IReadOnlyList<string>> RecordAsync(ClusterHost cluster, ObjectKey interest, string start)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        end.CancelAfter(Patience.Limit);
        SortedDictionary<long, string> seen = [];
        void Note(string what, string? revision)
        {
            lock (seen)
            {
                if (!seen.ContainsValue(what)) seen[long.Parse(revision!)] = what;
                if (seen.Count == 3) end.Cancel();
            }
        }

        async Task InterestsAsync()
        {
            await foreach (var e in cluster.Local.WatchAsync<Interest>(Selection.All, start, end.Token))
            {
                if (e.Object?.Key == interest && e.Object.Status!.Instances.Count == 1) Note("left", e.ResourceVersion);
            }
        }

        async Task InstancesAsync()
        {
            await foreach (var e in cluster.Local.WatchAsync<FabricInstance>(Selection.All, start, end.Token))
            {
                if (e.Object?.Spec.Number != 0) continue;
                if (e.Type == ObjectEventType.Deleted) Note("gone", e.ResourceVersion);
                else if (e.Object.Status?.Phase == InstancePhase.Draining) Note("draining", e.ResourceVersion);
            }
        }

        await Task.WhenAll(InterestsAsync(), InstancesAsync()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return [.. seen.Values];
    }
}
