using System.Net;
using System.Net.Http.Headers;
using Gatehouse.Api.Client;
using Gatehouse.Api.Gateways;
using Gatehouse.Cluster.Gateways;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestHosts;
using Gatehouse.TestKit;

namespace Gatehouse.Cluster.Tests.Gateways;

/// <summary>Root and cluster as they are, over TLS; the gateway role's calls are made by the test.</summary>
public class DescriptorToGatewayTests
{
    private const string Descriptor = """
        {
            "sla_version" : "v2.0",
            "customerID" : "Admin",
            "gateway" : { "gateway_ID" : "chosen-id", "gateway_name" : "gw", "public_gateway_ips" : [ "192.0.2.1", "192.0.2.2", ] },
            "cluster" : { "cluster_ID" : "", "cluster_name" : "c1" }
        }
        """;

    [Fact]
    public async Task Descriptor_PublishedAtRoot_TheClusterServesItAndRootAndTheWorkersSee()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await StartAsync(root);

        await PublishAsync(root);
        await ReadyAsync(cluster, "w1");
        var atRoot = await root.Local.UntilThereAsync<GatewayHost>("gw", g => g.Status?.Phase == GatewayHostPhase.Ready);
        var peer = await cluster.Local.UntilThereAsync<Peer>(Subnetwork.NameFor("c1", "w1"), p => p.Spec.PublicAddresses.Count > 0);
        var other = await cluster.Local.GetAsync<Peer>(Subnetwork.NameFor("c1", "w2"), Ct);

