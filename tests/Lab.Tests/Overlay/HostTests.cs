using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Gatehouse.Linux;
using Gatehouse.Node;
using Gatehouse.Node.Doctor;
using Gatehouse.Objects.Kinds;

namespace Lab.Tests.Overlay;

/// <summary>The node and its host: repair, tear-down, doctor, trace, local API.</summary>
public sealed class HostTests
{
    [Fact]
    public async Task WhatSomebodyTakesAway_IsPutBack()
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1, o => o with { Limits = o.Limits with { Repair = TimeSpan.FromMilliseconds(500) } });
        await LabClient.AskAsync(lab.Client.Host, lab.Target(false), 80);
        string[][] harms =
        [
            ["ip", "route", "del", "10.18.0.64/26"],
            ["ip", "route", "flush", "dev", "gho-vx"],
            ["ip", "-6", "route", "flush", "dev", "gho-vx"],
            ["ip", "neigh", "flush", "dev", "gho-vx", "nud", "permanent"],
            ["bridge", "fdb", "del", "02:67:68:00:00:01", "dev", "gho-vx", "dst", "192.168.77.2"],
            ["ip", "route", "del", "10.30.0.0/16"],
            ["ip", "address", "flush", "dev", "gho-br"],
            ["ip", "link", "del", "gho-vx"],
            ["ip", "link", "del", "gho-br"],
            ["nft", "delete table ip gatehouse"],
            ["nft", "flush ruleset"],
        ];
        foreach (var harm in harms)
        {
            await lab.Worker1.Host.RunAsync(harm[0], harm[1..]);
            foreach (var v6 in new[] { false, true })
                await LabClient.EventuallyAsync(() => AnswersAsync(lab, v6), $"service works again after {string.Join(' ', harm)} (IPv6: {v6})");
        }
    }

    [Fact]
    public async Task UnderlayThatShrinks_IsFollowedEverywhere()
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1);
        await LabClient.AskAsync(lab.Client.Host, lab.Target(false), 80);
        foreach (var (worker, device) in new[] { (lab.Worker1, "eth0"), (lab.Worker2, "eth1") }) await worker.Host.RunAsync("ip", "link", "set", device, "mtu", "1400");

        await LabClient.EventuallyAsync(
            async () => (await lab.Client.Host.RunAsync("ip", "link", "show", "eth0")).Contains("mtu 1350", StringComparison.Ordinal)
                && (await lab.Server.Host.RunAsync("ip", "link", "show", "eth0")).Contains("mtu 1350", StringComparison.Ordinal), "instances have the smaller MTU");
        using var connection = await LabConnection.OpenAsync(lab.Client.Host, lab.Target(false), 80);
        await connection.EchoAsync(200_000);
        Assert.Equal(3_000, (await LabClient.AskUdpAsync(lab.Client.Host, lab.Target(false), 80, 3_000)).Bytes);
    }

    [Fact]
    public async Task TearDown_LeavesNothingBehind()
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1, o => o with { RunsProcesses = true });
        await lab.Lab.Cluster.AddInstanceAsync("web", 9, "w1", process: new(["sleep", "1000"]));
        await LabClient.EventuallyAsync(() => lab.Lab.Cluster.Instance("web.9").Status is { Phase: InstancePhase.Running }, "it runs");
        await LabClient.AskAsync(lab.Client.Host, lab.Target(false), 80);
        var owned = lab.Worker1.Role.Instances.Attached["web.9"];
        await lab.Worker1.StopAsync();
        Assert.Contains("gho-vx", await lab.Worker1.Host.RunAsync("ip", "link"), StringComparison.Ordinal);

        await NodeRole.TearDownAsync(lab.Worker1.Options);

        Assert.DoesNotContain("gho-", await lab.Worker1.Host.RunAsync("ip", "link"), StringComparison.Ordinal);
        Assert.Equal("", await lab.Worker1.Host.RunAsync("nft", "list", "ruleset"));
        Assert.DoesNotContain("10.", await lab.Worker1.Host.RunAsync("ip", "route"), StringComparison.Ordinal);
        Assert.DoesNotContain("fwmark", await lab.Worker1.Host.RunAsync("ip", "rule"), StringComparison.Ordinal);
        Assert.Equal("0", Sysctl.Get("net.ipv4.ip_forward", lab.Worker1.Options.Namespace));
        Assert.False(NetworkNamespace.Exists(owned.NamespaceName!));
        Assert.False(Directory.Exists($"/proc/{owned.Pid}"));
        await NodeRole.TearDownAsync(lab.Worker1.Options);
        await lab.Worker1.StartAsync();
        await LabClient.EventuallyAsync(() => lab.Worker1.Role.Peers.Peers.Count == 1, "it comes back");
    }

    [Fact]
    public async Task Doctor_FindsWhatBreaksTheOverlay()
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1);
        await LabClient.AskAsync(lab.Client.Host, lab.Target(false), 80);
        var healthy = lab.Worker1.Role.Examine();
        Assert.DoesNotContain(healthy, f => f.Severity == Severity.Broken);

        var ns = lab.Worker1.Options.Namespace;
        await lab.Worker1.Host.RunAsync("nft", "add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }");
        Sysctl.Set("net.ipv4.conf.all.rp_filter", "1", ns);
        Sysctl.Set("net.netfilter.nf_conntrack_tcp_loose", "0", ns);
        Sysctl.Set("net.ipv4.ip_forward", "0", ns);
        var sick = lab.Worker1.Role.Examine();

        foreach (var name in new[] { "forward policy", "net.ipv4.conf.all.rp_filter", "nf_conntrack_tcp_loose", "net.ipv4.ip_forward" })
        {
            var finding = Assert.Single(sick, f => f.Name == name);
            Assert.NotEqual(Severity.Good, finding.Severity);
            Assert.False(string.IsNullOrEmpty(finding.Breaks) || string.IsNullOrEmpty(finding.Cure));
        }

        // The cure that it names for the policy works as it stands.
        Sysctl.Set("net.ipv4.ip_forward", "1", ns);
        Assert.False(await AnswersAsync(lab, false));
        foreach (var command in Assert.Single(sick, f => f.Name == "forward policy").Cure!.Split(": ")[1].Split("; "))
            await lab.Worker1.Host.RunAsync("nft", command["nft ".Length..]);
        await LabClient.EventuallyAsync(() => AnswersAsync(lab, false), "the cure works");
    }

    [Fact]
    public async Task Trace_SaysWhatHappensToAPacket()
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 2);
        var client = IPAddress.Parse(lab.Client.Namespace.Ipv4!);
        var before = lab.Worker1.Role.Trace(client, IPAddress.Parse(lab.Target(false)), 80);
        using var open = await LabConnection.OpenAsync(lab.Client.Host, lab.Target(false), 80);
        var after = lab.Worker1.Role.Trace(client, IPAddress.Parse(lab.Target(false)), 80);
        var direct = lab.Worker1.Role.Trace(client, IPAddress.Parse(lab.Server.Address.Ipv4!), 0);
        var world = lab.Worker1.Role.Trace(client, IPAddress.Parse("203.0.113.9"), 0);

        Assert.Equal(("slow path", "translated", "translated", "routed"), (before.Verdict, after.Verdict, direct.Verdict, world.Verdict));
        Assert.Equal(["web.0", "web.1"], after.Instances.Select(i => i.Name).Order(StringComparer.Ordinal));
        Assert.All(after.Instances, i => Assert.Contains("tunnel to 192.168.77.2, worker c1.w2", i.Way, StringComparison.Ordinal));
        Assert.Contains(after.Steps, s => s.Rule == "map inst" && s.Happens.Contains(lab.Client.Address.Ipv4!, StringComparison.Ordinal));
        Assert.Contains(lab.Instances.First(i => i.Name == open.Server).Namespace.Ipv4!, Assert.Single(after.Flows), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Trace_SaysThatNobodyOutsideReachesAnInnerAddress()
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1);
        await LabClient.AskAsync(lab.Client.Host, lab.Target(false), 80);
        foreach (var target in new[] { lab.Target(false), lab.Server.Namespace.Ipv4!, lab.Target(true) })
        {
            var outside = IPAddress.Parse(target.Contains(':', StringComparison.Ordinal) ? "2001:db8::9" : "203.0.113.9");
            var report = lab.Worker1.Role.Trace(outside, IPAddress.Parse(target), 80);
            Assert.Equal("dropped", report.Verdict);
            Assert.Contains(report.Steps, s => s.Rule == "chain guard" && s.Why.Contains("nobody outside", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData(false, 100)]
    [InlineData(false, 3_000)]
    [InlineData(true, 100)]
    [InlineData(true, 3_000)]
    public async Task TheHostsOwnFirstDatagram_IsTakenFromTheProgramAndAnswered(bool v6, int size)
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1);
        // A send that the kernel refuses would throw here.
        var answer = await LabClient.AskUdpAsync(lab.Worker1.Host, lab.Target(v6), 80, size);
        Assert.Equal(("web.0", size), (answer.Server, answer.Bytes));
        var again = await LabClient.AskUdpAsync(lab.Worker1.Host, lab.Target(v6), 80, size);
        Assert.Equal(("web.0", size), (again.Server, again.Bytes));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AddressOfAnInstanceThatIsNotThere_IsRefusedAtOnce_UntilItIs(bool v6)
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1);
        var absent = await lab.Lab.Cluster.AddInstanceAsync("web", 5, null);
        var target = v6 ? absent.Status!.Instance!.Ipv6! : absent.Status!.Instance!.Ipv4!;
        foreach (var host in new[] { lab.Client.Host, lab.Worker1.Host })
        {
            var refused = await Assert.ThrowsAsync<SocketException>(() => LabConnection.OpenAsync(host, target, 80, longest: TimeSpan.FromSeconds(4)));
            Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
        }

        await lab.Lab.Cluster.ChangeAsync("web.5", s => s with { Worker = "w2" });
        await lab.AddAsync(5);
        await LabClient.EventuallyAsync(() => AnswersAsync(lab, target, "web.5"), "the instance's address answers");
    }

    [Fact]
    public async Task LocalApi_RegistersAttachesAndDetaches_AsTheNodeEngineAsks()
    {
        var socket = Path.Combine(Path.GetTempPath(), $"gatehouse-{Environment.ProcessId}-{Guid.NewGuid():n}.sock");
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1, o => o.Name == "w1" ? o with { SocketPath = socket } : o);
        using var http = Client(socket);
        var container = await lab.Lab.Network.AddHostAsync("container");
        var process = container.Start("sleep", "1000");
        var pid = await PidInAsync(container);

        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync(http, "/container/deploy", $$"""{"pid":{{pid}},"serviceName":"a.b.c.d","instanceNumber":0}""")).Status);
        Assert.Equal(HttpStatusCode.OK, (await PostAsync(http, "/register", """{"client_id":"n1","cluster_address":"192.0.2.1"}""")).Status);
        Assert.Equal(HttpStatusCode.OK, (await PostAsync(http, "/register", """{"client_id":"n1"}""")).Status);
        var (status, error) = await PostAsync(http, "/register", """{"client_id":"n2"}""");
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains("'n1'", error.GetProperty("error").GetString(), StringComparison.Ordinal);

        var onHost = lab.Worker1.Host.Start("sleep", "1000");
        var (refused, why) = await PostAsync(http, "/container/deploy", $$"""{"pid":{{await PidInAsync(lab.Worker1.Host)}},"serviceName":"a.b.c.d","instanceNumber":0}""");
        Assert.Equal(HttpStatusCode.Conflict, refused);
        Assert.Contains("the host's own network namespace", why.GetProperty("error").GetString(), StringComparison.Ordinal);
        onHost.Kill();

        var (deployed, answer) = await PostAsync(http, "/container/deploy", $$"""{"pid":{{pid}},"serviceName":"App.Ns.Svc.Sns","instanceNumber":3,"portMappings":"8081:80/tcp"}""");
        Assert.Equal(HttpStatusCode.OK, deployed);
        Assert.Equal(("App.Ns.Svc.Sns", "10.18.0.3", "fc00::3"), (
            answer.GetProperty("serviceName").GetString(), answer.GetProperty("nsAddress").GetString(), answer.GetProperty("nsAddressv6").GetString()));
        await LabClient.EventuallyAsync(
            () => lab.Lab.Cluster.Objects.All<FabricInstance>().Any(i => i.Metadata.Name == "app.ns.svc.sns.3" && i.Spec.Worker == "w1"
                && i.Status is { Phase: InstancePhase.Running, NamespaceAddress.Ipv4: "10.18.0.3" }), "the cluster knows it");
        Assert.Equal("web.0", (await LabClient.AskAsync(container, lab.Target(false), 80)).Server);

        Assert.Equal(HttpStatusCode.OK, (await PostAsync(http, "/container/undeploy", """{"serviceName":"App.Ns.Svc.Sns","instanceNumber":3}""")).Status);
        Assert.Equal(HttpStatusCode.OK, (await PostAsync(http, "/docker/undeploy", """{"serviceName":"App.Ns.Svc.Sns","instanceNumber":3}""")).Status);
        Assert.Equal(HttpStatusCode.OK, (await PostAsync(http, "/unikernel/undeploy", """{"serviceName":"App.Ns.Svc.Sns","instanceNumber":3}""")).Status);
        Assert.DoesNotContain("10.18.0.3", await container.RunAsync("ip", "address"), StringComparison.Ordinal);
        Assert.Equal(InstancePhase.Dead, lab.Lab.Cluster.Instance("app.ns.svc.sns.3").Status!.Phase);
        process.Kill();
    }

    /// <summary>As <c>gatehouse attach</c> asks: no node engine ever registered.</summary>
    [Fact]
    public async Task LocalApi_AttachesWithoutAnEngine_OneInstanceForANamespace_AndDetachLeavesNothing()
    {
        var socket = Path.Combine(Path.GetTempPath(), $"gatehouse-{Environment.ProcessId}-{Guid.NewGuid():n}.sock");
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1, o => o.Name == "w1" ? o with { SocketPath = socket } : o);
        using var http = Client(socket);
        var container = await lab.Lab.Network.AddHostAsync("container");
        var process = container.Start("sleep", "1000");
        var pid = await PidInAsync(container);

        var (attached, answer) = await PostAsync(http, "/instances", $$"""{"pid":{{pid}},"service":"Web","number":5}""");
        Assert.Equal(HttpStatusCode.OK, attached);
        var own = lab.Lab.Cluster.Instance("web.5").Status!.Instance!;
        Assert.Equal(("web.5", "10.18.0.3", own.Ipv4, own.Ipv6), (
            answer.GetProperty("name").GetString(), answer.GetProperty("ipv4").GetString(), answer.GetProperty("address4").GetString(), answer.GetProperty("address6").GetString()));
        Assert.False(answer.TryGetProperty("message", out _));
        Assert.Equal("web.0", (await LabClient.AskAsync(container, lab.Target(false), 80)).Server);

        // The namespace is taken, under whichever name and by whichever of its processes.
        foreach (var body in new[] { $$"""{"pid":{{pid}},"service":"shop","number":6}""", $$"""{"namespace":"{{container.Namespace}}","service":"shop","number":6}""" })
        {
            var (refused, why) = await PostAsync(http, "/instances", body);
            Assert.Equal(HttpStatusCode.Conflict, refused);
            Assert.Contains("is in the network namespace of web.5, which is attached", why.GetProperty("error").GetString(), StringComparison.Ordinal);
        }

        // With the cluster away it leaves this worker at once, and the cluster's object as soon as that can be told; also over a restart.
        lab.Lab.Cluster.Objects.SetAway(true);
        Assert.Equal(HttpStatusCode.OK, (await http.DeleteAsync("/instances/web.5", TestContext.Current.CancellationToken)).StatusCode);
        Assert.DoesNotContain("10.18.0.3", await container.RunAsync("ip", "address"), StringComparison.Ordinal);
        Assert.DoesNotContain("web.5", lab.Worker1.Role.Instances.Attached.Keys);
        await lab.Worker1.StopAsync();
        await lab.Worker1.StartAsync();
        lab.Lab.Cluster.Objects.SetAway(false);
        await LabClient.EventuallyAsync(() => lab.Lab.Cluster.Instance("web.5") is { Spec.Undeploy: true, Status.Phase: InstancePhase.Dead }, "the cluster is asked to take it out");
        var (leaving, patience) = await PostAsync(http, "/instances", $$"""{"pid":{{pid}},"service":"web","number":5}""");
        Assert.Equal(HttpStatusCode.Conflict, leaving);
        Assert.Contains("still being undeployed", patience.GetProperty("error").GetString(), StringComparison.Ordinal);
        process.Kill();
    }

    [Theory]
    [InlineData("/register", "{", "JSON object")]
    [InlineData("/register", "[1]", "JSON object")]
    [InlineData("/register", "null", "null")]
    [InlineData("/register", "{}", "client_id: is required")]
    [InlineData("/container/deploy", """{"pid":1,"serviceName":"\ud800","instanceNumber":0}""", "the body is no valid JSON")]
    [InlineData("/container/deploy", """{"pid":"x"}""", "pid: a whole number")]
    [InlineData("/container/deploy", """{"pid":0,"serviceName":"","instanceNumber":-1}""", "serviceName: is required; instanceNumber: '-1' is not valid: must be between 0 and 999999; pid: '0' is not valid")]
    [InlineData("/container/deploy", """{"pid":99999999,"serviceName":"a.b.c.d","instanceNumber":0}""", "there is no process 99999999")]
    [InlineData("/container/deploy", """{"pid":1,"serviceName":"a..b","instanceNumber":0}""", "RFC 1123")]
    [InlineData("/container/deploy", """{"pid":1,"serviceName":"a.b.c.d","instanceNumber":0,"portMappings":"80;22:22/tcp;0:1;9:9/icmp"}""", "'80', '0:1', '9:9/icmp'")]
    [InlineData("/container/deploy", """{"pid":1,"serviceName":"a.b.c.d","instanceNumber":0,"portMappings":"22:22/tcp;4789:1/udp;7:7;7:8"}""", "the host needs port 22 itself")]
    [InlineData("/container/undeploy", """{"serviceName":7}""", "serviceName: a text")]
    [InlineData("/unikernel/deploy", """{"pid":"x"}""", "pid: a whole number")]
    [InlineData("/unikernel/deploy", """{"pid":1,"serviceName":"","instanceNumber":-1}""", "serviceName: is required; instanceNumber: '-1' is not valid")]
    [InlineData("/unikernel/deploy", """{"pid":1,"serviceName":"a.b.c.d","instanceNumber":0}""", "unikernels are not attached by this node", 501)]
    [InlineData("/unikernel/undeploy", """{"instanceNumber":1}""", "serviceName: is required")]
    [InlineData("/instances", """{"service":"a","number":0}""", "pid: is required, or namespace")]
    [InlineData("/instances", """{"service":"a","number":0,"namespace":"no-such"}""", "there is no network namespace 'no-such'")]
    [InlineData("/nothing", "{}", "nothing that this API has")]
    public async Task LocalApi_SaysWhatIsWrong_AndDoesNothing(string path, string body, string expected, int? code = null)
    {
        var (http, lab) = await Scene.Value;
        if (path.EndsWith("deploy", StringComparison.Ordinal)) await PostAsync(http, "/register", """{"client_id":"n1"}""");

        var (status, answer) = await PostAsync(http, path, body);

        Assert.InRange((int)status, code ?? 400, code ?? 499);
        Assert.Contains(expected, answer.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal(["shop.0"], lab.Worker1.Role.Instances.Attached.Keys);
    }

    private static readonly Lazy<Task<(HttpClient Http, ServicePair Lab)>> Scene = new(async () =>
    {
        var socket = Path.Combine(Path.GetTempPath(), $"gatehouse-{Environment.ProcessId}-{Guid.NewGuid():n}.sock");
        var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 0, o => o.Name == "w1" ? o with { SocketPath = socket } : o);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => lab.DisposeAsync().AsTask().Wait(TimeSpan.FromSeconds(10));
        return (Client(socket), lab);
    });

    private static HttpClient Client(string path) => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancellation) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        },
    })
    { BaseAddress = new("http://localhost") };

    private static async Task<(HttpStatusCode Status, JsonElement Answer)> PostAsync(HttpClient http, string path, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await http.PostAsync(path, content, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return (response.StatusCode, text.Length == 0 ? default : JsonSerializer.Deserialize<JsonElement>(text));
    }

    private static async Task<int> PidInAsync(Gatehouse.TestKit.Network.NetworkHost host)
    {
        var pid = 0;
        await LabClient.EventuallyAsync(async () => int.TryParse((await Gatehouse.TestKit.ShellCommand.RequireAsync("ip", ["netns", "pids", host.Namespace])).Split('\n')[0], out pid), "the process is in its namespace");
        return pid;
    }

    private static Task<bool> AnswersAsync(ServicePair lab, bool v6) => AnswersAsync(lab, lab.Target(v6), "web.0");

    private static async Task<bool> AnswersAsync(ServicePair lab, string target, string server)
    {
        try
        {
            return (await LabClient.AskAsync(lab.Client.Host, target, 80, patience: TimeSpan.FromSeconds(1))).Server == server;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return false;
        }
    }
}
