using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestHosts;
using Gatehouse.TestKit;
using static Gatehouse.Cluster.Tests.InstanceTests;
using static Gatehouse.Cluster.Tests.ThinLineTests;

namespace Gatehouse.Cluster.Tests;

public sealed class ResolutionTests
{
    private const string Web = "app.ns.web.ns";

    [Fact]
    public async Task A_service_of_another_cluster_is_asked_of_root_and_followed_and_its_workers_become_peers()
    {
        await using var root = await RootHost.StartAsync();
        await using var serving = await ClusterHost.StartAsync(root, "c1");
        await using var calling = await ClusterHost.StartAsync(root, "c2");
        await serving.JoinAsync("s1");
        await calling.JoinAsync("k1");
        await DeclareAsync(root, Web, 2);
        await serving.RunAsync($"{Web}.0", "s1", 0);
        var asked = await calling.WorkerClient("k1").CreateAsync(Interest("k1", "10.30.0.1"), Ct);
        Assert.Equal(ResolutionOutcome.Pending, asked.Status!.Outcome);
        var found = await calling.Local.UntilThereAsync<Interest>(asked.Key, i => i.Status is { Outcome: ResolutionOutcome.Found, Instances.Count: 1 });
        Assert.Equal(("c1", "s1", "10.18.0.2"), (found.Status!.Instances[0].Cluster, found.Status.Instances[0].Worker, found.Status.Instances[0].NamespaceAddress.Ipv4));

        var peer = await calling.Local.UntilThereAsync<Peer>("c1.s1", p => p.Spec.Bindings.Count == 1);
        Assert.Equal("10.18.0.0/26", peer.Spec.Subnetwork!.Ipv4);
        await serving.Local.UntilThereAsync<Peer>("c2.k1", p => p.Spec.Subnetwork is not null);

        await serving.RunAsync($"{Web}.1", "s1", 1);
        var second = await calling.Local.UntilThereAsync<Interest>(asked.Key, i => i.Status!.Instances.Count == 2);
        Assert.True(second.Status!.Version > found.Status.Version && found.Status.Version > asked.Status.Version);
        await root.Local.MergePatchAsync<FabricInstance>($"{Web}.0", """{"spec":{"undeploy":true}}""", null, Ct);
        await calling.Local.UntilThereAsync<Interest>(asked.Key, i => i.Status!.Instances.Count == 1);
    }

    [Fact]
    public async Task A_cluster_knows_the_foreign_workers_that_serve_or_call_it_and_no_others()
    {
        await using var root = await RootHost.StartAsync();
        await using var serving = await ClusterHost.StartAsync(root, "c1");
        await using var calling = await ClusterHost.StartAsync(root, "c2");
        await using var stranger = await ClusterHost.StartAsync(root, "c3");
        await stranger.JoinAsync("x1");
        await RunAloneAsync(serving, "s1", Web);
        await RunAloneAsync(serving, "s2", "app.ns.db.ns");
        await RunAloneAsync(calling, "k2", "app.ns.own.ns");
        await calling.JoinAsync("k1");
        await root.Local.UntilThereAsync<Peer>("c1.s2", p => p.Spec.Bindings.Count == 1);
        await root.Local.UntilThereAsync<Peer>("c2.k2", p => p.Spec.Bindings.Count == 1);
        var asked = await calling.WorkerClient("k1").CreateAsync(Interest("k1", Web), Ct);
        // k2 asks for what runs in its own cluster: it calls nobody else.
        await calling.WorkerClient("k2").CreateAsync(Interest("k2", "app.ns.own.ns"), Ct);

        await calling.Local.UntilThereAsync<Peer>("c1.s1", p => p.Spec.Bindings.Count == 1);
        var caller = await serving.Local.UntilThereAsync<Peer>("c2.k1", p => p.Spec.Subnetwork is not null);
        Assert.Null(caller.Spec.Calls);
        Assert.Equal(["c2"], Reach(await root.Local.GetAsync<Peer>("c1.s1", Ct)));
        Assert.Equal(["c1"], Reach(await root.Local.GetAsync<Peer>("c2.k1", Ct)));
        Assert.Empty(Reach(await root.Local.GetAsync<Peer>("c1.s2", Ct)));
        Assert.Empty(Reach(await root.Local.GetAsync<Peer>("c2.k2", Ct)));
        Assert.Equal(["c1.s1", "c2.k1", "c2.k2"], await NamesAsync(calling));
        Assert.Equal(["c1.s1", "c1.s2", "c2.k1"], await NamesAsync(serving));
        Assert.Equal(["c3.x1"], await NamesAsync(stranger));

        await calling.Local.DeleteAsync<Interest>(asked.Key, null, Ct);
        await calling.Local.UntilGoneAsync<Peer>("c1.s1");
        await serving.Local.UntilGoneAsync<Peer>("c2.k1");
        await root.Local.UntilGoneAsync<Peer>("c2.k1");

        // The worker that has the fewest instances gets the next one: the new worker.
        async Task RunAloneAsync(ClusterHost cluster, string worker, string service)
        {
            await cluster.JoinAsync(worker);
            await DeclareAsync(root, service, 1, cluster.Options.Name);
            await cluster.RunAsync($"{service}.0", worker, 0);
        }
    }