        Assert.Equal(("w1", "chosen-id"), (atRoot.Status!.Worker, atRoot.Status.GatewayId));
        Assert.Equal(["192.0.2.1"], peer.Spec.PublicAddresses);
        Assert.Empty(other!.Spec.PublicAddresses);
    }

    [Fact]
    public async Task WorkerDies_RootIsAway_TheClusterMovesEverythingAndTellsRootLater()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await StartAsync(root);
        await PublishAsync(root);
        await ReadyAsync(cluster, "w1");
        await using var w1 = ExposureWorker.Start("w1", cluster.ClientOptions(TestApi.Worker("w1")));
        await using var w2 = ExposureWorker.Start("w2", cluster.ClientOptions(TestApi.Worker("w2")));
        var address = await ServiceAsync(root, cluster);
        await ExposeAsync(root, "e1", address);
        var before = await cluster.Local.UntilThereAsync<Exposure>("e1", e => e.Status?.Phase == ExposurePhase.Active);
        await root.StopAsync();

        await cluster.RenewAsync("w1", seconds: 1);
        await cluster.Local.UntilThereAsync<GatewayHost>("gw", g => g.Status?.Worker == "w2");
        await ReadyAsync(cluster, "w2");
        var after = await cluster.Local.UntilThereAsync<Exposure>("e1", e => e.Status is { Phase: ExposurePhase.Active, Worker: "w2" });
        await cluster.Local.UntilThereAsync<Peer>(Subnetwork.NameFor("c1", "w2"), p => p.Spec.PublicAddresses.Count > 0);
        await cluster.Local.UntilThereAsync<Peer>(Subnetwork.NameFor("c1", "w1"), p => p.Spec.PublicAddresses.Count == 0);
        await root.ResumeAsync();
        var atRoot = await root.Local.UntilThereAsync<GatewayHost>("gw", g => g.Status?.Worker == "w2");
        await root.Local.UntilThereAsync<Exposure>("e1", e => e.Status?.Worker == "w2");

        Assert.Equal((before.Status!.Id, 1), (after.Status!.Id, atRoot.Status!.Takeovers));
    }

    [Theory]
    [InlineData("delete at root")]
    [InlineData("withdraw at root")]
    [InlineData("management API")]
    public async Task Exposure_DeclaredAtRoot_EndsEverywhereHoweverItIsWithdrawn(string how)
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await StartAsync(root);
        await PublishAsync(root);
        var id = await ReadyAsync(cluster, "w1");
        await using var worker = ExposureWorker.Start("w1", cluster.ClientOptions(TestApi.Worker("w1")));
        var address = await ServiceAsync(root, cluster);
        await ExposeAsync(root, "e1", address);
        await root.Local.UntilThereAsync<Exposure>("e1", e => e.Status?.Phase == ExposurePhase.Active);
        await cluster.Local.UntilThereAsync<Exposure>("e1", e => e.Status?.Phase == ExposurePhase.Active);
        using var gateway = Gateway(cluster, "w1");

        if (how == "delete at root") await root.Local.DeleteAsync<Exposure>("e1", null, Ct);
        else if (how == "withdraw at root") await root.Local.MergePatchAsync<Exposure>("e1", """{"spec":{"withdraw":true}}""", null, Ct);
        else await gateway.WithdrawAsync(id, new WithdrawRequest { Port = 8080 }, Ct);
        await cluster.Local.UntilThereAsync<Exposure>("e1", e => e.Status?.Phase == ExposurePhase.Draining);
        await cluster.WorkerClient("w1").MergePatchAsync<Exposure>("e1", """{"status":{"flows":0}}""", "status", Ct);

        await cluster.Local.UntilGoneAsync<Exposure>("e1");
        await root.Local.UntilGoneAsync<Exposure>("e1");
    }

    private static async Task<ClusterHost> StartAsync(RootHost root)
    {
        var cluster = await ClusterHost.StartAsync(root, with: o => o with { Gateways = new GatewayOptions { Cluster = "c1", RetryDelay = TimeSpan.FromMilliseconds(200) } });
        foreach (var (name, address) in new[] { ("w1", "192.0.2.1"), ("w2", "192.0.2.2") })
            await cluster.JoinAsync(name, s => s with { Gateway = true, PublicAddresses = [address] });
        return cluster;
    }

    private static async Task PublishAsync(RootHost root)
    {
        await root.Local.UntilThereAsync<Objects.Kinds.Cluster>("c1", _ => true);
        using var client = root.RawClient(root.OakestraTls);
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", root.Token(TestApi.Operator));
        using var response = await client.PostAsync("/api/gateway", TestApi.Json(Descriptor), Ct);
        Assert.True(response.StatusCode == HttpStatusCode.Created, await response.Content.ReadAsStringAsync(Ct));
    }

    private static GatewayClient Gateway(ClusterHost cluster, string worker) => new(cluster.ClientOptions(TestApi.Worker(worker)));

    private static async Task<string> ReadyAsync(ClusterHost cluster, string worker)
    {
        await cluster.Local.UntilThereAsync<GatewayHost>("gw", g => g.Status is { Phase: GatewayHostPhase.Scheduled } s && s.Worker == worker);
        using var gateway = Gateway(cluster, worker);
        var id = (await gateway.RegisterAsync(Ct)).GatewayId;
        await gateway.ReadyAsync(id, new GatewayReport([]), Ct);
        await cluster.Local.UntilThereAsync<GatewayHost>("gw", g => g.Status?.Phase == GatewayHostPhase.Ready);
        return id;
    }

    private static async Task<string> ServiceAsync(RootHost root, ClusterHost cluster)
    {
        var service = await root.Local.CreateAsync(new FabricService { Metadata = new ObjectMeta { Name = "app.ns.web.ns" } }, Ct);
        await root.Local.CreateAsync(
            new FabricInstance { Metadata = new ObjectMeta { Name = "app.ns.web.ns.0" }, Spec = new FabricInstanceSpec { Service = "app.ns.web.ns", Cluster = "c1", Worker = "w2" } },
            Ct);
        await cluster.Local.UntilThereAsync<FabricService>("app.ns.web.ns", s => s.Status?.Addresses.Count > 0);
        return service.Status!.Addresses[0].Ipv4!;
    }

    private static Task ExposeAsync(RootHost root, string name, string address) => root.Local.CreateAsync(
        new Exposure { Metadata = new ObjectMeta { Name = name }, Spec = new ExposureSpec { Gateway = "gw", Port = 8080, ServiceAddress = address, ServicePort = 80 } },
        Ct);
}
