using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Gatehouse.Api.Identity;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestKit;

namespace Gatehouse.Gateway.Tests;

public class GatewayRoleTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private const string Add = "api/service/exposure/add";
    private const string Delete = "api/service/exposure/delete";
    private const string List = "api/service/exposure";
    private const string Body = """{"exposed_port":8080,"service_ip":"10.30.0.1","service_port":80}""";

    [Fact]
    public async Task Run_ChosenWorker_RegistersListensOnBothAndReports()
    {
        await using var bench = await RoleBench.StartAsync();
        bench.Sockets("tcp", 22, 9100);

        var gateway = await bench.GatewayIsAsync(GatewayHostPhase.Ready);
        await bench.ManagementAsync();

        Assert.Equal("w1", gateway!.Status!.Worker);
        Assert.Equal(["127.77.0.1", "::1"], bench.Role.ManagementEndpoints.Select(e => e.Address.ToString()).Order());
        var reported = await bench.Api.UntilAsync<GatewayHost>("gw", g => g!.Status!.Listeners.Count == 2);
        Assert.Equal([22, 9100], reported!.Status!.Listeners.Select(l => l.Port));
    }

    [Fact]
    public async Task Run_InternalAddressNotThereYet_IsNotReadyUntilItIs()
    {
        await using var bench = await RoleBench.StartAsync("203.0.113.0/26");
        await bench.GatewayIsAsync(GatewayHostPhase.Registered);
        await Waiting.UntilAsync(() => bench.Role.ManagementEndpoints.Count == 1, "the management API on the address that is there");

        await bench.SubnetworkAsync("127.79.0.0/26");

        await bench.GatewayIsAsync(GatewayHostPhase.Ready);
        Assert.Contains(bench.Role.ManagementEndpoints, e => e.Address.ToString() == "127.79.0.1");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Management_AddListDelete_WorkOnBothInternalAddresses(bool ipv6)
    {
        await using var bench = await RoleBench.StartAsync();
        await bench.GatewayIsAsync(GatewayHostPhase.Ready);
        await using var node = ExposureWorker.Start("w1", bench.Api.ClientOptions(TestApi.Worker("w1")));
        using var client = bench.Api.Http(TestApi.Operator, await bench.ManagementAsync(ipv6));

        var added = await bench.PostAsync(client, Add, Body);
        var name = (string)added.Answer["exposures"]![0]!["name"]!;
        await bench.Api.UntilAsync<Exposure>(name, e => e?.Status?.Phase == ExposurePhase.Active);
        var twice = await bench.PostAsync(client, Add, Body);
        var sixth = await bench.PostAsync(client, Add, Body.Replace("10.30.0.1", "fdff:2000::1", StringComparison.Ordinal));
        await Waiting.UntilAsync(() => ListAsync(client).GetAwaiter().GetResult()["exposures"]!.AsArray().Any(e => (string?)e!["phase"] == "Active"), "the active exposure in the list");
        var deleted = await bench.PostAsync(client, Delete, """{"exposed_port":8080}""");
        await bench.Api.UntilAsync<Exposure>(name, e => e?.Status?.Phase == ExposurePhase.Draining);
        var again = await bench.PostAsync(client, Delete, """{"exposed_port":8080}""");

        Assert.Equal(HttpStatusCode.Created, added.Code);
        Assert.Equal((HttpStatusCode.Conflict, $"TCP 8080 of gateway gw is held by exposure {name}, which leads to 10.30.0.1:80"), (twice.Code, (string?)twice.Answer["message"]));
        Assert.Equal(HttpStatusCode.Created, sixth.Code);
        Assert.Equal((HttpStatusCode.OK, 2), (deleted.Code, deleted.Answer["exposures"]!.AsArray().Count));
        Assert.Equal((HttpStatusCode.NotFound, "gateway gw exposes nothing at TCP 8080"), (again.Code, (string?)again.Answer["message"]));
    }

    [Fact]
    public async Task Management_Callers_OperatorsAlone()
    {
        await using var bench = await RoleBench.StartAsync();
        await bench.GatewayIsAsync(GatewayHostPhase.Ready);
        var url = await bench.ManagementAsync();
        var forged = new UserInfo("operator", [UserInfo.MastersGroup]);
        using var byIntermediate = bench.Api.Http(TestApi.Worker("w1"), url);
        using var cluster = bench.Api.Http(new UserInfo("system:cluster:c1", [UserInfo.ClustersGroup]), url);
        using var nobody = bench.Api.Http(null, url);
        using var foreignRoot = new TestApiForeigner(forged, url);

        Assert.Equal(HttpStatusCode.Unauthorized, (await byIntermediate.GetAsync(List, Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await cluster.GetAsync(List, Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await nobody.GetAsync(List, Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await foreignRoot.Client.GetAsync(List, Ct)).StatusCode);
        Assert.Equal("Bearer", (await nobody.GetAsync(List, Ct)).Headers.WwwAuthenticate.Single().Scheme);
        Assert.Equal(HttpStatusCode.OK, await WithTokenAsync(nobody, "Bearer", "a-token-of-an-operator"));
        Assert.Equal(HttpStatusCode.Forbidden, await WithTokenAsync(nobody, "Bearer", "a-token-of-a-reader"));
        Assert.Equal(HttpStatusCode.Unauthorized, await WithTokenAsync(nobody, "Bearer", "a-token-of-an-operatos"));
        Assert.Equal(HttpStatusCode.Unauthorized, await WithTokenAsync(nobody, "Basic", "b3BlcmF0b3I6eA=="));
        bench.Time.JumpTo(bench.Time.GetUtcNow().AddHours(2));
        Assert.Equal(HttpStatusCode.Unauthorized, await WithTokenAsync(nobody, "Bearer", "a-token-of-an-operator"));
    }

    [Fact]
    public async Task Management_PortOfAProgramThatJustStarted_IsRefusedWithReason()
    {
        await using var bench = await RoleBench.StartAsync();
        await bench.GatewayIsAsync(GatewayHostPhase.Ready);
        using var client = bench.Api.Http(TestApi.Operator, await bench.ManagementAsync());

        bench.Sockets("tcp6", 8080);
        var refused = await bench.PostAsync(client, Add, Body);
        bench.Sockets("tcp6");
        var accepted = await bench.PostAsync(client, Add, Body);

        Assert.Equal(HttpStatusCode.UnprocessableEntity, refused.Code);
        Assert.Contains("exposed_port: '8080' is not valid: TCP 8080 is in use by a program on the gateway's worker w1, which listens on every address", (string?)refused.Answer["message"], StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Created, accepted.Code);
    }

    [Theory]
    [InlineData("""{"exposed_port":22,"service_ip":"10.30.0.1","service_port":80}""", 422, "TCP 22 is reserved for SSH")]
    [InlineData("""{"exposed_port":11022,"service_ip":"10.30.0.1","service_port":80}""", 422, "management API")]
    [InlineData("""{"exposed_port":4789,"service_ip":"10.30.0.1","service_port":80,"protocol":"UDP"}""", 422, "tunnel")]
    [InlineData("""{"exposed_port":7444,"service_ip":"10.30.0.1","service_port":80}""", 422, "cluster's API")]
    [InlineData("""{"exposed_port":80,"service_ip":"10.30.0.1","service_port":80,"public_ip":"192.0.2.9"}""", 422, "public_ip: '192.0.2.9'")]
    [InlineData("{", 400, "the body is no valid JSON: line 1, byte 2: ")]
    [InlineData("""{"exposed_port":8090,"service_ip":"\ud800","service_port":80}""", 400, "\\ud800 is half of a surrogate pair")]
    [InlineData("{\"exposed_port\":8090,\"service_ip\":\"\xff\",\"service_port\":80}", 400, "the body is no valid JSON: line 1, byte 36: 0xff is not valid UTF-8")]
    public async Task Management_Refusals_SayWhy(string body, int code, string message)
    {
        await using var bench = await RoleBench.StartAsync();
        await bench.GatewayIsAsync(GatewayHostPhase.Ready);
        using var client = bench.Api.Http(TestApi.Operator, await bench.ManagementAsync());

        using var bytes = new ByteArrayContent(System.Text.Encoding.Latin1.GetBytes(body));
        using var response = await client.PostAsync(Add, bytes, Ct);

        Assert.Equal(code, (int)response.StatusCode);
        Assert.Contains(message, (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync(Ct))!["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Management_ABodyThatSaysItIsNoJson_Is415()
    {
        await using var bench = await RoleBench.StartAsync();
        await bench.GatewayIsAsync(GatewayHostPhase.Ready);
        using var client = bench.Api.Http(TestApi.Operator, await bench.ManagementAsync());
        using var text = new StringContent(Body, System.Text.Encoding.UTF8, "text/plain");

        using var response = await client.PostAsync(Add, text, Ct);

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        Assert.Equal("the body is text/plain; application/json is expected", (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync(Ct))!["message"]);
    }

    [Fact]
    public async Task Management_Delete_TakesTheWholeRowOfTheTableOrNothing()
    {
        await using var bench = await RoleBench.StartAsync();
        await bench.GatewayIsAsync(GatewayHostPhase.Ready);
        using var client = bench.Api.Http(TestApi.Operator, await bench.ManagementAsync());
        await bench.PostAsync(client, Add, Body);

        var otherPort = await bench.PostAsync(client, Delete, Body.Replace("\"service_port\":80", "\"service_port\":9999", StringComparison.Ordinal));
        var otherPortOfAny = await bench.PostAsync(client, Delete, """{"exposed_port":8080,"service_port":9999}""");
        var same = await bench.PostAsync(client, Delete, Body);

        Assert.Equal((HttpStatusCode.NotFound, "gateway gw exposes nothing of 10.30.0.1:9999 at TCP 8080"), (otherPort.Code, (string?)otherPort.Answer["message"]));
        Assert.Equal((HttpStatusCode.NotFound, "gateway gw exposes nothing of a service's port 9999 at TCP 8080"), (otherPortOfAny.Code, (string?)otherPortOfAny.Answer["message"]));
        Assert.Equal((HttpStatusCode.OK, 1), (same.Code, same.Answer["exposures"]!.AsArray().Count));
    }

    [Fact]
    public async Task Management_TooLongOrUnknownPath_IsAClearRefusal()
    {
        await using var bench = await RoleBench.StartAsync();
        await bench.GatewayIsAsync(GatewayHostPhase.Ready);
        using var client = bench.Api.Http(TestApi.Operator, await bench.ManagementAsync());

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await bench.PostAsync(client, Add, new string(' ', 70_000))).Code);
        var unknown = await bench.PostAsync(client, "api/service/exposure/remove", "{}");
        Assert.Equal(HttpStatusCode.NotFound, unknown.Code);
        Assert.Contains("POST /api/service/exposure/delete", (string?)unknown.Answer["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cluster_Away_NothingNewAndEverythingThatWasIsStillSaid()
    {
        await using var bench = await RoleBench.StartAsync();
        await bench.GatewayIsAsync(GatewayHostPhase.Ready);
        await using var node = ExposureWorker.Start("w1", bench.Api.ClientOptions(TestApi.Worker("w1")));
        var url = await bench.ManagementAsync();
        using var client = bench.Api.Http(TestApi.Operator, url);
        var name = (string)(await bench.PostAsync(client, Add, Body)).Answer["exposures"]![0]!["name"]!;
        await Waiting.UntilAsync(() => ListAsync(client).GetAwaiter().GetResult()["exposures"]!.AsArray().Any(e => (string?)e!["phase"] == "Active"), "the active exposure in the list");

        await bench.Api.Server.DisposeAsync();
        using var response = await client.PostAsync(Add, TestApi.Json(Body.Replace("8080", "8081", StringComparison.Ordinal)), Ct);
        var listed = await ListAsync(client);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.NotNull(response.Headers.RetryAfter);
        Assert.StartsWith("the cluster can't be reached", (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync(Ct))!["message"], StringComparison.Ordinal);
        Assert.Equal(name, (string?)listed["exposures"]!.AsArray().Single()!["name"]);
    }

    [Fact]
    public async Task Restart_WithoutTheCluster_ServesFromDisk()
    {
        await using var bench = await RoleBench.StartAsync();
        await bench.GatewayIsAsync(GatewayHostPhase.Ready);
        using var before = bench.Api.Http(TestApi.Operator, await bench.ManagementAsync());
        await bench.PostAsync(before, Add, Body);
        await Waiting.UntilAsync(() => ListAsync(before).GetAwaiter().GetResult()["exposures"]!.AsArray().Count == 1, "the exposure in the list");

        await bench.StopRoleAsync();
        await bench.Api.Server.DisposeAsync();
        bench.StartRole();
        using var client = bench.Api.Http(TestApi.Operator, await bench.ManagementAsync());
        var listed = await ListAsync(client);

        Assert.Equal("gw", (string?)listed["gateway_name"]);
        Assert.Equal(8080, (int?)listed["exposures"]!.AsArray().Single()!["exposed_port"]);
    }

    [Fact]
    public async Task Takeover_AnotherWorkerServes_NothingListensHereAnyMore()
    {
        await using var bench = await RoleBench.StartAsync();
        await bench.GatewayIsAsync(GatewayHostPhase.Ready);
        await bench.ManagementAsync();

        await bench.Api.Local.MergePatchAsync<Worker>("w1", """{"status":{"phase":"Away"}}""", "status", Ct);
        await bench.Api.UntilAsync<GatewayHost>("gw", g => g?.Status?.Worker == "w2");

        await Waiting.UntilAsync(() => bench.Role.ManagementEndpoints.Count == 0, "the end of the management API");
        await bench.Api.Local.MergePatchAsync<Worker>("w1", """{"status":{"phase":"Ready"}}""", "status", Ct);
        Assert.Equal("w2", (await bench.Api.Local.GetAsync<GatewayHost>("gw", Ct))!.Status!.Worker);
    }

    [Fact]
    public async Task Run_AWorkerThatServesNoGateway_ListensNowhere()
    {
        await using var bench = await RoleBench.StartAsync();
        await bench.GatewayIsAsync(GatewayHostPhase.Ready);

        await bench.Api.Local.DeleteAsync<GatewayHost>("gw", null, Ct);

        await Waiting.UntilAsync(() => bench.Role.ManagementEndpoints.Count == 0, "the end of the management API");
    }

    private static async Task<JsonNode> ListAsync(HttpClient client) => JsonNode.Parse(await client.GetStringAsync(List, Ct))!;

    private static async Task<HttpStatusCode> WithTokenAsync(HttpClient client, string scheme, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, List);
        request.Headers.Authorization = new AuthenticationHeaderValue(scheme, token);
        return (await client.SendAsync(request, Ct)).StatusCode;
    }
}
