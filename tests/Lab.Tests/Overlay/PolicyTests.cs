using Gatehouse.Node.Trace;
using Gatehouse.Objects.Kinds;

namespace Lab.Tests.Overlay;

/// <summary>Every policy, by counting who answered.</summary>
public sealed class PolicyTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task RoundRobin_TakesInstancesInTurn(bool v6)
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 3);

        var counts = await LabClient.CountAsync(lab.Client.Host, lab.Target(v6), 80, 12);

        Assert.Equal(3, counts.Count);
        Assert.All(counts.Values, c => Assert.Equal(4, c));
    }

    [Fact]
    public async Task RoundRobin_GrowsAndShrinksWithItsInstances()
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1);
        for (var n = 2; n <= 10; n++)
        {
            await lab.AddAsync(n - 1);
            if (n == 2) await LabClient.AskAsync(lab.Client.Host, lab.Target(false), 80);
            await lab.KnowsAsync(n);
            var counts = await LabClient.CountAsync(lab.Client.Host, lab.Target(false), 80, n * 2);
            Assert.Equal(n, counts.Count);
        }
    }

    [Fact]
    public async Task Weighted_GivesSharesByWeight_AndNoneForZero()
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.Weighted, 3, null, 1, 3, 0);

        var counts = await LabClient.CountAsync(lab.Client.Host, lab.Target(false), 80, 200);

        // 200 draws of 1:3 stay within five standard deviations of 50:150.
        Assert.InRange(counts["web.0"], 20, 80);
        Assert.Equal(200 - counts["web.0"], counts["web.1"]);
        Assert.DoesNotContain("web.2", counts.Keys);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Sticky_KeepsAClientAtItsInstance_AsTheTraceSays(bool v6)
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.Sticky, 4);
        var clients = new List<LabInstance> { lab.Client };
        for (var i = 1; i < 6; i++) clients.Add(await lab.Lab.AddInstanceAsync(lab.Worker1, "shop", i));

        foreach (var client in clients)
        {
            var counts = await LabClient.CountAsync(client.Host, lab.Target(v6), 80, 8);
            var server = Assert.Single(counts).Key;
            var trace = Trace(lab, client, v6);
            Assert.Equal(server, Assert.Single(trace.Instances, i => i.Next).Name);
        }
    }

    [Fact]
    public async Task Sticky_WhenAnInstanceGoes_OthersKeepNearlyAllTheirClients()
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.Sticky, 4);
        var clients = new List<LabInstance> { lab.Client };
        for (var i = 1; i < 12; i++) clients.Add(await lab.Lab.AddInstanceAsync(lab.Worker1, "shop", i));
        var before = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var client in clients) before[client.Name] = (await LabClient.AskAsync(client.Host, lab.Target(false), 80)).Server;

        await lab.Lab.Cluster.ChangeAsync("web.3", s => s with { Undeploy = true });
        await lab.KnowsAsync(3);

        var moved = 0;
        foreach (var client in clients)
        {
            var now = (await LabClient.AskAsync(client.Host, lab.Target(false), 80)).Server;
            Assert.NotEqual("web.3", now);
            if (before[client.Name] != "web.3" && now != before[client.Name]) moved++;
        }

        Assert.InRange(moved, 0, 3);
    }

    [Fact]
    public async Task LeastLoaded_SendsMoreToTheIdleOne_AsTheWorkerReportsIt()
    {
        await using var lab = await ServicePair.CreateAsync(
            BalancingPolicy.LeastLoaded, 2, o => o with { Limits = o.Limits with { Survey = TimeSpan.FromMilliseconds(200) } });
        var busy = new List<LabConnection>();
        for (var i = 0; i < 12; i++) busy.Add(await LabConnection.OpenAsync(lab.Client.Host, lab.Instances[0].Address.Ipv4!, 80));
        await LabClient.EventuallyAsync(() => lab.Lab.Cluster.Instance("web.0").Status!.Load >= 12, "the load of web.0 is reported");
        await LabClient.AskAsync(lab.Client.Host, lab.Target(false), 80);
        await LabClient.EventuallyAsync(
            () => lab.Worker1.Role.Services.All.Any(s => s.Name == "web" && s.Targets.Any(t => t.Load >= 12)), "the client's worker knows the load");

        var counts = await LabClient.CountAsync(lab.Client.Host, lab.Target(false), 80, 60);

        Assert.InRange(counts.GetValueOrDefault("web.1"), 45, 60);
        foreach (var connection in busy) connection.Dispose();
    }

    [Fact]
    public async Task Closest_PrefersTheOwnWorker_AndFollowsWhenItHasNone()
    {
        await using var lab = await ServicePair.CreateAsync(
            BalancingPolicy.Closest, 2, o => o with { Limits = o.Limits with { Probe = TimeSpan.FromMilliseconds(300) } });
        var near = await lab.Lab.AddInstanceAsync(lab.Worker1, "web", 7);
        await using var server = LabServer.Start(near.Host, "web.7", 80);

        var counts = await LabClient.CountAsync(lab.Client.Host, lab.Target(false), 80, 10);
        Assert.Equal("web.7", Assert.Single(counts).Key);

        await lab.Lab.Cluster.ChangeAsync("web.7", s => s with { Undeploy = true });
        await lab.KnowsAsync(2);
        counts = await LabClient.CountAsync(lab.Client.Host, lab.Target(false), 80, 10);
        Assert.Equal(["web.0", "web.1"], counts.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Closest_MeasuresWorkers_AndAvoidsTheOneThatDoesNotAnswer()
    {
        await using var lab = await ServicePair.CreateAsync(
            BalancingPolicy.Closest, 1, o => o with { Limits = o.Limits with { Probe = TimeSpan.FromMilliseconds(300) } });
        var far = await lab.Lab.AddWorkerAsync("w3");

        // Nobody measures this one: its answers don't come back.
        await far.Host.RunAsync("nft", "add table inet silent; add chain inet silent c { type filter hook input priority -10; }; add rule inet silent c icmp type echo-request drop");
        var other = await lab.Lab.AddInstanceAsync(far, "web", 5);
        await using var server = LabServer.Start(other.Host, "web.5", 80);
        await LabClient.AskAsync(lab.Client.Host, lab.Target(false), 80);
        await lab.KnowsAsync(2);

        await LabClient.EventuallyAsync(
            () => lab.Worker1.Role.Services.All.Any(s => s.Name == "web" && s.Closest == "c1.w2"), "w2 is measured, w3 is not");
        var counts = await LabClient.CountAsync(lab.Client.Host, lab.Target(false), 80, 10);
        Assert.Equal("web.0", Assert.Single(counts).Key);
    }

    private static TraceReport Trace(ServicePair lab, LabInstance client, bool v6) => lab.Worker1.Role.Trace(
        System.Net.IPAddress.Parse(v6 ? client.Namespace.Ipv6! : client.Namespace.Ipv4!), System.Net.IPAddress.Parse(lab.Target(v6)), 80);
}
