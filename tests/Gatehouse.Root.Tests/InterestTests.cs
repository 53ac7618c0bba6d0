using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestHosts;
using Gatehouse.TestKit;
using static Gatehouse.Root.Tests.AddressTests;

namespace Gatehouse.Root.Tests;

public sealed class InterestTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("A")]
    [InlineData("10.30.0.1")]
    [InlineData("fdff:2000::1")]
    [InlineData("FDFF:2000:0::1")]
    [InlineData("10.30.0.2")]
    [InlineData("fdff::1")]
    public async Task A_service_is_found_by_name_service_address_and_instance_address_in_the_create(string query)
    {
        await using var root = await RootHost.StartAsync();
        await DeployAsync(root, "a", 0, "10.18.0.2");
        // What somebody else was told is in memory.
        var other = await root.Local.CreateAsync(Ask("c3", "a"), Ct);
        await root.Local.UntilThereAsync<Interest>(other.Key, i => i.Status!.Instances.Count == 1);
        var answer = (await root.ClusterClient("c2").CreateAsync(Ask("c2", query), Ct)).Status!;
        Assert.Equal((ResolutionOutcome.Found, "a"), (answer.Outcome, answer.Service));
        Assert.Equal("10.30.0.1", answer.Addresses.Single().Ipv4);
        var instance = Assert.Single(answer.Instances);
        Assert.Equal((0, "10.30.0.2", "10.18.0.2", "c1", "w1"), (instance.Number, instance.Instance.Ipv4, instance.NamespaceAddress.Ipv4, instance.Cluster, instance.Worker));
    }

    [Fact]
    public async Task Unknown_becomes_found_and_found_unknown_and_versions_grow_also_over_a_restart()
    {
        await using var root = await RootHost.StartAsync();
        var asked = await root.Local.CreateAsync(Ask("c2", "10.30.0.1"), Ct);
        Assert.Equal(ResolutionOutcome.Unknown, asked.Status!.Outcome);
        Assert.Equal("root knows no service with name or address 10.30.0.1", asked.Status.Message);
        List<long> versions = [asked.Status.Version];
        await root.Local.CreateAsync(Service("a"), Ct);
        versions.Add((await root.Local.UntilThereAsync<Interest>(asked.Key, i => i.Status!.Outcome == ResolutionOutcome.Found)).Status!.Version);
        await DeployAsync(root, "a", 0, "10.18.0.2", declare: false);
        versions.Add((await root.Local.UntilThereAsync<Interest>(asked.Key, i => i.Status!.Instances.Count == 1)).Status!.Version);
        await root.RestartAsync();
        await DeployAsync(root, "a", 1, "10.18.0.3", declare: false);
        versions.Add((await root.Local.UntilThereAsync<Interest>(asked.Key, i => i.Status!.Instances.Count == 2)).Status!.Version);
        foreach (var name in new[] { "a.0", "a.1" }) await root.Local.MergePatchAsync<FabricInstance>(name, """{"spec":{"undeploy":true}}""", null, Ct);
        await root.Local.DeleteAsync<FabricService>("a", null, Ct);
        versions.Add((await root.Local.UntilThereAsync<Interest>(asked.Key, i => i.Status!.Outcome == ResolutionOutcome.Unknown)).Status!.Version);
        Assert.Equal(versions.Order().Distinct(), versions);
    }

    [Fact]
    public async Task A_restart_tells_nobody_what_they_know()
    {
        await using var root = await RootHost.StartAsync();
        await DeployAsync(root, "a", 0, "10.18.0.2");
        var asked = await root.Local.CreateAsync(Ask("c2", "a"), Ct);
        var settled = await root.Local.UntilThereAsync<Interest>(asked.Key, i => i.Status!.Instances.Count == 1);
        await root.RestartAsync();
        var other = await root.Local.CreateAsync(Ask("c3", "a"), Ct);
        await DeployAsync(root, "a", 1, "10.18.0.3", declare: false);
        await root.Local.UntilThereAsync<Interest>(other.Key, i => i.Status!.Instances.Count == 2);
        var told = await root.Local.UntilThereAsync<Interest>(asked.Key, i => i.Status!.Instances.Count == 2);
        Assert.Equal(settled.Metadata.Generation, told.Metadata.Generation);
    }

    [Fact]
    public async Task An_interest_that_is_not_renewed_for_an_hour_is_deleted()
    {
        var time = new ManualTimeProvider();
        await using var root = await RootHost.StartAsync(time: time);
        var asked = await root.Local.CreateAsync(Ask("c2", "a"), Ct);
        Assert.Equal(time.Start, asked.Spec.RenewedAt);
        await time.TimerArmedAsync(t => t <= TimeSpan.FromHours(1) && t > TimeSpan.FromMinutes(59), "the interest's end");
        time.Advance(TimeSpan.FromMinutes(59));
        await root.Local.MergePatchAsync<Interest>(asked.Key, """{"spec":{"renewedAt":"2099-01-01T00:00:00Z"}}""", null, Ct);
        await root.Local.UntilThereAsync<Interest>(asked.Key, i => i.Spec.RenewedAt == time.Start.AddMinutes(59));
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.NotNull(await root.Local.GetAsync<Interest>(asked.Key, Ct));
        // A look that raced with the renewal is repeated after some milliseconds of this clock, which stands.
        while (!time.Armed.Any(t => t <= TimeSpan.FromMinutes(59) && t > TimeSpan.FromMinutes(58)))
        {
            time.Advance(TimeSpan.FromMilliseconds(5));
            await Task.Yield();
            Ct.ThrowIfCancellationRequested();
        }

        time.Advance(TimeSpan.FromMinutes(59));
        await root.Local.UntilGoneAsync<Interest>(asked.Key);
    }

    [Fact]
    public async Task Instances_that_do_not_take_connections_are_left_out()
    {
        await using var root = await RootHost.StartAsync();
        await DeployAsync(root, "a", 0, "10.18.0.2");
        await DeployAsync(root, "a", 1, "10.18.0.3", declare: false);
        var asked = await root.Local.CreateAsync(Ask("c2", "a"), Ct);
        await root.Local.UntilThereAsync<Interest>(asked.Key, i => i.Status!.Instances.Count == 2);
        await root.Local.MergePatchAsync<FabricInstance>("a.0", """{"spec":{"undeploy":true}}""", null, Ct);
        await root.Local.UntilThereAsync<Interest>(asked.Key, i => i.Status!.Instances.Select(x => x.Number).SequenceEqual([1]));
        await root.Local.MergePatchAsync<FabricInstance>("a.1", """{"status":{"phase":"Dead"}}""", "status", Ct);
        await root.Local.UntilThereAsync<Interest>(asked.Key, i => i.Status is { Outcome: ResolutionOutcome.Found, Instances.Count: 0 });
    }

    internal static Interest Ask(string holder, string query) => new()
    {
        Metadata = new ObjectMeta { Name = Interest.NameFor(holder, query) },
        Spec = new InterestSpec { Holder = holder, Query = query },
    };

    internal static async Task DeployAsync(RootHost root, string service, int number, string address, bool declare = true)
    {
        if (declare) await root.Local.CreateAsync(Service(service), Ct);
        var instance = Instance(service, number);
        var stored = await root.Local.CreateAsync(instance with { Spec = instance.Spec with { Worker = "w1" } }, Ct);
        var running = stored.Status! with { Phase = InstancePhase.Running, NamespaceAddress = new AddressPair(address, null) };
        await root.ClusterClient("c1").UpdateStatusAsync(stored with { Status = running }, Ct);
    }
}