    private static List<string> Reach(Peer? peer) =>
        [.. (peer!.Metadata.Labels?.Keys ?? []).Where(k => k.StartsWith(Peer.ReachPrefix, StringComparison.Ordinal)).Select(k => k[Peer.ReachPrefix.Length..]).Order(StringComparer.Ordinal)];

    private static async Task<List<string>> NamesAsync(ClusterHost cluster) =>
        [.. (await cluster.Local.ListAsync<Peer>(Selection.All, Ct)).Items.Select(p => p.Metadata.Name).Order(StringComparer.Ordinal)];

    [Fact]
    public async Task While_root_is_away_the_known_goes_on_also_after_a_restart_and_the_unknown_waits_and_is_found()
    {
        await using var root = await RootHost.StartAsync();
        await using var serving = await ClusterHost.StartAsync(root, "c1");
        await using var calling = await ClusterHost.StartAsync(root, "c2");
        await serving.JoinAsync("s1");
        await calling.JoinAsync("k1");
        await DeclareAsync(root, Web, 1);
        await DeclareAsync(root, "app.ns.db.ns", 1);
        await serving.RunAsync($"{Web}.0", "s1", 0);
        await serving.RunAsync("app.ns.db.ns.0", "s1", 1);
        var k1 = calling.WorkerClient("k1");
        var known = await k1.CreateAsync(Interest("k1", Web), Ct);
        await calling.Local.UntilThereAsync<Interest>(known.Key, i => i.Status!.Instances.Count == 1);

        await root.StopAsync();
        await calling.RestartAsync();
        k1 = calling.WorkerClient("k1");
        Assert.Single((await k1.GetAsync<Interest>(known.Key, Ct))!.Status!.Instances);
        await k1.DeleteAsync<Interest>(known.Key, null, Ct);
        var again = await k1.CreateAsync(Interest("k1", Web), Ct);
        Assert.Equal((ResolutionOutcome.Found, 1), (again.Status!.Outcome, again.Status.Instances.Count));

        var unknown = await k1.CreateAsync(Interest("k1", "app.ns.db.ns"), Ct);
        Assert.Equal(ResolutionOutcome.Pending, unknown.Status!.Outcome);
        Assert.Contains("root is asked", unknown.Status.Message, StringComparison.Ordinal);
        await root.ResumeAsync();
        await calling.Local.UntilThereAsync<Interest>(unknown.Key, i => i.Status is { Outcome: ResolutionOutcome.Found, Instances.Count: 1 });
    }

