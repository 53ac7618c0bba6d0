using System.Net;
using System.Text;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Cluster.Oakestra;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestHosts;
using Gatehouse.TestKit;

namespace Gatehouse.Cluster.Tests;

public sealed class OakestraTests
{
    [Fact]
    public async Task A_deployment_makes_the_cluster_interested_until_it_is_removed()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await StartAsync(root);
        using var http = new HttpClient { BaseAddress = cluster.Oakestra };
        await root.Local.CreateAsync(InstanceTests.Service("app.ns.web.ns"), Ct);
        for (var i = 0; i < 2; i++) await AnswerAsync(http.PostAsync("/api/net/deployment", Json("""{"job_name":"App.ns.Web.ns"}"""), Ct), 200, "job stored succesfully");
        await cluster.Local.UntilThereAsync<Interest>("oakestra.deployments.app.ns.web.ns", i => i.Status!.Outcome == ResolutionOutcome.Found);
        await root.Local.UntilThereAsync<Interest>("c1.app.ns.web.ns", _ => true);
        await AnswerAsync(http.PostAsync("/api/net/job/update", Json("""{"job_name":"app.ns.web.ns","instance_number":-1,"type":"DEPLOYMENT"}"""), Ct), 200, "update notification received");
        await AnswerAsync(http.DeleteAsync("/api/net/deployment/App.ns.Web.ns", Ct), 200, "job removed succesfully");
        await root.Local.UntilGoneAsync<Interest>("c1.app.ns.web.ns");
        await AnswerAsync(http.DeleteAsync("/api/net/deployment/App.ns.Web.ns", Ct), 404, "job not found");
    }

    [Theory]
    [InlineData("/api/net/deployment", "{", "Invalid argument")]
    [InlineData("/api/net/deployment", "7", "Invalid argument")]
    [InlineData("/api/net/deployment", """{"job_name":"\ud800"}""", "half of a surrogate pair")]
    [InlineData("/api/net/job/update", """{"job_name":"a","instance_number":0,"type":"\udead"}""", "half of a surrogate pair")]
    [InlineData("/api/net/deployment", "{}", "job_name is required")]
    [InlineData("/api/net/deployment", """{"job_name":"no name"}""", "job_name is required")]
    [InlineData("/api/net/job/update", """{"instance_number":0,"type":"DEPLOYMENT"}""", "Invalid Parameters")]
    [InlineData("/api/net/job/update", """{"job_name":"a","instance_number":-2,"type":"DEPLOYMENT"}""", "Invalid instancenum")]
    [InlineData("/api/net/job/update", """{"job_name":"a","instance_number":"0","type":"DEPLOYMENT"}""", "Invalid instancenum")]
    [InlineData("/api/net/job/update", """{"job_name":"a","instance_number":0,"type":"SOMETHING"}""", "Invalid type")]
    [InlineData("/api/net/job/update", """{"job_name":"a","instance_number":0}""", "Invalid type")]
    public async Task Bad_input_is_400_with_the_reason(string path, string body, string reason)
    {
        await using var cluster = await StartAsync(null);
        using var http = new HttpClient { BaseAddress = cluster.Oakestra };
        await AnswerAsync(http.PostAsync(path, Json(body), Ct), 400, reason);
    }

    [Fact]
    public async Task Without_leave_nobody_deploys_who_does_not_show_that_he_is_an_operator()
    {
        await using var cluster = await StartAsync(null, anonymous: false);
        using var plain = new HttpClient { BaseAddress = cluster.Oakestra };
        using var nobody = cluster.RawClient(null);
        using var worker = cluster.RawClient(new UserInfo("system:worker:w1", [UserInfo.WorkersGroup]));
        using var operators = cluster.RawClient(new UserInfo("operator", [UserInfo.MastersGroup]));
        const string Deployment = """{"job_name":"a.b.c.d"}""";

        foreach (var (http, code, why) in new[] { (plain, 401, "plain HTTP and takes no credentials"), (nobody, 401, "a client certificate or a bearer token is needed"), (worker, 403, "an operator may") })
        {
            await AnswerAsync(http.PostAsync("/api/net/deployment", Json(Deployment), Ct), code, why);
            await AnswerAsync(http.DeleteAsync("/api/net/deployment/a.b.c.d", Ct), code, why);
            await AnswerAsync(http.PostAsync("/api/net/job/update", Json("""{"job_name":"a","instance_number":0,"type":"DEPLOYMENT"}"""), Ct), code, "\"message\"");
        }

        Assert.Empty((await cluster.Local.ListAsync<Interest>(Selection.All, Ct)).Items);
        await AnswerAsync(operators.PostAsync("/api/net/deployment", Json(Deployment), Ct), 200, "job stored succesfully");
        await AnswerAsync(operators.GetAsync("/api/net/nothing", Ct), 404, "\"message\"");
    }

    [Fact]
    public async Task Deployments_are_bounded()
    {
        await using var cluster = await ClusterHost.StartAsync(null, with: o => o with
        {
            InterestsPerWorker = 2,
            Oakestra = new OakestraClusterOptions { Listen = [new IPEndPoint(IPAddress.Loopback, 0)], AllowAnonymousClusterManager = true },
        });
        using var http = new HttpClient { BaseAddress = cluster.Oakestra };

        // The count follows what is stored by a moment.
        var (code, text) = (200, "");
        for (var i = 0; i < 5_000 && code == 200; i++)
        {
            using var answer = await http.PostAsync("/api/net/deployment", Json($$"""{"job_name":"a.b.c{{i}}.d"}"""), Ct);
            (code, text) = ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(Ct));
        }

        Assert.Equal(429, code);
        Assert.Contains("oakestra.deployments holds 2 interests, which is the limit", text, StringComparison.Ordinal);
    }

    private static Task<ClusterHost> StartAsync(RootHost? root, bool anonymous = true) => ClusterHost.StartAsync(
        root, with: o => o with
        {
            Oakestra = new OakestraClusterOptions
            {
                Listen = [new IPEndPoint(IPAddress.Loopback, 0)],
                ListenTls = [new IPEndPoint(IPAddress.Loopback, 0)],
                AllowAnonymousClusterManager = anonymous,
            },
        });

    private static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");

    private static async Task AnswerAsync(Task<HttpResponseMessage> call, int code, string expected)
    {
        using var answer = await call;
        var text = await answer.Content.ReadAsStringAsync(Ct);
        Assert.True((int)answer.StatusCode == code, $"{answer.StatusCode}: {text}");
        Assert.Contains(expected, text, StringComparison.Ordinal);
    }
}
