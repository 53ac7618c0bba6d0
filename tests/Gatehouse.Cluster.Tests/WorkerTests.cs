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
        await time.PassUntilAsync(root.Local.UntilThereAsync<Subnetwork>("c1.w1", s => s.Status!.Phase == AddressPhase.Quarantined));
        await time.PassUntilAsync(cluster.Local.UntilGoneAsync<Peer>("c1.w1"));

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

    [Theory]
    [InlineData("""{"underlay":"0.0.0.0"}""", "spec.underlay: '0.0.0.0' is not valid: stands for every address and can't be an underlay")]
    [InlineData("""{"underlay":"::"}""", "spec.underlay: '::' is not valid: stands for every address")]
    [InlineData("""{"underlay":"127.0.0.1"}""", "is a loopback address")]
    [InlineData("""{"underlay":"::1"}""", "is a loopback address")]
    [InlineData("""{"underlay":"224.0.0.5"}""", "is a multicast address")]
    [InlineData("""{"underlay":"ff02::1"}""", "is a multicast address")]
    [InlineData("""{"underlay":"255.255.255.255"}""", "is a reserved or broadcast address")]
    [InlineData("""{"underlay":"fe80::1"}""", "is a link-local address")]
    [InlineData("""{"underlay":"::ffff:192.0.2.1"}""", "is an IPv4 address in IPv6 notation")]
    [InlineData("""{"underlay":"10.18.0.1"}""", "lies in 10.16.0.0/12, which the overlay uses,")]
    [InlineData("""{"underlay":"fc00::1"}""", "lies in fc00::/64, which the overlay uses,")]
    [InlineData("""{"underlay":"192.0.2.2"}""", "spec.underlay: '192.0.2.2' is not valid: is an address of worker w2; if that machine is gone, delete worker w2 first")]
    [InlineData("""{"underlay":"203.0.113.2"}""", "spec.underlay: '203.0.113.2' is not valid: is an address of worker w2")]
    [InlineData("""{"underlay":"2001:db8:0::7"}""", "spec.underlay: '2001:db8:0::7' is not valid: is an address of worker w2")]
    [InlineData("""{"publicAddresses":["203.0.113.9","203.0.113.2"]}""", "spec.publicAddresses[1]: '203.0.113.2' is not valid: is an address of worker w2")]
    [InlineData("""{"publicAddresses":["192.0.2.2"]}""", "spec.publicAddresses[0]: '192.0.2.2' is not valid: is an address of worker w2")]
    [InlineData("""{"tunnelPort":99999}""", "spec.tunnelPort: '99999' is not valid: must be between 1 and 65535")]
    [InlineData("""{"tunnelPort":-1}""", "spec.tunnelPort: '-1' is not valid")]
    [InlineData("""{"tunnelPort":0}""", "spec.tunnelPort: '0' is not valid")]
    [InlineData(
        """{"underlay":"not an ip","tunnelPort":99999,"publicAddresses":["x","203.0.113.2","203.0.113.11","203.0.113.11"]}""",
        "spec.underlay: 'not an ip'|spec.tunnelPort|spec.publicAddresses[0]: 'x'|spec.publicAddresses[1]: '203.0.113.2' is not valid: is an address of worker w2|spec.publicAddresses[3]: '203.0.113.11' is not valid: is in the list already")]
    public async Task From_outside_a_worker_can_not_say_that_it_is_where_it_is_not(string spec, string expected)
    {
        await using var cluster = await ClusterHost.StartAsync(null);
        var (w1, w2) = (cluster.WorkerClient("w1"), cluster.WorkerClient("w2"));
        var before = await w1.CreateAsync(New("w1"), Ct);
        await w2.CreateAsync(New("w2") with { Spec = new WorkerSpec { Underlay = "192.0.2.2", PublicAddresses = ["203.0.113.2", "2001:db8::7"] } }, Ct);

        var refused = await Assert.ThrowsAsync<ApiStatusException>(() => w1.MergePatchAsync<Worker>("w1", $$"""{"spec":{{spec}}}""", null, Ct));

        Assert.Equal(422, refused.Status.Code);
        Assert.All(expected.Split('|'), part => Assert.Contains(part, refused.Message, StringComparison.Ordinal));
        Assert.Equal(expected.Split('|').Length, refused.Status.Details!.Causes!.Count);
        Assert.Equal(before.Spec.Underlay, (await w1.GetAsync<Worker>("w1", Ct))!.Spec.Underlay);
    }

    [Fact]
    public async Task Only_a_worker_itself_can_say_that_it_is_where_the_clusters_api_listens()
    {
        await using var cluster = await ClusterHost.StartAsync(null, with: o => o with { Listens = [System.Net.IPAddress.Parse("192.0.2.200"), System.Net.IPAddress.Parse("2001:db8::200")] });
        var (w1, w2) = (cluster.WorkerClient("w1"), cluster.WorkerClient("w2"));
        await w1.CreateAsync(New("w1"), Ct);
        foreach (var taken in new[] { "192.0.2.200", "2001:db8:0::200" })
        {
            var refused = await Assert.ThrowsAsync<ApiStatusException>(() => cluster.Local.MergePatchAsync<Worker>("w1", $$$"""{"spec":{"underlay":"{{{taken}}}"}}""", null, Ct));
            Assert.Equal(422, refused.Status.Code);
            Assert.Contains($"spec.underlay: '{taken}' is not valid: is where this cluster's API listens; only worker w1 itself", refused.Message, StringComparison.Ordinal);
        }

        await w2.CreateAsync(New("w2") with { Spec = new WorkerSpec { Underlay = "192.0.2.200" } }, Ct);
        Assert.Equal("192.0.2.1", (await w1.GetAsync<Worker>("w1", Ct))!.Spec.Underlay);
    }

    [Fact]
    public async Task An_address_is_free_again_when_its_worker_moved_or_is_gone_and_a_refused_write_takes_none()
    {
        await using var cluster = await ClusterHost.StartAsync(null);
        await cluster.Local.CreateAsync(New("w1"), Ct);
        await Assert.ThrowsAsync<ApiStatusException>(() => cluster.Local.CreateAsync(New("w2"), Ct));
        await Assert.ThrowsAsync<ApiStatusException>(() => cluster.Local.CreateAsync(New("w2") with { Spec = new WorkerSpec { Underlay = "192.0.2.2", TunnelPort = 0 } }, Ct));
        await cluster.Local.CreateAsync(New("w3") with { Spec = new WorkerSpec { Underlay = "192.0.2.2" } }, Ct);

        await cluster.Local.MergePatchAsync<Worker>("w1", """{"spec":{"underlay":"192.0.2.7"}}""", null, Ct);
        await UntilTakenAsync("w4", "192.0.2.1");
        await cluster.Local.DeleteAsync<Worker>("w3", null, Ct);
        await UntilTakenAsync("w5", "192.0.2.2");
        await cluster.RestartAsync();
        await Assert.ThrowsAsync<ApiStatusException>(() => cluster.Local.CreateAsync(New("w6") with { Spec = new WorkerSpec { Underlay = "192.0.2.2" } }, Ct));

        // The admission hears of a stored write a moment after its answer.
        async Task UntilTakenAsync(string name, string underlay)
        {
            while (true)
            {
                try
                {
                    await cluster.Local.CreateAsync(New(name) with { Spec = new WorkerSpec { Underlay = underlay } }, Ct);
                    return;
                }
                catch (ApiStatusException e) when (e.Status.Code == 422)
                {
                    await Task.Yield();
                    Ct.ThrowIfCancellationRequested();
                }
            }
        }
    }

    [Fact]
    public async Task Of_many_that_claim_one_address_at_once_one_gets_it()
    {
        await using var cluster = await ClusterHost.StartAsync(null);

        var claims = await Task.WhenAll(Enumerable.Range(0, 50).Select(async i =>
        {
            try
            {
                await Task.Yield();
                await cluster.Local.CreateAsync(New($"w{i}"), Ct);
                return 1;
            }
            catch (ApiStatusException e) when (e.Status.Code == 422)
            {
                return 0;
            }
        }));

        Assert.Equal(1, claims.Sum());
    }

    private static Worker New(string name) => new() { Metadata = new ObjectMeta { Name = name }, Spec = new WorkerSpec { Underlay = "192.0.2.1" } };
}
