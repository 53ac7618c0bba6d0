using Gatehouse.TestKit;

namespace Gatehouse.LabTests;

/// <summary>One lab for all tests of the main job: root, a cluster, two private workers, a gateway, an outside host; a service of three replicas, exposed.</summary>
public sealed class MainJob : IAsyncLifetime
{
    public const string Url4 = "http://203.0.113.11:8080/";
    public const string Url6 = "http://[2001:db8:2::b]:8080/";

    public LabUnderTest Lab { get; } = new("m");

    public async ValueTask InitializeAsync()
    {
        try
        {
            await Lab.RequireAsync("up");
            using var folder = new TemporaryDirectory();
            var gateway = folder["gateway.yaml"];
            await File.WriteAllTextAsync(gateway, """
                apiVersion: gatehouse.dev/v1
                kind: GatewayHost
                metadata: {name: gw}
                spec: {cluster: cluster1, publicAddresses: [203.0.113.11, "2001:db8:2::b"]}
                """);
            await Lab.OperatorAsync("apply", "-f", gateway);
            await Lab.OperatorAsync("deploy", "web", "--replicas", "3", "--worker", "worker1", "--worker", "worker2");
            await Lab.OperatorAsync("expose", "web", "--gateway", "gw", "--port", "8080");
        }
        catch
        {
            await Lab.LabAsync("down");
            throw;
        }
    }

    public async ValueTask DisposeAsync() => await Lab.LabAsync("down");

    /// <summary>All answered; how often each.</summary>
    public async Task<Dictionary<string, int>> CountAsync(string url, int count)
    {
        var answers = await Lab.AskAsync(url, count);
        if (answers.Any(a => a is null)) Assert.Fail($"{answers.Count(a => a is null)} of {count} requests to {url} failed\n{await Lab.LogsAsync()}");
        return answers.GroupBy(a => a!).ToDictionary(g => g.Key, g => g.Count());
    }
}
