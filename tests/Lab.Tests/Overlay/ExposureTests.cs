using System.Net.Sockets;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestKit.Network;

namespace Lab.Tests.Overlay;

/// <summary>Exposures and mapped ports, from an outside host.</summary>
public sealed class ExposureTests
{
    private const string Public4 = "198.51.100.1";
    private const string Public6 = "2001:db8:100::1";
    private const string Outside4 = "198.51.100.9";
    private const string Outside6 = "2001:db8:100::9";

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task Exposure_CarriesTcpAndLargeUdp_BalancedByThePolicy(bool v6, bool keeps)
    {
        await using var scene = await GatewayScene.CreateAsync();
        await scene.ExposeAsync("tcp", Protocol.Tcp, 8080, v6, keeps);
        await scene.ExposeAsync("udp", Protocol.Udp, 8080, v6, keeps);
        var target = v6 ? Public6 : Public4;
        await scene.ServesAsync(target, 8080);

        var counts = await LabClient.CountAsync(scene.Outside, target, 8080, 8);
        Assert.Equal(2, counts.Count);
        Assert.All(counts.Values, c => Assert.Equal(4, c));
        var (_, caller) = await LabClient.AskAsync(scene.Outside, target, 8080);
        Assert.Equal(keeps ? v6 ? Outside6 : Outside4 : v6 ? "fc00::1" : "10.18.0.1", caller);

        // IPv6 routers don't fragment: the first one is answered with Packet Too Big, which has to find its way back through the translation.
        if (v6) await SendAsync(scene.Outside, target, 8080, 3_000);
        await LabClient.EventuallyAsync(async () => !v6 || (await scene.Outside.RunAsync("ip", "-6", "route", "get", target)).Contains("mtu 1450", StringComparison.Ordinal), "the sender learns the path's MTU");
        Assert.Equal(3_000, (await LabClient.AskUdpAsync(scene.Outside, target, 8080, 3_000)).Bytes);
    }

    [Fact]
    public async Task FirstRequest_AfterTheWorkerSaidThatItServes_Passes_TwentyTimesOutOfTwenty()
    {
        await using var scene = await GatewayScene.CreateAsync();
        var answered = 0;
        for (var i = 0; i < 20; i++)
        {
            var said = scene.SaidAsync($"e{i}", p => p is { Missing: null });
            await scene.ExposeAsync($"e{i}", Protocol.Tcp, 8_000 + i, v6: i % 2 == 1, keeps: false, ExposurePhase.Scheduled);
            var word = await said;
            Assert.Equal(("w1", 1), (word!.Worker, word.Generation));
            var (server, _) = await LabClient.AskAsync(scene.Outside, i % 2 == 1 ? Public6 : Public4, 8_000 + i);
            if (server.StartsWith("web.", StringComparison.Ordinal)) answered++;
        }

        Assert.Equal(20, answered);
    }

    [Fact]
    public async Task Worker_SaysWhatIsMissing_AndThatItServesOnceThereIsAnInstance()
    {
        await using var scene = await GatewayScene.CreateAsync();
        var empty = await scene.Lab.Cluster.AddServiceAsync("empty");
        var missing = scene.SaidAsync("e", p => p?.Missing is not null);
        await scene.ExposeAsync("e", Protocol.Tcp, 8080, v6: false, keeps: false, ExposurePhase.Scheduled, empty);
        var before = await missing;
        var said = scene.SaidAsync("e", p => p is { Missing: null });
        var instance = await scene.Lab.AddInstanceAsync(scene.Gateway, "empty", 0);
        await using var server = LabServer.Start(instance.Host, "empty.0", 80);
        await said;

        Assert.Equal($"{empty.Ipv4} has no instance that takes traffic", before!.Missing);
        Assert.Equal("empty.0", (await LabClient.AskAsync(scene.Outside, Public4, 8080)).Server);
    }

