using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestHosts;
using Gatehouse.TestKit;

namespace Gatehouse.Cluster.Tests;

public sealed class ThinLineTests
{
    [Fact]
    public async Task A_service_is_resolved_in_the_create_of_the_interest_and_changes_are_pushed()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root);
        var worker = await cluster.JoinAsync("w1");
        Assert.Equal("10.18.0.0/26", worker.Status!.Subnetwork!.Ipv4);

        var service = await root.Local.CreateAsync(new FabricService { Metadata = new ObjectMeta { Name = "app.ns.web.ns" } }, Ct);
        var address = service.Status!.Addresses.Single();
        Assert.Equal(new ServiceAddress(BalancingPolicy.RoundRobin, "10.30.0.1", "fdff:2000::1"), address);
        await root.Local.CreateAsync(Instance("app.ns.web.ns", 0), Ct);
        await cluster.RunAsync("app.ns.web.ns.0", "w1", 0);
        await root.Local.UntilThereAsync<FabricInstance>("app.ns.web.ns.0", i => i.Status?.Phase == InstancePhase.Running && i.Spec.Worker == "w1");

        var client = cluster.WorkerClient("w1");
        var interest = await client.CreateAsync(Interest("w1", "10.30.0.1"), Ct);
        var resolution = interest.Status!;
        Assert.Equal((ResolutionOutcome.Found, "app.ns.web.ns"), (resolution.Outcome, resolution.Service));
        var instance = Assert.Single(resolution.Instances);
        Assert.Equal(("10.18.0.2", "10.30.0.2", "c1", "w1"), (instance.NamespaceAddress.Ipv4, instance.Instance.Ipv4, instance.Cluster, instance.Worker));

        await root.Local.CreateAsync(Instance("app.ns.web.ns", 1), Ct);
        await cluster.RunAsync("app.ns.web.ns.1", "w1", 1);
        var pushed = await client.UntilThereAsync<Interest>(interest.Key, i => i.Status!.Instances.Count == 2, "spec.holder=w1");
        Assert.True(pushed.Status!.Version > resolution.Version);
        Assert.Equal(["10.18.0.2", "10.18.0.3"], pushed.Status.Instances.Select(i => i.NamespaceAddress.Ipv4));
    }

    internal static FabricInstance Instance(string service, int number, string cluster = "c1", string? worker = null) => new()
    {
        Metadata = new ObjectMeta { Name = FabricInstance.NameFor(service, number) },
        Spec = new FabricInstanceSpec { Service = service, Number = number, Cluster = cluster, Worker = worker, Process = new InstanceProcess(["gatehouse", "demo"]) },
    };

    internal static Interest Interest(string holder, string query) => new()
    {
        Metadata = new ObjectMeta { Name = Objects.Kinds.Interest.NameFor(holder, query) },
        Spec = new InterestSpec { Holder = holder, Query = query },
    };
}
