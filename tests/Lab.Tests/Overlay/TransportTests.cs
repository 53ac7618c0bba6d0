using System.Net;
using System.Net.Sockets;
using Gatehouse.Objects.Kinds;

namespace Lab.Tests.Overlay;

/// <summary>What crosses the overlay: families, protocols, sizes, local cases.</summary>
public sealed class TransportTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task LargeDatagram_AsFirstPacketAndLater_ArrivesWhole(bool v6)
    {
        await using var lab = await PairAsync();
        var target = lab.Target(v6);
        using var socket = LabClient.Udp(lab.Client.Host, v6);

        for (var i = 0; i < 3; i++)
        {
            var (server, bytes, from) = await LabClient.AskUdpAsync(socket, target, 80, 3_000);
            Assert.Equal(("web.0", 3_000), (server, bytes));
            Assert.Equal(IPAddress.Parse(target), from.Address);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Echo_ToServiceAddress_IsAnsweredFromIt(bool v6)
    {
        await using var lab = await PairAsync();

        var answer = await lab.Client.Host.RunAsync("ping", "-c", "3", "-i", "0.1", "-W", "3", "-s", "2000", lab.Target(v6));

        Assert.Contains("3 received", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PortUnreachable_FromTheInstance_ReachesTheSender(bool v6)
    {
        await using var lab = await PairAsync();
        using var socket = LabClient.Udp(lab.Client.Host, v6);
        await socket.ConnectAsync(IPAddress.Parse(lab.Target(v6)), 9, TestContext.Current.CancellationToken);
        var refused = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            // Datagrams may be lost and the kernel rations its ICMP errors, so an unanswered one is sent again.
            for (var tries = 0; ; tries++)
            {
                using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
                await socket.SendAsync(new byte[1], SocketFlags.None, TestContext.Current.CancellationToken);
                try
                {
                    await socket.ReceiveAsync(new byte[1], patience.Token);
                }
                catch (OperationCanceledException) when (tries < 10)
                {
                }
            }
        });

        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task TimeExceeded_FromTheServersWorker_ReachesTheSender(bool v6)
    {
        await using var lab = await PairAsync();
        await lab.Client.Host.RunAsync("ping", "-c", "1", "-W", "3", lab.Target(v6));

        // One hop to the client's worker, one to the server's: there it ends.
        var answer = await lab.Client.Host.TryRunAsync("ping", "-c", "1", "-W", "3", "-t", "2", lab.Target(v6));

        Assert.Contains(v6 ? "Time exceeded: Hop limit" : "Time to live exceeded", answer.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Instance_CallsItsOwnService_ReachesItself(bool v6)
    {
        await using var lab = await PairAsync();

        var (server, caller) = await LabClient.AskAsync(lab.Server.Host, lab.Target(v6), 80);

        Assert.Equal(("web.0", v6 ? lab.Server.Address.Ipv6 : lab.Server.Address.Ipv4), (server, caller));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Host_CallsAService_IsSeenAsItsBridge(bool v6)
    {
        await using var lab = await PairAsync();

        // Both hosts: one is the server's own worker.
        foreach (var (worker, bridge) in new[] { (lab.Worker1, v6 ? "fc00::1" : "10.18.0.1"), (lab.Worker2, v6 ? "fc00::101" : "10.18.0.65") })
        {
            var (server, caller) = await LabClient.AskAsync(worker.Host, lab.Target(v6), 80);
            Assert.Equal(("web.0", bridge), (server, caller));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task InstanceAddress_LeadsToTheInstance(bool v6)
    {
        await using var lab = await PairAsync();

        var (server, caller) = await LabClient.AskAsync(lab.Client.Host, v6 ? lab.Server.Address.Ipv6! : lab.Server.Address.Ipv4!, 80);

        Assert.Equal(("web.0", v6 ? lab.Client.Address.Ipv6 : lab.Client.Address.Ipv4), (server, caller));
    }

    [Fact]
    public async Task UnknownAddress_IsRefusedAtOnceAndAskedOnce()
    {
        await using var lab = await PairAsync();
        const string nobody = "10.30.200.1";

        for (var i = 0; i < 20; i++)
        {
            var refused = await Assert.ThrowsAsync<SocketException>(() => LabClient.AskAsync(lab.Client.Host, nobody, 80));
            Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
        }

        Assert.Equal(1, lab.Lab.Cluster.Asked[nobody]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AddressThatWasUnknown_LeadsToItsService_AsSoonAsThatExists(bool v6)
    {
        await using var lab = await PairAsync();
        var (early4, early6) = lab.Lab.Cluster.NextService();
        var address = v6 ? early6 : early4;
        var refused = await Assert.ThrowsAsync<SocketException>(() => LabClient.AskAsync(lab.Client.Host, address, 80));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);

        await lab.Lab.Cluster.AddServiceAsync("early");
        var instance = await lab.Lab.AddInstanceAsync(lab.Worker2, "early", 0);
        await using var server = LabServer.Start(instance.Host, "early.0", 80);
        await LabClient.EventuallyAsync(() => lab.Worker1.Role.Services.Find(IPAddress.Parse(address)) is { Targets.Count: 1 }, "the worker is told of the service without asking again");

        // The refusal in the kernel has seconds to go.
        Assert.Equal("early.0", (await LabClient.AskAsync(lab.Client.Host, address, 80)).Server);
        Assert.Equal(1, lab.Lab.Cluster.Asked[address]);
    }

    [Fact]
    public async Task UnknownAddresses_AreGivenUp_AfterTheRefusal()
    {
        await using var lab = await PairAsync();
        string[] nobody = ["10.30.200.1", "10.30.200.2"];
        foreach (var address in nobody) await Assert.ThrowsAsync<SocketException>(() => LabClient.AskAsync(lab.Client.Host, address, 80));
        Assert.Equal(nobody, lab.Lab.Cluster.Objects.All<Interest>().Select(i => i.Spec.Query).Where(nobody.Contains).Order(StringComparer.Ordinal));

        await LabClient.EventuallyAsync(
            async () =>
            {
                await lab.Worker1.Role.Interests.SurveyAsync(new HashSet<string>(), TestContext.Current.CancellationToken);
                return !lab.Lab.Cluster.Objects.All<Interest>().Any(i => nobody.Contains(i.Spec.Query));
            },
            "the questions are withdrawn");
    }

    [Fact]
    public async Task ServiceWithoutInstance_IsRefusedAtOnce_AndServesWhenOneComes()
    {
        await using var lab = await PairAsync();
        var empty = await lab.Lab.Cluster.AddServiceAsync("empty");
        var refused = await Assert.ThrowsAsync<SocketException>(() => LabClient.AskAsync(lab.Client.Host, empty.Ipv4!, 80));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);

        var instance = await lab.Lab.AddInstanceAsync(lab.Worker2, "empty", 0);
        await using var server = LabServer.Start(instance.Host, "empty.0", 80);
        await LabClient.EventuallyAsync(() => lab.Worker1.Role.Services.All.Any(s => s.Name == "empty" && s.Targets.Count == 1), "the worker knows the instance");

        Assert.Equal("empty.0", (await LabClient.AskAsync(lab.Client.Host, empty.Ipv4!, 80)).Server);
    }

    [Fact]
    public async Task HundredWaitingPackets_AskTheClusterOnce()
    {
        await using var lab = await PairAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => LabClient.AskAsync(lab.Client.Host, lab.Target(false), 80)));

        Assert.All(answers, a => Assert.Equal("web.0", a.Server));
        Assert.Equal(1, lab.Lab.Cluster.Asked[lab.Target(false)]);
    }

    [Fact]
    public async Task UnderlayOverIpv6_CarriesBothFamilies_AndTakesNothingFromStrangers()
    {
        await using var lab = await OverlayLab.CreateAsync(underlayV6: true);
        var (w1, w2) = (await lab.AddWorkerAsync("w1"), await lab.AddWorkerAsync("w2"));
        var service = await lab.Cluster.AddServiceAsync("web");
        await lab.Cluster.AddServiceAsync("shop");
        var instance = await lab.AddInstanceAsync(w2, "web", 0);
        var client = await lab.AddInstanceAsync(w1, "shop", 0);
        await using var server = LabServer.Start(instance.Host, "web.0", 80);

        Assert.Equal(("web.0", client.Address.Ipv4), await LabClient.AskAsync(client.Host, service.Ipv4!, 80));
        Assert.Equal(("web.0", client.Address.Ipv6), await LabClient.AskAsync(client.Host, service.Ipv6!, 80));
        Assert.Equal(3_000, (await LabClient.AskUdpAsync(client.Host, service.Ipv4!, 80, 3_000)).Bytes);
        Assert.Equal(3_000, (await LabClient.AskUdpAsync(client.Host, service.Ipv6!, 80, 3_000)).Bytes);
        Assert.Contains("mtu 1430", await client.Host.RunAsync("ip", "link", "show", "eth0"), StringComparison.Ordinal);

        var stranger = await lab.AddOutsideAsync("stranger", "2001:db8:77::99/64");
        var calls = server.Calls;
        using var forged = LabClient.Udp(stranger, v6: true);
        using var own = LabClient.Udp(w1.Host, v6: true);
        var tunnel = new IPEndPoint(IPAddress.Parse("2001:db8:77::2"), 4789);
        var packet = Tunnel.Udp4(IPAddress.Parse("10.18.0.5"), IPAddress.Parse(instance.Namespace.Ipv4!), 80);
        await forged.SendToAsync(packet, SocketFlags.None, tunnel, TestContext.Current.CancellationToken);
        await own.SendToAsync(Tunnel.Udp4(IPAddress.Parse("10.18.0.70"), IPAddress.Parse(instance.Namespace.Ipv4!), 80), SocketFlags.None, tunnel, TestContext.Current.CancellationToken);
        await own.SendToAsync(packet, SocketFlags.None, tunnel, TestContext.Current.CancellationToken);
        await LabClient.EventuallyAsync(() => server.Calls > calls, "the peer's packet arrives");
        Assert.Equal(calls + 1, server.Calls);
    }

    private static Task<ServicePair> PairAsync() => ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1);
}
