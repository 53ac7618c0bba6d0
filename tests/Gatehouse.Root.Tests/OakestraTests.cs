using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Gatehouse.Api.Identity;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestHosts;
using Gatehouse.TestKit;

namespace Gatehouse.Root.Tests;

/// <summary>Oakestra's system manager and cluster managers, as they call.</summary>
public sealed class OakestraTests
{
    private const string Descriptor =
        """{"app_name":"App","app_ns":"test","service_name":"Web","service_ns":"ns","microservice_name":"Web","microservice_namespace":"ns","applicationID":"a1","cmd":["x"]}""";

    [Fact]
    public async Task The_system_managers_life_of_a_job()
    {
        await using var root = await RootHost.StartAsync();
        using var http = new HttpClient { BaseAddress = root.Oakestra };
        await OkAsync("cluster registered", http.PostAsync("/api/net/cluster", Json("""{"cluster_id":"6b19409123fa8ac88c139","cluster_address":"192.0.2.9","cluster_port":"10110"}"""), Ct));
        await OkAsync("cluster registered", http.PostAsync("/api/net/cluster", Json("""{"cluster_id":"6b19409123fa8ac88c139","cluster_address":"192.0.2.9","cluster_port":10110}"""), Ct));
        var cluster = (await root.Local.GetAsync<Cluster>("6b19409123fa8ac88c139", Ct))!;
        Assert.Equal(("192.0.2.9:10110", "6b19409123fa8ac88c139"), (cluster.Spec.Address, cluster.Spec.ExternalId));

        await OkAsync("Instance info added", DeployAsync(http, "job1", Descriptor));
        var service = (await root.Local.GetAsync<FabricService>("app.test.web.ns", Ct))!;
        Assert.Equal(("App.test.Web.ns", "job1"), (service.Spec.JobName, service.Spec.JobId));
        await OkAsync("Instance info added", http.PostAsync("/api/net/instance/deploy", Json("""{"_id":"job1","instance_number":0,"cluster_id":"6b19409123fa8ac88c139"}"""), Ct));
        await OkAsync("Instance info added", http.PostAsync("/api/net/instance/deploy", Json("""{"_id":"job1","instance_number":0,"cluster_id":"6b19409123fa8ac88c139"}"""), Ct));

        await FaultAsync(HttpStatusCode.Conflict, "There are services still deployed: instances 0", http.DeleteAsync("/api/net/service/job1", Ct));
        await OkAsync("Instance info cleared", http.DeleteAsync("/api/net/job1/0", Ct));
        Assert.True((await root.Local.GetAsync<FabricInstance>("app.test.web.ns.0", Ct))!.Spec.Undeploy);
        await FaultAsync(HttpStatusCode.Conflict, "is being undeployed", http.PostAsync("/api/net/instance/deploy", Json("""{"_id":"job1","instance_number":0,"cluster_id":"6b19409123fa8ac88c139"}"""), Ct));
        await OkAsync("Instance info cleared", http.DeleteAsync("/api/net/job1/-1", Ct));
        await OkAsync("Job removed successfully", http.DeleteAsync("/api/net/service/job1", Ct));
        Assert.Null(await root.Local.GetAsync<FabricService>("app.test.web.ns", Ct));
    }

