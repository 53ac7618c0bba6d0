using Gatehouse.Objects.Kinds;

namespace Lab.Tests.Overlay;

/// <summary>What happens to flows when instances, agents and the cluster go and come.</summary>
public sealed class LifeTests
{
    [Fact]
    public async Task Restart_WithTheClusterAway_KeepsSubnetworkMapsAndOpenConnections()
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 2);
        using var open = await LabConnection.OpenAsync(lab.Client.Host, lab.Target(false), 80);
        using var open6 = await LabConnection.OpenAsync(lab.Client.Host, lab.Target(true), 80);
        await LabClient.EventuallyAsync(() => File.Exists(Path.Combine(lab.Worker1.Options.StateDirectory, "mirror", "interests.json"))
            && File.ReadAllText(Path.Combine(lab.Worker1.Options.StateDirectory, "mirror", "interests.json")).Contains("\"web\"", StringComparison.Ordinal), "the mirror is on disk");
        lab.Lab.Cluster.Objects.SetAway(true);

        foreach (var worker in new[] { lab.Worker1, lab.Worker2 })
        {
            await worker.StopAsync();
            await open.EchoAsync();
            await worker.StartAsync();
            await open.EchoAsync(100_000);
            await open6.EchoAsync(100_000);
        }

        // What is known goes on: new connections too, to each instance.
        var counts = await LabClient.CountAsync(lab.Client.Host, lab.Target(false), 80, 6);
        Assert.Equal(2, counts.Count);
        await open.EchoAsync();
        lab.Lab.Cluster.Objects.SetAway(false);
    }

    [Fact]
    public async Task Undeployed_KeepsRunningFlows_TakesNoNewOnes_AndEndsWithTheLast()
    {
        await using var lab = await ServicePair.CreateAsync(
            BalancingPolicy.RoundRobin, 2, o => o with { Limits = o.Limits with { DrainAtLeast = TimeSpan.FromMilliseconds(300) } });
        using var open = await LabConnection.OpenAsync(lab.Client.Host, lab.Target(false), 80);
        var leaving = open.Server;

        await lab.Lab.Cluster.ChangeAsync(leaving, s => s with { Undeploy = true });
        await lab.KnowsAsync(1);
        Assert.DoesNotContain(leaving, (await LabClient.CountAsync(lab.Client.Host, lab.Target(false), 80, 10)).Keys);
        await LabClient.EventuallyAsync(() => lab.Lab.Cluster.Instance(leaving).Status!.Phase == InstancePhase.Draining, "the worker reports the drain");
        await LabClient.EventuallyAsync(() => lab.Lab.Cluster.Instance(leaving).Status!.Load == 1, "the worker says how many flows are open, and that without a survey", 10);
        await open.EchoAsync(10_000);
        Assert.True(lab.Worker2.Role.Instances.Attached.ContainsKey(leaving));

        open.Dispose();
        await LabClient.EventuallyAsync(() => lab.Lab.Cluster.Instance(leaving).Status!.Phase == InstancePhase.Dead, "it ends with its last flow");
        Assert.False(lab.Worker2.Role.Instances.Attached.ContainsKey(leaving));
    }

    [Theory]
    [InlineData("web.0", "web.1")]
    [InlineData("web.1", "web.0")]
    public async Task Load_OfOneInstanceIsReported_WhileAnotherIsGoneAtTheCluster(string gone, string other)
    {
        await using var lab = await ServicePair.CreateAsync(
            BalancingPolicy.RoundRobin, 2, o => o with { Limits = o.Limits with { Survey = TimeSpan.FromMilliseconds(100) } });
        await LabClient.EventuallyAsync(() => lab.Lab.Cluster.Objects.All<FabricInstance>().Where(i => i.Spec.Service == "web").All(i => i.Status!.Load == 0), "both are counted");
        lab.Lab.Cluster.Objects.Forbids = key => key.Name == gone;
        var open = new List<LabConnection>();
        try
        {
            for (var i = 0; i < 4; i++) open.Add(await LabConnection.OpenAsync(lab.Client.Host, lab.Target(false), 80));
            await LabClient.EventuallyAsync(() => lab.Lab.Cluster.Instance(other).Status!.Load == 2, $"the load of {other} is reported", 10);
        }
        finally
        {
            open.ForEach(c => c.Dispose());
        }
    }

    [Fact]
    public async Task Undeployed_WithAFlowThatNeverEnds_EndsAtTheDeadline()
    {
        await using var lab = await ServicePair.CreateAsync(
            BalancingPolicy.RoundRobin, 1,
            o => o with { Limits = o.Limits with { DrainAtLeast = TimeSpan.FromMilliseconds(100), Drain = TimeSpan.FromSeconds(1) } });
        using var open = await LabConnection.OpenAsync(lab.Client.Host, lab.Target(false), 80);

        await lab.Lab.Cluster.ChangeAsync("web.0", s => s with { Undeploy = true });

        await LabClient.EventuallyAsync(() => lab.Lab.Cluster.Instance("web.0").Status is { Phase: InstancePhase.Dead } s && s.Message!.Contains("deadline", StringComparison.Ordinal), "it ends at the deadline");
    }

    [Fact]
    public async Task Dead_LosesItsFlowsAtOnce_SoThatTheNextPacketReachesAnother()
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 2);
        using var socket = LabClient.Udp(lab.Client.Host, v6: false);
        var (first, _, _) = await LabClient.AskUdpAsync(socket, lab.Target(false), 80, 10);

        // Its worker's agent is gone, so that nobody says it lives.
        await lab.Worker2.StopAsync();
        await lab.Lab.Cluster.ReportAsync(first, s => s with { Phase = InstancePhase.Dead, NamespaceAddress = null });

        // One socket, one flow for the kernel: it stays pinned to the dead instance unless its entry goes.
        await LabClient.EventuallyAsync(
            async () => (await LabClient.AskUdpAsync(socket, lab.Target(false), 80, 10)).Server != first, "the flow moves to the other instance", 5);
        Assert.Single(await LabClient.CountAsync(lab.Client.Host, lab.Target(false), 80, 6));
        await lab.Worker2.StartAsync();
    }

    [Fact]
    public async Task Interest_IsDroppedWhenIdle_AndNotBeforeItsLastFlowEnded()
    {
        await using var lab = await ServicePair.CreateAsync(
            BalancingPolicy.RoundRobin, 1,
            o => o with { Limits = o.Limits with { Survey = TimeSpan.FromMilliseconds(100), InterestIdle = TimeSpan.FromMilliseconds(600), InterestRenewal = TimeSpan.FromMilliseconds(200) } });
        using var open = await LabConnection.OpenAsync(lab.Client.Host, lab.Target(false), 80);
        var asked = Assert.Single(lab.Lab.Cluster.Objects.All<Interest>()).Spec.RenewedAt;
        await LabClient.EventuallyAsync(() => lab.Lab.Cluster.Objects.All<Interest>().Any(i => i.Spec.RenewedAt > asked!.Value.AddSeconds(1.5)), "the interest is renewed while the flow is open");
        await open.EchoAsync();
        Assert.Single(lab.Worker1.Role.Services.All, s => s.Name == "web");

        await open.CloseAsync();
        foreach (var flow in lab.Worker1.Role.Flows.To(System.Net.IPAddress.Parse(lab.Target(false)), 6, 80)) lab.Worker1.Role.Flows.Delete(flow.Original);
        await LabClient.EventuallyAsync(() => lab.Lab.Cluster.Objects.All<Interest>().Count == 0, "the interest is given up");
        await LabClient.EventuallyAsync(() => lab.Worker1.Role.Services.All.All(s => s.Name != "web"), "the maps are without it");

        // And asked for again by the next packet.
        Assert.Equal("web.0", (await LabClient.AskAsync(lab.Client.Host, lab.Target(false), 80)).Server);
        Assert.Equal(2, lab.Lab.Cluster.Asked[lab.Target(false)]);
    }

    [Fact]
    public async Task ProcessInstance_RunsInItsNamespace_SurvivesTheAgent_AndItsDeathIsReportedAtOnce()
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1, o => o with { RunsProcesses = true });
        await lab.Lab.Cluster.AddInstanceAsync("web", 9, "w1", process: new(["socat", "TCP-LISTEN:80,fork,reuseaddr", "SYSTEM:echo web.9 x"]));
        await LabClient.EventuallyAsync(() => lab.Lab.Cluster.Instance("web.9").Status is { Phase: InstancePhase.Running, NamespaceAddress: not null }, "it runs");
        var attached = lab.Worker1.Role.Instances.Attached["web.9"];
        var address = lab.Lab.Cluster.Instance("web.9").Status!.Instance!.Ipv4!;
        await LabClient.EventuallyAsync(async () => await AnswersAsync(lab, address), "it answers");

        await lab.Worker1.StopAsync();
        await lab.Worker1.StartAsync();
        Assert.Equal(attached.Pid, lab.Worker1.Role.Instances.Attached["web.9"].Pid);
        Assert.True(await AnswersAsync(lab, address));

        System.Diagnostics.Process.GetProcessById(attached.Pid).Kill();
        await LabClient.EventuallyAsync(() => lab.Lab.Cluster.Instance("web.9").Status!.Phase == InstancePhase.Dead, "its death is reported", 3);
        Assert.False(lab.Worker1.Role.Instances.Attached.ContainsKey("web.9"));
        Assert.DoesNotContain(Gatehouse.Linux.NetworkNamespace.List(), n => n == attached.NamespaceName);
    }

    private static async Task<bool> AnswersAsync(ServicePair lab, string address)
    {
        try
        {
            return (await LabClient.AskAsync(lab.Client.Host, address, 80)).Server == "web.9";
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }
}
