using System.Net;
using System.Text;
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

    private static Task<ClusterHost> StartAsync(RootHost? root) => ClusterHost.StartAsync(
        root, with: o => o with { Oakestra = new OakestraClusterOptions { Listen = [new IPEndPoint(IPAddress.Loopback, 0)] } });

    private static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");

    private static async Task AnswerAsync(Task<HttpResponseMessage> call, int code, string expected)
    {
        using var answer = await call;
        var text = await answer.Content.ReadAsStringAsync(Ct);
        Assert.True((int)answer.StatusCode == code, $"{answer.StatusCode}: {text}");
        Assert.Contains(expected, text, StringComparison.Ordinal);
    }
}