    [Fact]
    public async Task Withdrawn_TheWorkerSaysThatNothingIsLeft_AfterTheRulesAreGone()
    {
        await using var scene = await GatewayScene.CreateAsync();
        await scene.ExposeAsync("tcp", Protocol.Tcp, 8080, v6: false, keeps: false);
        await scene.ServesAsync(Public4, 8080);
        using var open = await LabConnection.OpenAsync(scene.Outside, Public4, 8080);
        var cleared = scene.StoredAsync("tcp", e => e.Status!.Flows == 0);

        await scene.SetPhaseAsync("tcp", ExposurePhase.Withdrawn);
        await cleared;

        Assert.False(await CanConnectAsync(scene.Outside, Public4, 8080));
        Assert.DoesNotContain(scene.Gateway.Role.Flows.To(System.Net.IPAddress.Parse(Public4), 6, 8080), Gatehouse.Node.Flows.FlowTable.IsOpen);
    }

    [Fact]
    public async Task NothingElse_IsReachableFromOutside()
    {
        await using var scene = await GatewayScene.CreateAsync();
        await scene.ExposeAsync("tcp", Protocol.Tcp, 8080, v6: false, keeps: false);
        await scene.ServesAsync(Public4, 8080);
        await using var management = LabServer.Start(scene.Gateway.Host, "management", 11_022);
        var local = await scene.Lab.AddInstanceAsync(scene.Gateway, "shop", 3);
        await using var onGateway = LabServer.Start(local.Host, "shop.3", 80);

        // An outside host that is on the same link and sends everything to the gateway.
        await scene.Outside.RunAsync("ip", "route", "add", "10.16.0.0/12", "via", Public4);
        await scene.Outside.RunAsync("ip", "-6", "route", "add", "fc00::/64", "via", Public6);
        await scene.Outside.RunAsync("ip", "-6", "route", "add", "fdff::/16", "via", Public6);
        string[] inner =
        [
            "10.18.0.1", "fc00::1", scene.Instances[0].Namespace.Ipv4!, scene.Instances[0].Namespace.Ipv6!, scene.Instances[0].Address.Ipv4!,
            scene.Instances[0].Address.Ipv6!, scene.Service.Ipv4!, scene.Service.Ipv6!, local.Namespace.Ipv4!, local.Namespace.Ipv6!,
        ];
        foreach (var address in inner)
        {
            foreach (var port in new[] { 80, 11_022 }) Assert.False(await CanConnectAsync(scene.Outside, address, port), $"{address} port {port} answers from outside");
        }

        // The same addresses answer inside, so that the test could fail.
        Assert.True(await CanConnectAsync(scene.Gateway.Host, "10.18.0.1", 11_022));
        Assert.True(await CanConnectAsync(scene.Gateway.Host, local.Namespace.Ipv4!, 80));
        Assert.True(await CanConnectAsync(local.Host, "10.18.0.1", 11_022));
        Assert.True(await CanConnectAsync(scene.Instances[0].Host, "10.18.0.1", 11_022));
    }

    [Fact]
    public async Task Draining_RefusesNewFlows_KeepsOpenOnes_AndReportsThem()
    {
        await using var scene = await GatewayScene.CreateAsync();
        await scene.ExposeAsync("tcp", Protocol.Tcp, 8080, v6: false, keeps: false);
        await scene.ServesAsync(Public4, 8080);
        using var open = await LabConnection.OpenAsync(scene.Outside, Public4, 8080);

        await scene.SetPhaseAsync("tcp", ExposurePhase.Draining);
        await LabClient.EventuallyAsync(async () => !await CanConnectAsync(scene.Outside, Public4, 8080), "new flows are refused");
        await open.EchoAsync(1_000);
        await LabClient.EventuallyAsync(() => scene.Exposure("tcp").Status!.Flows == 1, "the open flow is counted");

        open.Dispose();
        await LabClient.EventuallyAsync(() => scene.Exposure("tcp").Status!.Flows == 0, "its end is reported");
    }