    [Fact]
    public async Task A_cluster_reports_resolves_and_drops_its_interest()
    {
        await using var root = await RootHost.StartAsync();
        using var http = As(root, RootHost.Cluster("c1"));
        using var manager = new HttpClient { BaseAddress = root.Oakestra };
        await DeployAsync(manager, "job1", Descriptor);
        await root.Local.CreateAsync(new Cluster { Metadata = new ObjectMeta { Name = "c1" } }, Ct);
        await OkAsync("Instance info added", manager.PostAsync("/api/net/instance/deploy", Json("""{"_id":"job1","instance_number":3,"cluster_id":"c1"}"""), Ct));
        const string report = """{"job_id":"job1","instances":[{"instance_number":3,"namespace_ip":"10.18.0.2","namespace_ip_v6":"fc00::2","host_ip":"192.0.2.7","host_port":"50103"}]}""";
        await OkAsync("Status updated", http.PostAsync("/api/net/service/net_deploy_status", Json(report), Ct));

        foreach (var path in new[] { "App_test_Web_ns", "ip/10_30_0_1", "ip/fdff:2000::1", "ip/10_30_0_2", "ip/fdff::1" })
        {
            var job = await JsonAsync(http.GetAsync($"/api/net/service/{path}/instances", Ct));
            Assert.Equal(("job1", "App.test.Web.ns", "a1"), (Text(job, "_id"), Text(job, "job_name"), Text(job, "applicationID")));
            Assert.Equal("""[{"IpType":"RR","Address":"10.30.0.1","Address_v6":"fdff:2000::1"}]""", job["service_ip_list"]!.ToJsonString());
            Assert.Equal(
                """[{"instance_number":3,"instance_ip":"10.30.0.2","instance_ip_v6":"fdff::1","cluster_id":"c1","namespace_ip":"10.18.0.2","namespace_ip_v6":"fc00::2","host_ip":"192.0.2.7","host_port":"50103"}]""",
                job["instance_list"]!.ToJsonString());
        }

        await root.Local.UntilThereAsync<Interest>("c1.app.test.web.ns", i => i is { Spec.Holder: "c1", Status.Outcome: ResolutionOutcome.Found });
        await OkAsync("deregistered", http.DeleteAsync("/api/net/interest/App.test.Web.ns", Ct));
        Assert.Null(await root.Local.GetAsync<Interest>("c1.app.test.web.ns", Ct));
        await FaultAsync(HttpStatusCode.NotFound, "no service has the name or address a.b.c.d", http.GetAsync("/api/net/service/a_b_c_d/instances", Ct));
    }

    [Fact]
    public async Task A_subnet_is_the_callers_and_the_same_whenever_it_asks()
    {
        await using var root = await RootHost.StartAsync();
        using var c1 = As(root, RootHost.Cluster("c1"));
        using var c2 = As(root, RootHost.Cluster("c2"));
        Assert.Equal("""{"subnet_addr":"10.18.0.0","subnet_addr_v6":"fc00::"}""", await TextAsync(c1.GetAsync("/api/net/subnet", Ct)));
        Assert.Equal("""{"subnet_addr":"10.18.0.64","subnet_addr_v6":"fc00::100"}""", await TextAsync(c2.GetAsync("/api/net/subnet", Ct)));
        Assert.Equal("""{"subnet_addr":"10.18.0.0","subnet_addr_v6":"fc00::"}""", await TextAsync(c1.GetAsync("/api/net/subnet", Ct)));
        Assert.Equal("""{"subnet_addr":"10.18.0.128","subnet_addr_v6":"fc00::200"}""", await TextAsync(c1.GetAsync("/api/net/subnet?worker=w7", Ct)));
        await FaultAsync(HttpStatusCode.BadRequest, "Invalid input parameters", c1.GetAsync("/api/net/subnet?worker=No!", Ct));
    }

