using System.Net;
using System.Text.Json.Nodes;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Root.Gateways;
using Gatehouse.TestKit;
using KindCluster = Gatehouse.Objects.Kinds.Cluster;

namespace Gatehouse.Root.Tests.Gateways;

public sealed class RootGatewaysTests : IAsyncLifetime
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private readonly CancellationTokenSource _stop = new();
    private readonly RootGateways _gateways = new();
    private TestApi _api = null!;
    private HttpClient _operator = null!;
    private Task _running = Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        var time = new ManualTimeProvider();
        _api = await TestApi.CreateAsync(time, (options, _) => options with { Admissions = _gateways.Admissions, MapEndpoints = _gateways.Map });
        await _api.Local.CreateAsync(new KindCluster { Metadata = new ObjectMeta { Name = "walhalla" }, Spec = new ClusterSpec { ExternalId = "6b19409123fa8ac88c139" } }, Ct);
        await _api.Local.CreateAsync(new KindCluster { Metadata = new ObjectMeta { Name = "midgard" }, Spec = new ClusterSpec { ExternalId = "mid" } }, Ct);
        await _api.Local.CreateAsync(
            new Peer
            {
                Metadata = new ObjectMeta { Name = "midgard.w1" },
                Spec = new PeerSpec { Cluster = "midgard", Worker = "w1", Underlay = "198.51.100.7", PublicAddresses = ["203.0.113.9"] },
            },
            Ct);
        await _gateways.LoadAsync(_api.Local, time, Ct);
        await _api.ListenAsync();
        _running = _gateways.RunAsync(_stop.Token);
        _operator = _api.Http(TestApi.Operator);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        await _api.DisposeAsync();
        _stop.Dispose();
    }

    [Fact]
    public async Task Publish_OakestrasExample_BecomesAGatewayHostOfTheCluster()
    {
        var (code, answer) = await PublishAsync(DescriptorReaderTests.Example);
        var host = await _api.Local.GetAsync<GatewayHost>("cluster-02-gw", Ct);

        Assert.Equal(HttpStatusCode.Created, code);
        Assert.Equal("gateway cluster-02-gw was handed to cluster walhalla", (string?)answer["message"]);
        Assert.Contains("line 9", (string?)answer["warnings"]![0], StringComparison.Ordinal);
        Assert.Equal(("walhalla", "Admin", "Walhalla Cluster Gateway"), (host!.Spec.Cluster, host.Spec.Customer, host.Spec.Description));
        Assert.Equal(["131.159.24.1", "131.159.24.2", "131.159.24.3"], host.Spec.PublicAddresses);
    }

    [Fact]
    public async Task Publish_TheSameAgain_IsNoFaultAndMakesNothing()
    {
        await PublishAsync(DescriptorReaderTests.Example);
        var before = await _api.Local.GetAsync<GatewayHost>("cluster-02-gw", Ct);

        var (code, answer) = await PublishAsync(DescriptorReaderTests.Example);

        Assert.Equal(HttpStatusCode.OK, code);
        Assert.Contains("was published before", (string?)answer["message"], StringComparison.Ordinal);
        Assert.Equal(before!.Metadata.ResourceVersion, (await _api.Local.GetAsync<GatewayHost>("cluster-02-gw", Ct))!.Metadata.ResourceVersion);
    }

    [Fact]
    public async Task Publish_FaultsOfTheDocumentAndOfWhatRootKnows_AreOneAnswer()
    {
        await PublishAsync(DescriptorReaderTests.Example);
        await PublishAsync(Document("other", "midgard", "192.0.2.1"));

        var (code, answer) = await PublishAsync("""
            {"sla_version":"v1","gateway":{"gateway_name":"cluster-02-gw","public_gateway_ips":["131.159.24.2","198.51.100.7","203.0.113.9","nonsense","192.0.2.1"]},
             "cluster":{"cluster_ID":"unknown-id","cluster_name":"asgard"}}
            """);

        Assert.Equal(HttpStatusCode.UnprocessableEntity, code);
        Assert.Equal(
            [
                "cluster.cluster_ID", "cluster.cluster_name", "gateway.gateway_name", "gateway.public_gateway_ips[3]", "gateway.public_gateway_ips[4]", "sla_version",
            ],
            answer["details"]!["causes"]!.AsArray().Select(c => (string)c!["field"]!).Order(StringComparer.Ordinal));
        Assert.Contains("gateway.gateway_name: 'cluster-02-gw' is not valid: is the name of a gateway of cluster walhalla already", (string?)answer["message"], StringComparison.Ordinal);
        Assert.Contains("belongs to gateway other of cluster midgard", (string?)answer["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Publish_AddressesOfAnotherClustersWorker_AreForeign()
    {
        var (code, answer) = await PublishAsync(Document("gw", "walhalla", "198.51.100.7", "192.0.2.1", "203.0.113.9"));

        Assert.Equal(HttpStatusCode.UnprocessableEntity, code);
        Assert.Equal(["gateway.public_gateway_ips[0]", "gateway.public_gateway_ips[2]"], answer["details"]!["causes"]!.AsArray().Select(c => (string)c!["field"]!));
        Assert.Contains("belongs to worker w1 of another cluster, midgard", (string?)answer["message"], StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Created, (await PublishAsync(Document("gw", "midgard", "198.51.100.7", "203.0.113.9"))).Code);
    }

    [Fact]
    public async Task Publish_IdAndNameOfTwoClusters_IsRefused()
    {
        var document = """{"sla_version":"v2.0","gateway":{"gateway_name":"gw","public_gateway_ips":["192.0.2.1"]},"cluster":{"cluster_ID":"mid","cluster_name":"Walhalla"}}""";

        var (code, answer) = await PublishAsync(document);

        Assert.Equal(HttpStatusCode.UnprocessableEntity, code);
        Assert.Contains("they must be the same cluster", (string?)answer["message"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", HttpStatusCode.BadRequest)]
    [InlineData("{", HttpStatusCode.BadRequest)]
    [InlineData("[1]", HttpStatusCode.BadRequest)]
    [InlineData("{}", HttpStatusCode.UnprocessableEntity)]
    public async Task Publish_NoDescriptor_IsAStatusWithReason(string document, HttpStatusCode expected)
    {
        var (code, answer) = await PublishAsync(document);

        Assert.Equal(expected, code);
        Assert.Equal("Status", (string?)answer["kind"]);
        Assert.Contains("the gateway descriptor is invalid", (string?)answer["message"], StringComparison.Ordinal);
        Assert.Empty((await _api.Local.ListAsync<GatewayHost>(Selection.All, Ct)).Items);
    }

    [Fact]
    public async Task Publish_TooLong_Is413() =>
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await PublishAsync(new string(' ', 70_000))).Code);

    [Fact]
    public async Task Publish_WithoutOrWithTheWrongIdentity_IsRefused()
    {
        using var nobody = _api.Http(null);
        using var worker = _api.Http(TestApi.Worker("w1"));

        Assert.Equal(HttpStatusCode.Unauthorized, (await nobody.PostAsync(RootGateways.Path, TestApi.Json(DescriptorReaderTests.Example), Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await worker.PostAsync(RootGateways.Path, TestApi.Json(DescriptorReaderTests.Example), Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await worker.GetAsync(RootGateways.Path, Ct)).StatusCode);
        Assert.Empty((await _api.Local.ListAsync<GatewayHost>(Selection.All, Ct)).Items);
    }

    [Fact]
    public async Task List_AfterPublication_ShowsWhatTheClusterSays()
    {
        await PublishAsync(Document("gw", "walhalla", "192.0.2.1"));
        await _api.Local.MergePatchAsync<GatewayHost>("gw", """{"status":{"phase":"NoWorker","gatewayId":"g1","message":"no worker is available"}}""", "status", Ct);

        var listed = JsonNode.Parse(await _operator.GetStringAsync(RootGateways.Path, Ct))!.AsArray().Single()!;

        Assert.Equal(("gw", "g1", "NoWorker", "no worker is available"), ((string)listed["gateway_name"]!, (string)listed["gateway_ID"]!, (string)listed["phase"]!, (string)listed["message"]!));
    }

    [Fact]
    public async Task Publish_ManyAtOnceForOneAddress_OneGetsIt()
    {
        var codes = await Task.WhenAll(Enumerable.Range(0, 16).Select(async i => (await PublishAsync(Document($"gw{i}", "walhalla", "192.0.2.1"))).Code));

        Assert.Equal(1, codes.Count(c => c == HttpStatusCode.Created));
        Assert.Equal(15, codes.Count(c => c == HttpStatusCode.UnprocessableEntity));
    }

    [Fact]
    public async Task GatewayHost_MadeAsAnObject_IsCheckedTheSame()
    {
        var refused = await Assert.ThrowsAsync<ApiStatusException>(() => HostAsync("A.b", "asgard", "198.51.100.7"));
        await HostAsync("gw", "walhalla", "192.0.2.1");
        var taken = await Assert.ThrowsAsync<ApiStatusException>(() => HostAsync("gw2", "walhalla", "192.0.2.1"));
        var moved = await Assert.ThrowsAsync<ApiStatusException>(() => _api.Local.MergePatchAsync<GatewayHost>("gw", """{"spec":{"cluster":"midgard"}}""", null, Ct));
        await _api.Local.DeleteAsync<GatewayHost>("gw", null, Ct);
        await _api.UntilAsync<GatewayHost>("gw", g => g is null);

        Assert.Equal(422, refused.Status.Code);
        Assert.Contains("belongs to gateway gw", taken.Status.Message, StringComparison.Ordinal);
        Assert.Contains("can't be changed from walhalla", moved.Status.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Exposure_AtRoot_LearnsItsClusterAndThePortBelongsToOne()
    {
        await HostAsync("gw", "walhalla", "192.0.2.1");

        var first = await ExposeAsync("e1", s => s);
        var taken = await Assert.ThrowsAsync<ApiStatusException>(() => ExposeAsync("e2", s => s with { ServiceAddress = "10.30.0.9" }));
        var sixth = await ExposeAsync("e3", s => s with { ServiceAddress = "fdff:2000::1" });

        Assert.Equal("walhalla", first.Spec.Cluster);
        Assert.Equal((409, "TCP 8080 of gateway gw is held by exposure e1"), (taken.Status.Code, taken.Status.Message));
        Assert.Equal("walhalla", sixth.Spec.Cluster);
    }

    [Fact]
    public async Task Exposure_RefusedAndTriedAgain_TakesNothing()
    {
        await HostAsync("gw", "walhalla", "192.0.2.1");
        await Assert.ThrowsAsync<ApiStatusException>(() => ExposeAsync("Not A Name", s => s));

        Assert.Equal("e2", (await ExposeAsync("e2", s => s)).Metadata.Name);
    }

    public static TheoryData<string, Func<ExposureSpec, ExposureSpec>> BadExposures => new()
    {
        { "there is no such gateway", s => s with { Gateway = "none" } },
        { "must be walhalla, where gateway gw is, or be left out", s => s with { Cluster = "midgard" } },
        { "must be one of the gateway's: 192.0.2.1", s => s with { PublicAddress = "192.0.2.2" } },
        { "TCP 22 is reserved for SSH", s => s with { Port = 22 } },
        { "UDP 4789 is reserved for the tunnel", s => s with { Port = 4789, Protocol = Protocol.Udp } },
        { "inside 10.30.0.0/16", s => s with { ServiceAddress = "192.168.0.1" } },
    };

    [Theory]
    [MemberData(nameof(BadExposures))]
    public async Task Exposure_AtRootThatCanNotBe_IsRefusedWithReason(string message, Func<ExposureSpec, ExposureSpec> change)
    {
        await HostAsync("gw", "walhalla", "192.0.2.1");

        var refused = await Assert.ThrowsAsync<ApiStatusException>(() => ExposeAsync("e", change));

        Assert.Equal(422, refused.Status.Code);
        Assert.Contains(message, refused.Status.Message, StringComparison.Ordinal);
    }

    private static string Document(string name, string cluster, params string[] addresses) => new JsonObject
    {
        ["sla_version"] = "v2.0",
        ["gateway"] = new JsonObject { ["gateway_name"] = name, ["public_gateway_ips"] = new JsonArray([.. addresses.Select(a => (JsonNode)a)]) },
        ["cluster"] = new JsonObject { ["cluster_name"] = cluster },
    }.ToJsonString();

    private async Task<(HttpStatusCode Code, JsonNode Answer)> PublishAsync(string document)
    {
        using var response = await _operator.PostAsync(RootGateways.Path, TestApi.Json(document), Ct);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(Ct))!);
    }

    private Task<GatewayHost> HostAsync(string name, string cluster, params string[] addresses) => _api.Local.CreateAsync(
        new GatewayHost { Metadata = new ObjectMeta { Name = name }, Spec = new GatewayHostSpec { Cluster = cluster, PublicAddresses = addresses } },
        Ct);

    private Task<Exposure> ExposeAsync(string name, Func<ExposureSpec, ExposureSpec> change) => _api.Local.CreateAsync(
        new Exposure
        {
            Metadata = new ObjectMeta { Name = name },
            Spec = change(new ExposureSpec { Gateway = "gw", Port = 8080, ServiceAddress = "10.30.0.1", ServicePort = 80 }),
        },
        Ct);
}