    [Fact]
    public async Task Withdrawn_EndsWhatIsStillOpen()
    {
        await using var scene = await GatewayScene.CreateAsync();
        await scene.ExposeAsync("tcp", Protocol.Tcp, 8080, v6: false, keeps: false);
        await scene.ServesAsync(Public4, 8080);
        using var open = await LabConnection.OpenAsync(scene.Outside, Public4, 8080);
        Assert.NotEmpty(scene.Gateway.Role.Flows.To(System.Net.IPAddress.Parse(Public4), 6, 8080));

        await scene.Lab.Cluster.Objects.DeleteAsync<Exposure>("tcp", null, TestContext.Current.CancellationToken);

        await LabClient.EventuallyAsync(() => scene.Gateway.Role.Flows.To(System.Net.IPAddress.Parse(Public4), 6, 8080).Count == 0, "its flows are ended");
    }

    [Fact]
    public async Task MovedAwayWhileTheAgentWasDown_IsServedNoMoreAfterItsReturn()
    {
        await using var scene = await GatewayScene.CreateAsync();
        await scene.ExposeAsync("tcp", Protocol.Tcp, 8080, v6: false, keeps: false);
        await scene.ExposeAsync("stays", Protocol.Tcp, 8081, v6: false, keeps: false);
        await scene.ServesAsync(Public4, 8080);
        await scene.ServesAsync(Public4, 8081);
        using var open = await LabConnection.OpenAsync(scene.Outside, Public4, 8080);
        await scene.Gateway.StopAsync();
        Assert.True(await CanConnectAsync(scene.Outside, Public4, 8080));

        var moved = scene.Exposure("tcp");
        await scene.Lab.Cluster.Objects.UpdateStatusAsync(moved with { Status = moved.Status! with { Worker = "w2" } }, TestContext.Current.CancellationToken);
        await scene.Gateway.StartAsync();

        await LabClient.EventuallyAsync(async () => !await CanConnectAsync(scene.Outside, Public4, 8080), "it is served no more");
        await LabClient.EventuallyAsync(() => scene.Gateway.Role.Flows.To(System.Net.IPAddress.Parse(Public4), 6, 8080).Count == 0, "its flows are ended");
        await scene.ServesAsync(Public4, 8081);
    }

    [Fact]
    public async Task PeersAndInterests_ThatWentWhileTheAgentWasDown_AreHeldNoMoreAfterItsReturn()
    {
        await using var scene = await GatewayScene.CreateAsync();
        await scene.ExposeAsync("tcp", Protocol.Tcp, 8080, v6: false, keeps: false);
        await scene.ServesAsync(Public4, 8080);
        var peer = Assert.Single(scene.Gateway.Role.Peers.Peers).Key;
        var interest = scene.Lab.Cluster.Objects.All<Interest>().First(i => i.Spec.Holder == "w1");
        await scene.Gateway.StopAsync();

        await scene.Lab.Cluster.Objects.DeleteAsync<Peer>(peer, null, TestContext.Current.CancellationToken);
        await scene.Lab.Cluster.Objects.DeleteAsync<Interest>(interest.Metadata.Name, null, TestContext.Current.CancellationToken);
        await scene.Gateway.StartAsync();

        await LabClient.EventuallyAsync(() => scene.Gateway.Role.Peers.Peers.Count == 0, "the peer is gone");

        // The worker still needs it, so it asks again, and hears of later changes.
        await LabClient.EventuallyAsync(() => scene.Lab.Cluster.Objects.All<Interest>().Any(i => i.Metadata.Name == interest.Metadata.Name), "the interest is made anew");
    }

