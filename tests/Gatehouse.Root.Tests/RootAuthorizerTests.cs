using System.Text.Json.Nodes;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestHosts;
using Gatehouse.TestKit;
using static Gatehouse.Root.Tests.AddressTests;
using static Gatehouse.TestHosts.AuthorizationTable;

namespace Gatehouse.Root.Tests;

public sealed class RootAuthorizerTests
{
    private readonly RootAuthorizer _authorizer = new();

    // What cluster c1 may do.
    private static readonly Dictionary<string, Rights> Allowed = new()
    {
        [nameof(Cluster)] = new("get list watch create update patch", "get update patch", ""),
        [nameof(Lease)] = new("get list watch create update patch delete", "", ""),
        [nameof(Subnetwork)] = new("get list watch create update patch delete", "get", ""),
        [nameof(FabricService)] = new("get list watch create", "get", "get list watch create", "get"),
        [nameof(FabricInstance)] = new("get list watch create update patch delete", "get update patch", ""),
        [nameof(Interest)] = new("get list watch create update patch delete", "get", ""),
        [nameof(Peer)] = new("get list watch create update patch delete", "", "get list watch"),
        [nameof(GatewayHost)] = new("get list watch create update patch delete", "get update patch", ""),
        [nameof(Exposure)] = new("get list watch create update patch delete", "get update patch", ""),
    };

    [Fact]
    public void Every_verb_on_every_kind_is_decided_as_the_table_says() => Check(_authorizer, Allowed, "c1", "c2", Request);

    [Fact]
    public void A_worker_has_no_rights_at_root() => Assert.NotNull(_authorizer.Refuse(
        new AuthorizationRequest(new UserInfo($"{UserInfo.WorkerPrefix}w1", [UserInfo.WorkersGroup]), "list", Peer.Info, null, null, null, null, null)));

    [Fact]
    public async Task From_outside_a_cluster_can_neither_take_nor_give_what_is_anothers()
    {
        await using var root = await RootHost.StartAsync();
        await root.Local.CreateAsync(Service("a"), Ct);
        await root.Local.CreateAsync(Instance("a", 0, "c2"), Ct);
        var mine = await root.Local.CreateAsync(Instance("a", 1, "c1"), Ct);
        var c1 = root.ClusterClient("c1");
        await RefusedAsync(() => c1.GetAsync<FabricInstance>("a.0", Ct));
        await RefusedAsync(() => c1.DeleteAsync<FabricInstance>("a.0", null, Ct));
        await RefusedAsync(() => c1.CreateAsync(Instance("a", 2, "c2"), Ct));
        await RefusedAsync(() => c1.CreateAsync(Instance("a", 2, null), Ct));
        await RefusedAsync(() => c1.UpdateAsync(mine with { Spec = mine.Spec with { Cluster = "c2" } }, Ct));
        await RefusedAsync(() => c1.CreateAsync(
            new Subnetwork { Metadata = new ObjectMeta { Name = "c2.w1" }, Spec = new SubnetworkSpec { Cluster = "c2", Worker = "w1" } }, Ct));
        await RefusedAsync(() => c1.ListAsync<AddressLease>(Selection.All, Ct));
        await RefusedAsync(() => c1.ListAsync<JoinToken>(Selection.All, Ct));
        await RefusedAsync(() => c1.DeleteAsync<FabricService>("a", null, Ct));
        Assert.Single((await c1.ListAsync<FabricInstance>(new Selection(Fields: "spec.cluster=c1"), Ct)).Items);
    }

    [Fact]
    public async Task A_cluster_reports_its_workers_but_not_its_own_phase()
    {
        await using var root = await RootHost.StartAsync();
        var c1 = root.ClusterClient("c1");
        var self = await c1.CreateAsync(new Cluster { Metadata = new ObjectMeta { Name = "c1" } }, Ct);
        await root.Local.UntilThereAsync<Cluster>("c1", c => c.Status is not null);
        await c1.MergePatchAsync<Cluster>(self.Key, """{"status":{"workers":7}}""", "status", Ct);
        await RefusedAsync(() => c1.MergePatchAsync<Cluster>(self.Key, """{"status":{"phase":"Ready"}}""", "status", Ct));
    }

    private static AuthorizationRequest Request(KindInfo kind, string verb, string? subresource, string owner)
    {
        var name = kind == Cluster.Info || kind == Lease.Info ? owner : $"{owner}.x";
        var body = JsonNode.Parse($$$"""{"metadata":{"name":"{{{name}}}"},"spec":{"holder":"{{{owner}}}","cluster":"{{{owner}}}"}}""")!.AsObject();
        var many = verb is "list" or "watch";
        var selector = kind.Kind switch
        {
            nameof(Interest) => $"spec.holder={owner}",
            nameof(Cluster) or nameof(Lease) => $"metadata.name={owner}",
            _ => $"spec.cluster={owner}",
        };
        return new AuthorizationRequest(
            RootHost.Cluster("c1"), verb, kind, subresource, kind == Lease.Info ? Cluster.LeaseNamespace : null, many || verb == "create" ? null : name, many ? selector : null, many ? null : body);
    }
}