    [Fact]
    public async Task The_own_instances_of_a_service_are_answered_and_change_while_root_is_away()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root);
        await cluster.JoinAsync("w1");
        await DeclareAsync(root, Web, 2);
        await cluster.RunAsync($"{Web}.0", "w1", 0);
        await cluster.Local.UntilThereAsync<FabricInstance>($"{Web}.1", i => i.Spec.Worker == "w1" && i.Status?.Instance is not null);
        await cluster.Local.UntilThereAsync<FabricService>(Web, s => s.Status?.Addresses.Count == 1);
        await root.StopAsync();
        await cluster.RestartAsync();
        var asked = await cluster.WorkerClient("w1").CreateAsync(Interest("w1", "fdff:2000::1"), Ct);
        Assert.Equal((ResolutionOutcome.Found, 1), (asked.Status!.Outcome, asked.Status.Instances.Count));
        await cluster.RunAsync($"{Web}.1", "w1", 1);
        await cluster.Local.UntilThereAsync<Interest>(asked.Key, i => i.Status!.Instances.Count == 2);
    }

    [Fact]
    public async Task What_root_does_not_know_is_unknown_with_a_message_until_it_is_declared()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root);
        await cluster.JoinAsync("w1");
        var asked = await cluster.WorkerClient("w1").CreateAsync(Interest("w1", "10.30.0.1"), Ct);
        var unknown = await cluster.Local.UntilThereAsync<Interest>(asked.Key, i => i.Status!.Outcome == ResolutionOutcome.Unknown);
        Assert.Contains("knows no service", unknown.Status!.Message, StringComparison.Ordinal);
        await root.Local.CreateAsync(Service(Web), Ct);
        var found = await cluster.Local.UntilThereAsync<Interest>(asked.Key, i => i.Status!.Outcome == ResolutionOutcome.Found);
        Assert.True(found.Status!.Version > unknown.Status.Version);
    }

    [Fact]
    public async Task Only_who_asked_is_told_once_for_each_change_and_with_a_greater_version()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root);
        await cluster.JoinAsync("w1");
        await cluster.JoinAsync("w2");
        await DeclareAsync(root, Web, 3);
        await DeclareAsync(root, "app.ns.db.ns", 1);
        for (var i = 0; i < 3; i++)
        {
            var placed = await cluster.Local.UntilThereAsync<FabricInstance>($"{Web}.{i}", f => f.Spec.Worker is not null && f.Status?.Instance is not null);
            await cluster.RunAsync($"{Web}.{i}", placed.Spec.Worker!, i);
        }

        var concerned = await cluster.Local.CreateAsync(Interest("w1", Web), Ct);
        var other = await cluster.Local.CreateAsync(Interest("w2", "app.ns.db.ns"), Ct);
        await cluster.Local.UntilThereAsync<Interest>(concerned.Key, i => i.Status!.Instances.Count == 3);
        var otherSettled = await cluster.Local.UntilThereAsync<Interest>(other.Key, i => i.Status!.Outcome == ResolutionOutcome.Found);
        await root.Local.UntilThereAsync<Interest>("c1.app.ns.web.ns", i => i.Status!.Instances.Count == 3);

        var list = await cluster.Local.ListAsync<Interest>(Selection.All, Ct);
        await cluster.Local.MergePatchAsync<FabricInstance>($"{Web}.2", """{"status":{"phase":"Dead"}}""", "status", Ct);
        List<Interest> writes = [];
        await foreach (var e in cluster.Local.WatchAsync<Interest>(Selection.All, list.ResourceVersion, Ct))
        {
            if (e.Object is null) continue;
            writes.Add(e.Object);
            if (writes.Count == 1)
            {
                // A change that says the same tells nobody; the one after it is the next write.
                await cluster.Local.MergePatchAsync<FabricInstance>($"{Web}.1", """{"metadata":{"labels":{"a":"b"}}}""", null, Ct);
                await cluster.Local.MergePatchAsync<FabricInstance>($"{Web}.1", """{"status":{"phase":"Dead"}}""", "status", Ct);
            }

            if (writes.Count == 2) break;
        }

        Assert.All(writes, w => Assert.Equal(concerned.Key, w.Key));
        Assert.Equal([2, 1], writes.Select(w => w.Status!.Instances.Count));
        Assert.True(writes[1].Status!.Version > writes[0].Status!.Version);
        Assert.Equal(otherSettled.Metadata.ResourceVersion, (await cluster.Local.GetAsync<Interest>(other.Key, Ct))!.Metadata.ResourceVersion);
    }

    [Fact]
    public async Task An_interest_that_nobody_renews_ends_and_with_the_last_one_the_clusters_own_at_root()
    {
        var time = new ManualTimeProvider();
        await using var root = await RootHost.StartAsync(time: time);
        await using var cluster = await ClusterHost.StartAsync(root, time: time);
        await root.Local.CreateAsync(Service(Web), Ct);
        var asked = await cluster.Local.CreateAsync(Interest("w1", Web), Ct);
        await root.Local.UntilThereAsync<Interest>($"c1.{Web}", i => i.Spec.Holder == "c1");
        await time.TimerArmedAsync(t => t <= TimeSpan.FromMinutes(10) && t > TimeSpan.FromMinutes(9), "the interest's end");
        time.Advance(TimeSpan.FromMinutes(6));
        await cluster.Local.MergePatchAsync<Interest>(asked.Key, """{"spec":{"renewedAt":null}}""", null, Ct);
        time.Advance(TimeSpan.FromMinutes(6));
        Assert.NotNull(await cluster.Local.GetAsync<Interest>(asked.Key, Ct));
        await time.TimerArmedAsync(t => t <= TimeSpan.FromMinutes(4), "the renewed interest's end");
        time.Advance(TimeSpan.FromMinutes(4));
        await time.PassUntilAsync(cluster.Local.UntilGoneAsync<Interest>(asked.Key));
        await time.PassUntilAsync(root.Local.UntilGoneAsync<Interest>($"c1.{Web}"));
    }

    [Theory]
    [InlineData("not a name!")]
    [InlineData("10.30.0.1/16")]
    [InlineData("a..b")]
    [InlineData("fdff::1%eth0")]
    [InlineData("8.8.8.8")]
    [InlineData("10.18.0.2")]
    [InlineData("fc00::102")]
    [InlineData("::ffff:10.30.0.1")]
    public async Task A_query_that_is_neither_name_nor_address_of_the_platform_is_refused(string query)
    {
        await using var cluster = await ClusterHost.StartAsync(null);
        var bad = new Interest { Metadata = new ObjectMeta { Name = "w1.x" }, Spec = new InterestSpec { Holder = "w1", Query = query } };
        Assert.Equal(422, (await Assert.ThrowsAsync<ApiStatusException>(() => cluster.Local.CreateAsync(bad, Ct))).Status.Code);
    }

    [Fact]
    public async Task A_holder_with_too_many_interests_gets_429_and_a_query_can_not_change()
    {
        await using var cluster = await ClusterHost.StartAsync(null, with: o => o with { InterestsPerWorker = 2 });
        var first = await cluster.Local.CreateAsync(Interest("w1", "a"), Ct);
        await cluster.Local.CreateAsync(Interest("w1", "b"), Ct);
        await cluster.Local.UntilThereAsync<Interest>("w1.b", _ => true);
        var changed = await Assert.ThrowsAsync<ApiStatusException>(() => cluster.Local.UpdateAsync(first with { Spec = first.Spec with { Query = "c" } }, Ct));
        Assert.Equal(422, changed.Status.Code);
        // The limit counts what the cluster has seen stored, which is a moment behind.
        using var patience = new CancellationTokenSource(Patience.Limit);
        var refusal = await Assert.ThrowsAsync<ApiStatusException>(async () =>
        {
            for (var i = 0; ; i++) await cluster.Local.CreateAsync(Interest("w1", $"q{i}"), patience.Token);
        });
        Assert.Equal(429, refusal.Status.Code);
        Assert.Contains("w1 holds 2 interests", refusal.Message, StringComparison.Ordinal);
        await cluster.Local.CreateAsync(Interest("w2", "a"), Ct);
    }
}