    [Theory]
    [InlineData(Protocol.Tcp, 22)]
    [InlineData(Protocol.Tcp, 11_022)]
    [InlineData(Protocol.Udp, 4_789)]
    public async Task PortsThatTheHostNeeds_AreNeverTranslated(Protocol protocol, int port)
    {
        await using var scene = await GatewayScene.CreateAsync();
        await scene.ExposeAsync("bad", protocol, port, v6: false, keeps: false);
        await scene.ExposeAsync("good", Protocol.Tcp, 8080, v6: false, keeps: false);
        await scene.ServesAsync(Public4, 8080);

        if (protocol == Protocol.Tcp) Assert.False(await CanConnectAsync(scene.Outside, Public4, port));
        Assert.DoesNotContain($"{port}", await scene.Gateway.Host.RunAsync("nft", "list", "map", "ip", "gatehouse", "expose"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task MappedPort_LeadsToTheInstance_AndCatchesNothingElse()
    {
        await using var scene = await GatewayScene.CreateAsync();
        await scene.Lab.Cluster.AddInstanceAsync("shop", 7, "w1");
        var host = await scene.Lab.Network.AddHostAsync("mapped");
        await using var inside = LabServer.Start(host, "mapped", 80);
        await scene.Gateway.Role.Instances.AttachAsync(new("shop", 7, 0, host.Namespace, "443:80/tcp;53:80/udp"), null, TestContext.Current.CancellationToken);
        await using var world = LabServer.Start(scene.Outside, "world", 443);

        // From outside, with the caller's own address; from another instance; from itself; from the host.
        Assert.Equal(("mapped", Outside4), await LabClient.AskAsync(scene.Outside, Public4, 443));
        Assert.Equal(("mapped", Outside6), await LabClient.AskAsync(scene.Outside, Public6, 443));
        Assert.Equal("mapped", (await LabClient.AskUdpAsync(scene.Outside, Public4, 53, 10)).Server);
        Assert.Equal("mapped", (await LabClient.AskAsync(scene.Client.Host, Public4, 443)).Server);
        Assert.Equal("mapped", (await LabClient.AskAsync(host, Public4, 443)).Server);
        Assert.Equal("mapped", (await LabClient.AskAsync(scene.Gateway.Host, Public4, 443)).Server);

        // Port 443 of the world stays the world's, from instances and from the host; instances leave with the host's address.
        Assert.Equal(("world", Public4), await LabClient.AskAsync(scene.Client.Host, Outside4, 443));
        Assert.Equal("world", (await LabClient.AskAsync(scene.Gateway.Host, Outside4, 443)).Server);
    }

    private static async Task SendAsync(NetworkHost from, string address, int port, int size)
    {
        using var socket = LabClient.Udp(from, v6: address.Contains(':', StringComparison.Ordinal));
        await socket.SendToAsync(new byte[size], SocketFlags.None, new System.Net.IPEndPoint(System.Net.IPAddress.Parse(address), port), TestContext.Current.CancellationToken);
    }

    private static async Task<bool> CanConnectAsync(NetworkHost from, string address, int port)
    {
        using var ns = Gatehouse.Linux.NetworkNamespace.Open(from.Namespace);
        var target = System.Net.IPAddress.Parse(address);
        using var socket = ns.Run(() => new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(400));
        try
        {
            await socket.ConnectAsync(new System.Net.IPEndPoint(target, port), patience.Token);
            return true;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>A gateway with public addresses and a client instance, a private worker with two instances, an outside host.</summary>
    private sealed class GatewayScene : IAsyncDisposable
    {
        private readonly List<LabServer> _servers = [];

        private GatewayScene(OverlayLab lab) => Lab = lab;

        public OverlayLab Lab { get; }

        public LabWorker Gateway { get; private set; } = null!;

        public NetworkHost Outside { get; private set; } = null!;

        public LabInstance Client { get; private set; } = null!;

        public ServiceAddress Service { get; private set; } = null!;

        public List<LabInstance> Instances { get; } = [];

        public static async Task<GatewayScene> CreateAsync()
        {
            var scene = new GatewayScene(await OverlayLab.CreateAsync());
            try
            {
                await scene.BuildAsync();
                return scene;
            }
            catch
            {
                await scene.DisposeAsync();
                throw;
            }
        }

        public Exposure Exposure(string name) => Lab.Cluster.Objects.All<Exposure>().First(e => e.Metadata.Name == name);

        /// <summary>Completes with the first state of an exposure, from now on, that is as wanted: in the write itself, not a poll later.</summary>
        public async Task<Exposure> StoredAsync(string name, Func<Exposure, bool> wanted)
        {
            var seen = new TaskCompletionSource<Exposure>(TaskCreationOptions.RunContinuationsAsynchronously);
            var former = Lab.Cluster.Objects.Stored;
            Lab.Cluster.Objects.Stored = o =>
            {
                former(o);
                if (o is Exposure e && e.Metadata.Name == name && wanted(e)) seen.TrySetResult(e);
            };
            try
            {
                return await seen.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
            }
            finally
            {
                Lab.Cluster.Objects.Stored = former;
            }
        }

        public async Task<ProgrammedExposure?> SaidAsync(string name, Func<ProgrammedExposure?, bool> wanted) => (await StoredAsync(name, e => wanted(e.Status!.Programmed))).Status!.Programmed;

        public Task ExposeAsync(string name, Protocol protocol, int port, bool v6, bool keeps, ExposurePhase phase = ExposurePhase.Active, ServiceAddress? service = null) => Lab.Cluster.Objects.CreateAsync(
            new Exposure
            {
                ApiVersion = Gatehouse.Objects.Kinds.Exposure.Info.ApiVersion,
                Kind = "Exposure",
                Metadata = new() { Name = name, Generation = 1 },
                Spec = new()
                {
                    Gateway = "g",
                    Protocol = protocol,
                    Port = port,
                    ServiceAddress = v6 ? (service ?? Service).Ipv6! : (service ?? Service).Ipv4!,
                    ServicePort = 80,
                    KeepClientAddress = keeps,
                },
                Status = new() { Phase = phase, Worker = "w1", PublicAddresses = [Public4, Public6], Id = port },
            },
            default);

        public Task SetPhaseAsync(string name, ExposurePhase phase)
        {
            var old = Exposure(name);
            return Lab.Cluster.Objects.UpdateStatusAsync(old with { Status = old.Status! with { Phase = phase } }, default);
        }

        public Task ServesAsync(string address, int port) =>
            LabClient.EventuallyAsync(() => CanConnectAsync(Outside, address, port), $"{address} port {port} is served");

        public async ValueTask DisposeAsync()
        {
            foreach (var server in _servers) await server.DisposeAsync();
            await Lab.DisposeAsync();
        }

        private async Task BuildAsync()
        {
            System.Net.IPAddress[] addresses = [System.Net.IPAddress.Parse(Public4), System.Net.IPAddress.Parse(Public6)];
            Gateway = await Lab.AddWorkerAsync("w1", o => o with { Gateway = true, PublicAddresses = addresses });
            var worker = await Lab.AddWorkerAsync("w2");
            Outside = await Lab.Network.AddHostAsync("outside");
            var link = await Lab.Network.ConnectAsync(Gateway.Host, $"{Public4}/24", Outside, $"{Outside4}/24");
            await Gateway.Host.RunAsync("ip", "address", "add", $"{Public6}/64", "dev", link);
            await Outside.RunAsync("ip", "address", "add", $"{Outside6}/64", "dev", link);
            Service = await Lab.Cluster.AddServiceAsync("web");
            await Lab.Cluster.AddServiceAsync("shop");
            Client = await Lab.AddInstanceAsync(Gateway, "shop", 0);
            for (var i = 0; i < 2; i++)
            {
                Instances.Add(await Lab.AddInstanceAsync(worker, "web", i));
                _servers.Add(LabServer.Start(Instances[i].Host, $"web.{i}", 80));
            }
        }
    }
}