    [Theory]
    [InlineData("GET", "/api/net/subnet")]
    [InlineData("GET", "/api/net/service/a_b_c_d/instances")]
    [InlineData("GET", "/api/net/service/ip/10_30_0_1/instances")]
    [InlineData("DELETE", "/api/net/interest/a.b.c.d")]
    [InlineData("POST", "/api/net/service/net_deploy_status")]
    [InlineData("GET", "/api/pubnet/service/netinfo/a_b_c_d")]
    [InlineData("GET", "/api/pubnet/service/netinfo/ip/10_30_0_1")]
    [InlineData("GET", "/api/pubnet/service/netinfo/available-ip/3?v=4")]
    public async Task What_acts_for_somebody_needs_to_know_for_whom(string method, string path)
    {
        await using var root = await RootHost.StartAsync();
        using var nobody = new HttpClient { BaseAddress = root.Oakestra };
        using var answer = await nobody.SendAsync(new HttpRequestMessage(new HttpMethod(method), path), Ct);
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        using var stranger = new HttpClient { BaseAddress = root.Oakestra };
        stranger.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "a-token-that-nobody-gave");
        using var refused = await stranger.SendAsync(new HttpRequestMessage(new HttpMethod(method), path), Ct);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
    }

    [Fact]
    public async Task One_cluster_can_not_report_for_another()
    {
        await using var root = await RootHost.StartAsync();
        using var c1 = As(root, RootHost.Cluster("c1"));
        using var c2 = As(root, RootHost.Cluster("c2"));
        using var manager = new HttpClient { BaseAddress = root.Oakestra };
        await DeployAsync(manager, "job1", Descriptor);
        await root.Local.CreateAsync(new Cluster { Metadata = new ObjectMeta { Name = "c1" } }, Ct);
        await manager.PostAsync("/api/net/instance/deploy", Json("""{"_id":"job1","instance_number":0,"cluster_id":"c1"}"""), Ct);
        const string report = """{"job_id":"job1","instances":[{"instance_number":0,"namespace_ip":"10.18.0.2","namespace_ip_v6":"","host_ip":"192.0.2.7","host_port":1}]}""";
        await FaultAsync(HttpStatusCode.Forbidden, "belongs to cluster c1", c2.PostAsync("/api/net/service/net_deploy_status", Json(report), Ct));
    }

    [Theory]
    [InlineData("/api/net/cluster", "{", 400, "the body is no valid JSON")]
    [InlineData("/api/net/cluster", "[]", 400, "the body must be a JSON object, not an array")]
    [InlineData("/api/net/cluster", """{"cluster_id":"\ud800","cluster_address":"x","cluster_port":1}""", 400, "half of a surrogate pair")]
    [InlineData("/api/net/service/deploy", """{"_id":"\udc00","deployment_descriptor":{}}""", 400, "half of a surrogate pair")]
    [InlineData("/api/net/cluster", """{"cluster_id":null,"cluster_port":99999}""", 400, "cluster_id|cluster_address|cluster_port")]
    [InlineData("/api/net/cluster", """{"cluster_id":"a/b","cluster_address":"x","cluster_port":1}""", 400, "cluster_id")]
    [InlineData("/api/net/service/deploy", """{"deployment_descriptor":{"app_name":"has space"}}""", 400, "_id|deployment_descriptor.app_name|deployment_descriptor.app_ns|deployment_descriptor.microservice_name|deployment_descriptor.microservice_namespace")]
    [InlineData("/api/net/service/deploy", """{"_id":"j","deployment_descriptor":7}""", 400, "deployment_descriptor")]
    [InlineData("/api/net/service/deploy", """{"_id":"../../x","deployment_descriptor":{}}""", 400, "\"_id\"|must be 1 to 64 letters, digits")]
    [InlineData(
        "/api/net/service/deploy",
        """{"_id":"507f","deployment_descriptor":{"app_name":"a_p","app_ns":"ns","service_name":"svc4","service_ns":"sns","microservice_name":"svc4 with space","microservice_namespace":"","RR_ip":"1.2.3.4","RR_ip_v6":"zz"}}""",
        400,
        "deployment_descriptor.app_name|deployment_descriptor.microservice_name|deployment_descriptor.microservice_namespace|deployment_descriptor.RR_ip\"|lies outside 10.30.0.0/16|deployment_descriptor.RR_ip_v6|must be an IPv6 address in fdff:2000::/21")]
    [InlineData("/api/net/instance/deploy", """{"_id":"j","instance_number":-2,"cluster_id":"c"}""", 400, "instance_number")]
    [InlineData("/api/net/instance/deploy", """{"_id":"j","instance_number":0,"cluster_id":"c"}""", 404, "Job not found: j")]
    public async Task Bad_input_is_told_whole_as_JSON(string path, string body, int code, string expected)
    {
        await using var root = await RootHost.StartAsync();
        using var http = new HttpClient { BaseAddress = root.Oakestra };
        using var answer = await http.PostAsync(path, Json(body), Ct);
        Assert.Equal(code, (int)answer.StatusCode);
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.MediaType);
        var text = await answer.Content.ReadAsStringAsync(Ct);
        Assert.All(expected.Split('|'), part => Assert.Contains(part, text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_chosen_RR_ip_is_honoured_or_refused_with_the_reason_and_jobs_do_not_collide()
    {
        await using var root = await RootHost.StartAsync();
        using var http = new HttpClient { BaseAddress = root.Oakestra };
        await OkAsync("Instance info added", DeployAsync(http, "job1", Descriptor.Replace("{", """{"RR_ip":"10.30.35.35","RR_ip_v6":"fdff:2000::35",""", StringComparison.Ordinal)));
        Assert.Equal("10.30.35.35", (await root.Local.GetAsync<FabricService>("app.test.web.ns", Ct))!.Status!.Addresses.Single().Ipv4);
        var other = Descriptor.Replace("Web", "Other", StringComparison.Ordinal);
        await FaultAsync(HttpStatusCode.UnprocessableEntity, "is taken by service/app.test.web.ns", DeployAsync(http, "job2", other.Replace("{", """{"RR_ip":"10.30.35.35",""", StringComparison.Ordinal)));
        await FaultAsync(HttpStatusCode.BadRequest, "Invalid deployment descriptor", DeployAsync(http, "job2", other.Replace("{", """{"RR_ip_v6":"fdff:20ff::1",""", StringComparison.Ordinal)
            .Replace("fdff:20ff::1", "fdff:30ff::1", StringComparison.Ordinal)));
        await FaultAsync(HttpStatusCode.Conflict, "service app.test.web.ns is job job1 already", DeployAsync(http, "job2", Descriptor.Replace("App", "APP", StringComparison.Ordinal)));
        await FaultAsync(HttpStatusCode.Conflict, "job job1 is app.test.web.ns already", DeployAsync(http, "job1", other));
        await OkAsync("Instance info added", DeployAsync(http, "job1", Descriptor.Replace("{", """{"RR_ip":"10.30.35.35",""", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task The_documents_example_is_deployed()
    {
        await using var root = await RootHost.StartAsync();
        using var http = new HttpClient { BaseAddress = root.Oakestra };

        await OkAsync("Instance info added", http.PostAsync("/api/net/service/deploy", Json(DocumentExamples.Json("docs/formats/oakestra.md").Single()), Ct));

        Assert.Equal("10.30.35.35", (await root.Local.GetAsync<FabricService>("shop.prod.web.prod", Ct))!.Status!.Addresses.Single().Ipv4);
    }

    [Fact]
    public async Task What_a_listener_takes_is_what_it_was_opened_for()
    {
        await using var closed = await RootHost.StartAsync(new RootOptions());
        using var plain = new HttpClient { BaseAddress = closed.Oakestra };
        using var operators = As(closed, new UserInfo("operator", [UserInfo.MastersGroup]), closed.OakestraTls);
        using var cluster = As(closed, RootHost.Cluster("c1"), closed.OakestraTls);
        using var nobody = closed.RawClient(closed.OakestraTls);
        using var inTheClear = As(closed, new UserInfo("operator", [UserInfo.MastersGroup]), closed.Oakestra);

        await FaultAsync(HttpStatusCode.Unauthorized, "this listener is plain HTTP and takes no credentials", DeployAsync(plain, "job1", Descriptor));
        await FaultAsync(HttpStatusCode.Unauthorized, "this listener is plain HTTP and takes no credentials", DeployAsync(inTheClear, "job1", Descriptor));
        await FaultAsync(HttpStatusCode.Unauthorized, "a client certificate or a bearer token is needed", DeployAsync(nobody, "job1", Descriptor));
        await FaultAsync(HttpStatusCode.Forbidden, "an operator may", DeployAsync(cluster, "job1", Descriptor));
        await OkAsync("Instance info added", DeployAsync(operators, "job1", Descriptor));
        await FaultAsync(HttpStatusCode.NotFound, "could not find", operators.GetAsync("/api/net/nothing", Ct));

        await using var open = await RootHost.StartAsync();
        using var tls = open.RawClient(open.OakestraTls);
        using var clear = As(open, RootHost.Cluster("c1"), open.Oakestra);
        await OkAsync("Instance info added", DeployAsync(tls, "job1", Descriptor));
        await FaultAsync(HttpStatusCode.Unauthorized, "takes no credentials", clear.GetAsync("/api/net/subnet", Ct));
    }

    [Fact]
    public async Task The_public_information_wants_a_token_and_lists_what_is_free()
    {
        await using var root = await RootHost.StartAsync();
        using var http = As(root, new UserInfo("someone", ["developers"]));
        using var manager = new HttpClient { BaseAddress = root.Oakestra };
        await DeployAsync(manager, "job1", Descriptor);
        await root.Local.CreateAsync(new Cluster { Metadata = new ObjectMeta { Name = "c1" } }, Ct);
        await manager.PostAsync("/api/net/instance/deploy", Json("""{"_id":"job1","instance_number":0,"cluster_id":"c1"}"""), Ct);
        const string expected =
            """{"applicationID":"a1","app_ns":"test","app_name":"App","service_ns":"ns","service_name":"Web","service_job_id":"job1","service_ip_list":[{"Address":"10.30.0.1","Address_v6":"fdff:2000::1","IpType":"RR"}],"instance_list":[{"cluster_id":"c1","instance_number":0,"instance_ip":"10.30.0.2","instance_ip_v6":"fdff::1"}]}""";
        Assert.Equal(expected, await TextAsync(http.GetAsync("/api/pubnet/service/netinfo/App_test_Web_ns", Ct)));
        Assert.Equal(expected, await TextAsync(http.GetAsync("/api/pubnet/service/netinfo/ip/10_30_0_1", Ct)));
        Assert.Contains("\"service_ip_list\":[]", await TextAsync(http.GetAsync("/api/pubnet/service/netinfo/x_y_z_w", Ct)), StringComparison.Ordinal);

        var free = await JsonAsync(http.GetAsync("/api/pubnet/service/netinfo/available-ip/2?v=6", Ct));
        var wanted = free["available_service_ips"]!.AsArray().Select(i => i!["Address_v6"]!.ToString()).ToList();
        Assert.Equal(["fdff:2000::2", "fdff:2000::3"], wanted);
        Assert.Equal("""{"available_service_ips":[{"Address":"10.30.0.3","Address_v6":null,"IpType":"IPv4"}]}""", await TextAsync(http.GetAsync("/api/pubnet/service/netinfo/available-ip/?v=4", Ct)));
        await FaultAsync(HttpStatusCode.BadRequest, "Invalid input", http.GetAsync("/api/pubnet/service/netinfo/available-ip/0?v=5", Ct));
        var other = Descriptor.Replace("Web", "Other", StringComparison.Ordinal).Replace("{", $$"""{"RR_ip_v6":"{{wanted[1]}}",""", StringComparison.Ordinal);
        await OkAsync("Instance info added", DeployAsync(manager, "job2", other));
    }

    [Theory]
    [InlineData("POST", "/api/net/cluster")]
    [InlineData("POST", "/api/net/service/deploy")]
    [InlineData("POST", "/api/net/instance/deploy")]
    [InlineData("DELETE", "/api/net/service/job1")]
    [InlineData("DELETE", "/api/net/job1/0")]
    public async Task On_roots_own_listener_nobody_is_anonymous_and_only_operators_deploy(string method, string path)
    {
        await using var root = await RootHost.StartAsync();
        using var http = root.RawClient();
        using var nobody = await http.SendAsync(new HttpRequestMessage(new HttpMethod(method), path), Ct);
        Assert.Equal(HttpStatusCode.Unauthorized, nobody.StatusCode);
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", root.Token(RootHost.Cluster("c1")));
        using var cluster = await http.SendAsync(new HttpRequestMessage(new HttpMethod(method), path) { Content = Json("{}") }, Ct);
        Assert.Equal(HttpStatusCode.Forbidden, cluster.StatusCode);
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", root.Token(new UserInfo("boss", [UserInfo.MastersGroup])));
        using var boss = await http.SendAsync(new HttpRequestMessage(new HttpMethod(method), path) { Content = Json("{}") }, Ct);
        Assert.True(boss.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.NotFound, $"{boss.StatusCode}");
    }

    [Fact]
    public async Task The_system_manager_can_be_told_to_show_who_it_is()
    {
        await using var root = await RootHost.StartAsync(new RootOptions { Oakestra = new Oakestra.OakestraOptions { AllowAnonymousSystemManager = false } });
        using var http = new HttpClient { BaseAddress = root.Oakestra };
        using var answer = await DeployAsync(http, "job1", Descriptor);
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    private static Task<HttpResponseMessage> DeployAsync(HttpClient http, string id, string descriptor) =>
        http.PostAsync("/api/net/service/deploy", Json($$"""{"_id":"{{id}}","deployment_descriptor":{{descriptor}}}"""), Ct);

    private static HttpClient As(RootHost root, UserInfo user, Uri? listener = null)
    {
        var http = root.RawClient(listener ?? root.OakestraTls);
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", root.Token(user));
        return http;
    }

    private static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");

    private static string? Text(JsonNode node, string field) => node[field]?.ToString();

    private static async Task<string> TextAsync(Task<HttpResponseMessage> call)
    {
        using var answer = await call;
        var text = await answer.Content.ReadAsStringAsync(Ct);
        Assert.True(answer.IsSuccessStatusCode, $"{answer.StatusCode}: {text}");
        return text;
    }

    private static async Task<JsonNode> JsonAsync(Task<HttpResponseMessage> call) => JsonNode.Parse(await TextAsync(call))!;

    private static async Task OkAsync(string expected, Task<HttpResponseMessage> call) => Assert.Equal(expected, await TextAsync(call));

    private static async Task FaultAsync(HttpStatusCode code, string expected, Task<HttpResponseMessage> call)
    {
        using var answer = await call;
        var text = await answer.Content.ReadAsStringAsync(Ct);
        Assert.True(answer.StatusCode == code, $"{answer.StatusCode}: {text}");
        Assert.Contains(expected, JsonNode.Parse(text)!["message"]!.ToString(), StringComparison.Ordinal);
    }
}
