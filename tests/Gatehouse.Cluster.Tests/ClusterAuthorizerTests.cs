using System.Text.Json.Nodes;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestHosts;
using static Gatehouse.TestHosts.AuthorizationTable;

namespace Gatehouse.Cluster.Tests;

public sealed class ClusterAuthorizerTests
{
    private readonly ClusterAuthorizer _authorizer = new();

    // What worker w1 may do.
    private static readonly Dictionary<string, Rights> Allowed = new()
    {
        [nameof(Worker)] = new("get list watch create update patch", "get", ""),
        [nameof(Lease)] = new("get list watch create update patch delete", "", ""),
        [nameof(Interest)] = new("get list watch create update patch delete", "get", ""),
        [nameof(FabricInstance)] = new("get list watch create update patch delete", "get update patch", ""),
        [nameof(Peer)] = new("get list watch", "", "get"),
        [nameof(GatewayHost)] = new("get list watch", "get", ""),
        [nameof(Exposure)] = new("get list watch", "get update patch", ""),
    };

    [Fact]
    public void Every_verb_on_every_kind_is_decided_as_the_table_says() => Check(_authorizer, Allowed, "w1", "w2", Request);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("spec.worker=w2")]
    [InlineData("spec.worker!=w1")]
    [InlineData("spec.worker=w1x")]
    [InlineData("metadata.name=w1")]
    [InlineData("spec.worker=w1=w2")]
    public void A_list_that_does_not_name_the_worker_is_refused(string? selector)
    {
        var request = new AuthorizationRequest(User("w1"), "list", FabricInstance.Info, null, null, null, selector, null);
        Assert.Contains("field selector spec.worker=w1", _authorizer.Refuse(request), StringComparison.Ordinal);
    }

    [Fact]
    public void Waiting_instances_may_be_taken_and_those_with_a_process_may_not()
    {
        var waiting = JsonNode.Parse("""{"spec":{"service":"a"}}""")!.AsObject();
        var placed = JsonNode.Parse("""{"spec":{"service":"a","process":{"command":["x"]}}}""")!.AsObject();
        Assert.Null(_authorizer.Refuse(new AuthorizationRequest(User("w1"), "patch", FabricInstance.Info, null, null, "a.0", null, waiting)));
        Assert.NotNull(_authorizer.Refuse(new AuthorizationRequest(User("w1"), "patch", FabricInstance.Info, null, null, "a.0", null, placed)));
        Assert.NotNull(_authorizer.Refuse(new AuthorizationRequest(User("w1"), "patch", FabricInstance.Info, "status", null, "a.0", null, waiting)));
        Assert.NotNull(_authorizer.Refuse(new AuthorizationRequest(User("w1"), "delete", FabricInstance.Info, null, null, "a.0", null, waiting)));
    }

    [Theory]
    [InlineData("system:worker:w1", "nobody")]
    [InlineData("system:cluster:c1", UserInfo.ClustersGroup)]
    [InlineData("w1", UserInfo.WorkersGroup)]
    public void Who_is_no_worker_has_no_rights(string name, string group) =>
        Assert.NotNull(_authorizer.Refuse(new AuthorizationRequest(new UserInfo(name, [group]), "get", Peer.Info, null, null, "c1.w1", null, null)));

    [Fact]
    public async Task From_outside_a_worker_gets_403_for_what_is_anothers()
    {
        await using var cluster = await ClusterHost.StartAsync(null);
        await cluster.Local.CreateAsync(new Worker { Metadata = new ObjectMeta { Name = "w2" }, Spec = new WorkerSpec { Underlay = "192.0.2.2" } }, Ct);
        var theirs = await cluster.Local.CreateAsync(ThinLineTests.Interest("w2", "a"), Ct);
        var w1 = cluster.WorkerClient("w1");
        await RefusedAsync(() => w1.GetAsync<Worker>("w2", Ct));
        await RefusedAsync(() => w1.GetAsync<Worker>("w3", Ct));
        await RefusedAsync(() => w1.GetAsync<Interest>(theirs.Key, Ct));
        await RefusedAsync(() => w1.DeleteAsync<Interest>(theirs.Key, null, Ct));
        await RefusedAsync(() => w1.ListAsync<Interest>(Selection.All, Ct));
        await RefusedAsync(() => w1.ListAsync<FabricService>(Selection.All, Ct));
        await RefusedAsync(() => w1.CreateAsync(ThinLineTests.Interest("w2", "b"), Ct));
        await RefusedAsync(() => w1.CreateAsync(new Worker { Metadata = new ObjectMeta { Name = "w3" }, Spec = new WorkerSpec { Underlay = "192.0.2.3" } }, Ct));
        var mine = await w1.CreateAsync(ThinLineTests.Interest("w1", "a"), Ct);
        await RefusedAsync(() => w1.UpdateAsync(mine with { Spec = mine.Spec with { Holder = "w2" } }, Ct));
        await RefusedAsync(() => w1.UpdateStatusAsync(mine with { Status = new Resolution { Version = 99 } }, Ct));
    }

    private static AuthorizationRequest Request(KindInfo kind, string verb, string? subresource, string owner)
    {
        var name = kind == Worker.Info || kind == Lease.Info ? owner : $"{owner}.x";
        var body = JsonNode.Parse($$$"""{"metadata":{"name":"{{{name}}}"},"spec":{"worker":"{{{owner}}}","holder":"{{{owner}}}","cluster":"c1"},"status":{"worker":"{{{owner}}}"}}""")!.AsObject();
        var many = verb is "list" or "watch";
        var selector = kind.Kind switch
        {
            nameof(Interest) => $"spec.holder={owner}",
            nameof(FabricInstance) => $"spec.worker={owner}",
            nameof(GatewayHost) or nameof(Exposure) => $"status.worker={owner}",
            nameof(Peer) => owner == "w1" ? null : "spec.worker=w2",
            _ => $"metadata.name={owner}",
        };
        if (kind == Peer.Info && many && owner == "w2") return new AuthorizationRequest(new UserInfo("x", []), verb, kind, null, null, null, selector, null);
        return new AuthorizationRequest(
            User("w1"), verb, kind, subresource, kind == Lease.Info ? Worker.LeaseNamespace : null, many || verb == "create" ? null : name, many ? selector : null, many ? null : body);
    }

    private static UserInfo User(string worker) => new($"{UserInfo.WorkerPrefix}{worker}", [UserInfo.WorkersGroup]);
}
