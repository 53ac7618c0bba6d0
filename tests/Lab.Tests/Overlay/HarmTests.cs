using System.Net.Sockets;
using Gatehouse.Linux;
using Gatehouse.Linux.Processes;
using Gatehouse.Node;
using Gatehouse.Node.Doctor;
using Gatehouse.Objects.Kinds;

namespace Lab.Tests.Overlay;

/// <summary>What others do to a worker's host and to its files, and that it goes on or comes back by itself.</summary>
public sealed class HarmTests
{
    private static readonly TimeSpan Never = TimeSpan.FromHours(1);

    /// <summary>Below 1,280 bytes the kernel takes IPv6 off a device. That is one family's loss, for as long as it lasts.</summary>
    [Theory]
    [InlineData("w1", "eth0", 1_300, 1_250)]
    [InlineData("w2", "eth1", 1_300, 1_250)]
    [InlineData("w1", "eth0", 600, 576)]
    public async Task UnderlayTooSmallForIpv6_LeavesIpv4_SaysSo_AndComesBack(string name, string device, int mtu, int inner)
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1, o => o with { Limits = o.Limits with { Repair = Never } });
        var worker = name == "w1" ? lab.Worker1 : lab.Worker2;
        var inside = name == "w1" ? lab.Client.Host : lab.Server.Host;
        foreach (var v6 in new[] { false, true }) await LabClient.EventuallyAsync(() => AnswersAsync(lab, v6), $"it answers (IPv6: {v6})");

        await worker.Host.RunAsync("ip", "link", "set", device, "mtu", $"{mtu}");
        await LabClient.EventuallyAsync(async () => (await inside.RunAsync("ip", "link", "show", "eth0")).Contains($"mtu {inner} ", StringComparison.Ordinal), "the instance has the smaller MTU");
        await LabClient.EventuallyAsync(() => AnswersAsync(lab, v6: false), "IPv4 goes on");
        Assert.False(await AnswersAsync(lab, v6: true));
        var finding = Assert.Single(worker.Role.Examine(), f => f.Name == "mtu");
        Assert.Equal(Severity.Broken, finding.Severity);
        Assert.Contains($"{mtu} on the underlay", finding.Seen, StringComparison.Ordinal);
        Assert.Contains("1330", finding.Cure, StringComparison.Ordinal);
        Assert.Contains("fdff::/16", await worker.Host.RunAsync("ip", "-6", "route", "show", "type", "unreachable"), StringComparison.Ordinal);

        // What is taken away meanwhile is put back, and a restart is one.
        await worker.Host.RunAsync("ip", "link", "del", "gho-vx");
        await worker.Host.RunAsync("nft", "flush ruleset");
        await worker.Host.RunAsync("ip", "route", "flush", "proto", "118");
        await LabClient.EventuallyAsync(() => AnswersAsync(lab, v6: false), "IPv4 is mended");
        await worker.StopAsync();
        await worker.StartAsync();
        await LabClient.EventuallyAsync(() => AnswersAsync(lab, v6: false), "IPv4 works after a restart");

        await worker.Host.RunAsync("ip", "link", "set", device, "mtu", "1500");
        foreach (var v6 in new[] { true, false }) await LabClient.EventuallyAsync(() => AnswersAsync(lab, v6), $"it answers again (IPv6: {v6})");
        Assert.Equal(Severity.Good, Assert.Single(worker.Role.Examine(), f => f.Name == "mtu").Severity);
        Assert.DoesNotContain("fdff::/16", await worker.Host.RunAsync("ip", "-6", "route", "show", "type", "unreachable"), StringComparison.Ordinal);
        foreach (var ours in new[] { "gho-br", "gho-vx", "gho-tun" })
            Assert.DoesNotContain("fe80:", await worker.Host.RunAsync("ip", "-6", "address", "show", "dev", ours), StringComparison.Ordinal);
        Assert.Equal(3_000, (await LabClient.AskUdpAsync(lab.Client.Host, lab.Target(true), 80, 3_000)).Bytes);
        await worker.StopAsync();
        await worker.StartAsync();
        await LabClient.EventuallyAsync(() => AnswersAsync(lab, v6: true), "IPv6 works after a restart");
    }

    [Fact]
    public async Task WorkerWithoutIpv6_IsInNobodysIpv6Slots_UntilItHasItAgain()
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1, o => o with { Limits = o.Limits with { Repair = Never } });
        var near = await lab.Lab.AddInstanceAsync(lab.Worker1, "web", 9);
        await using var server = LabServer.Start(near.Host, near.Name, 80);
        foreach (var v6 in new[] { false, true }) await LabClient.EventuallyAsync(() => AnswersAsync(lab, v6), $"it answers (IPv6: {v6})");
        await lab.KnowsAsync(2);

        await lab.Worker2.Host.RunAsync("ip", "link", "set", "eth1", "mtu", "1300");
        await LabClient.EventuallyAsync(() => lab.Lab.Cluster.Instance("web.0").Status!.NamespaceAddress is { Ipv4: not null, Ipv6: null }, "the worker says that it has no IPv6");
        await LabClient.EventuallyAsync(() => lab.Worker1.Role.Services.All.First(s => s.Name == "web").Targets.Count(t => t.Namespace6 is not null) == 1, "the caller's worker knows");
        Assert.Equal(["web.9"], (await LabClient.CountAsync(lab.Client.Host, lab.Target(true), 80, 8)).Keys);
        Assert.Equal(2, (await LabClient.CountAsync(lab.Client.Host, lab.Target(false), 80, 8)).Count);

        // A restart tells the same.
        await lab.Worker2.StopAsync();
        await lab.Worker2.StartAsync();
        Assert.Equal(["web.9"], (await LabClient.CountAsync(lab.Client.Host, lab.Target(true), 80, 4)).Keys);

        await lab.Worker2.Host.RunAsync("ip", "link", "set", "eth1", "mtu", "1500");
        await LabClient.EventuallyAsync(() => lab.Lab.Cluster.Instance("web.0").Status!.NamespaceAddress == lab.Server.Namespace, "the worker says that it has IPv6 again");
        await LabClient.EventuallyAsync(() => lab.Worker1.Role.Services.All.First(s => s.Name == "web").Targets.All(t => t.Namespace6 is not null), "the caller's worker knows");
        Assert.Equal(2, (await LabClient.CountAsync(lab.Client.Host, lab.Target(true), 80, 8)).Count);
    }

    [Fact]
    public async Task FactsThatSomebodyChangedAtTheCluster_ArePutBackByTheirWorker()
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1);
        Worker Stored() => lab.Lab.Cluster.Objects.All<Worker>().First(w => w.Metadata.Name == "w2");
        var facts = Stored().Spec;

        foreach (var wrong in new[] { facts with { Underlay = "192.168.77.99" }, facts with { TunnelPort = 4_790 }, facts with { PublicAddresses = ["198.51.100.7"], Gateway = true } })
        {
            await lab.Lab.Cluster.Objects.UpdateAsync(Stored() with { Spec = wrong }, TestContext.Current.CancellationToken);
            await LabClient.EventuallyAsync(
                () => Stored().Spec is var now && now.Underlay == facts.Underlay && now.TunnelPort == facts.TunnelPort && now.PublicAddresses.Count == 0 && !now.Gateway, "its worker puts them back", 5);
        }

        await LabClient.EventuallyAsync(() => AnswersAsync(lab, v6: false), "it answers");
    }

    /// <summary>Without the timer: only that the tables themselves are watched can bring them back.</summary>
    [Fact]
    public async Task TablesThatSomebodyFlushes_AreBackAtOnce()
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1, o => o with { Limits = o.Limits with { Repair = Never } });
        await LabClient.AskAsync(lab.Client.Host, lab.Target(false), 80);
        var whole = await TablesAsync(lab, handles: false);
        string[] harms =
        [
            "flush ruleset", "delete table ip gatehouse", "delete table ip6 gatehouse", "flush table ip6 gatehouse", "flush chain ip gatehouse guard",
            "insert rule ip gatehouse pre drop", "add chain ip gatehouse foreign",
        ];
        foreach (var harm in harms)
        {
            await lab.Worker1.Host.RunAsync("nft", harm);
            await LabClient.EventuallyAsync(async () => await TablesAsync(lab, handles: false) == whole, $"the tables are whole again after {harm}", seconds: 5);
            foreach (var v6 in new[] { false, true }) await LabClient.EventuallyAsync(() => AnswersAsync(lab, v6), $"it answers after {harm} (IPv6: {v6})");
        }
    }

    /// <summary>The kernel numbers each table, chain and rule when it is made: the numbers stay while nothing is made anew.</summary>
    [Fact]
    public async Task TablesThatAreWhole_AreNotLoadedAgain_WhateverIsComparedAndChanged()
    {
        await using var lab = await ServicePair.CreateAsync(
            BalancingPolicy.RoundRobin, 1, o => o with { Limits = o.Limits with { Repair = TimeSpan.FromMilliseconds(200), TableWatch = TimeSpan.FromMilliseconds(20) } });
        await LabClient.AskAsync(lab.Client.Host, lab.Target(false), 80);
        var before = await TablesAsync(lab, handles: true);
        for (var i = 0; i < 5; i++)
        {
            // Only the comparison puts this back; elements and somebody else's table change beside it.
            string[] entry = ["02:67:68:00:00:01", "dev", "gho-vx", "dst", "192.168.77.2"];
            await lab.Worker1.Host.RunAsync("bridge", ["fdb", "del", .. entry]);
            await lab.Worker1.Host.RunAsync("nft", $"add table ip other{i}");
            await lab.AddAsync(i + 1);
            await lab.KnowsAsync(i + 2);
            await LabClient.EventuallyAsync(
                async () => (await lab.Worker1.Host.RunAsync("bridge", "fdb", "show", "dev", "gho-vx")).Contains("02:67:68:00:00:01 dst", StringComparison.Ordinal), "it was compared");
        }

        var lines = (await TablesAsync(lab, handles: true)).Split('\n').ToHashSet(StringComparer.Ordinal);
        Assert.DoesNotContain(before.Split('\n'), line => !lines.Contains(line));
    }

    [Theory]
    [InlineData(40)]
    [InlineData(-1)]
    public async Task StateFileCutOrFlipped_LosesNothing(int cut)
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1);
        using var open = await LabConnection.OpenAsync(lab.Client.Host, lab.Target(false), 80);
        foreach (var worker in new[] { lab.Worker1, lab.Worker2 })
        {
            await worker.StopAsync();
            var file = Path.Combine(worker.Options.StateDirectory, "node.json");
            var bytes = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
            if (cut < 0) bytes[bytes.Length / 2] ^= 4;
            await File.WriteAllBytesAsync(file, cut < 0 ? bytes : bytes[..cut], TestContext.Current.CancellationToken);
            await worker.StartAsync();
            await open.EchoAsync(10_000);
        }

        await LabClient.EventuallyAsync(() => AnswersAsync(lab, v6: true), "it answers");
        Assert.Equal(["shop.0"], lab.Worker1.Role.Instances.Attached.Keys);
        foreach (var name in new[] { "shop.0", "web.0" }) Assert.Equal(InstancePhase.Running, lab.Lab.Cluster.Instance(name).Status!.Phase);
    }

    [Fact]
    public async Task StateFileAndItsCopyLost_TakesInWhatRuns_AndLeavesNothingThatNobodyKnows()
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1, o => o with { RunsProcesses = true });
        await lab.Lab.Cluster.AddInstanceAsync("web", 9, "w1", process: new(["socat", "TCP-LISTEN:80,fork,reuseaddr", "SYSTEM:echo web.9 x"]));
        await lab.Lab.Cluster.AddInstanceAsync("web", 8, "w1", process: new(["sleep", "1000"]));
        foreach (var name in new[] { "web.8", "web.9" })
            await LabClient.EventuallyAsync(() => lab.Lab.Cluster.Instance(name).Status is { Phase: InstancePhase.Running, NamespaceAddress: not null }, $"{name} runs");
        var (kept, lost) = (lab.Worker1.Role.Instances.Attached["web.9"], lab.Worker1.Role.Instances.Attached["web.8"]);
        var shop = lab.Worker1.Role.Instances.Attached["shop.0"];

        await lab.Worker1.StopAsync();
        foreach (var file in Directory.GetFiles(lab.Worker1.Options.StateDirectory, "node.json*")) await File.WriteAllTextAsync(file, "{", TestContext.Current.CancellationToken);
        await lab.Worker2.Host.RunAsync("ip", "netns", "exec", lost.NamespaceName!, "ip", "link", "del", "eth0");
        await lab.Worker1.StartAsync();

        // The same process and address, without a word to the cluster; it ends when it is undeployed, as it would have.
        Assert.Equal((kept.Pid, kept.StartTime, kept.Host), Key(lab.Worker1.Role.Instances.Attached["web.9"]));
        Assert.Equal(InstancePhase.Running, lab.Lab.Cluster.Instance("web.9").Status!.Phase);
        Assert.Equal("web.9", (await LabClient.AskAsync(lab.Worker1.Host, lab.Lab.Cluster.Instance("web.9").Status!.Instance!.Ipv4!, 80)).Server);

        // What has no way to it any more, and what only the lost file knew.
        await LabClient.EventuallyAsync(() => !new ProcessIdentity(lost.Pid, lost.StartTime).IsAlive, "the program without a device is ended");
        Assert.False(NetworkNamespace.Exists(lost.NamespaceName!));
        Assert.DoesNotContain($"gho-i{shop.Host}:", await lab.Worker1.Host.RunAsync("ip", "link"), StringComparison.Ordinal);
        await LabClient.EventuallyAsync(() => lab.Lab.Cluster.Instance("shop.0").Status!.Phase == InstancePhase.Dead, "what a node engine brought is reported");

        // A number that is in use is not given out again.
        var again = await lab.Lab.AddInstanceAsync(lab.Worker1, "shop", 1);
        Assert.NotEqual(kept.Namespace!.Ipv4, again.Namespace.Ipv4);
        await lab.Lab.Cluster.ChangeAsync("web.9", s => s with { Undeploy = true });
        await LabClient.EventuallyAsync(() => !new ProcessIdentity(kept.Pid, kept.StartTime).IsAlive, "an undeploy ends it");
        await LabClient.EventuallyAsync(() => !NetworkNamespace.List().Contains(kept.NamespaceName), "its namespace is removed");
    }

    /// <summary>Its program goes on printing to the same file, which never holds more than the bound and what came since the last look.</summary>
    [Fact]
    public async Task OutputOfAnInstance_IsBounded()
    {
        const int bound = 64 * 1024;
        await using var lab = await ServicePair.CreateAsync(
            BalancingPolicy.RoundRobin, 0, o => o with { RunsProcesses = true, Limits = o.Limits with { InstanceLog = bound, EndedLogs = 1 } });
        var folder = Path.Combine(lab.Worker1.Options.StateDirectory, "instances");
        Directory.CreateDirectory(folder);
        foreach (var (name, age) in new[] { ("gone.0", 2), ("gone.1", 1) })
        {
            await File.WriteAllTextAsync(Path.Combine(folder, $"{name}.log"), "x", TestContext.Current.CancellationToken);
            File.SetLastWriteTimeUtc(Path.Combine(folder, $"{name}.log"), DateTime.UtcNow.AddDays(-age));
        }

        // 1,000 lines of 100 bytes, then a pause, so that there is a time at which all that was printed is in the file.
        await lab.Lab.Cluster.AddInstanceAsync("web", 9, "w1", process: new(["sh", "-c", "i=0; while :; do i=$((i+1)); printf '%099d\\n' $i; [ $((i % 1000)) != 0 ] || sleep 0.2; done"]));
        var log = Path.Combine(folder, "web.9.log");
        await LabClient.EventuallyAsync(() => File.Exists(log + ".1"), "it was emptied");
        Assert.InRange(new FileInfo(log + ".1").Length, 1, bound / 2);
        var first = await LastLineAsync(log + ".1");
        await LabClient.EventuallyAsync(async () => await LastLineAsync(log + ".1") > first + 2_000, "its program prints on, and it is emptied again");
        await LabClient.EventuallyAsync(() => new FileInfo(log).Length <= bound, "it is within its bound");
        await LabClient.EventuallyAsync(() => !File.Exists(Path.Combine(folder, "gone.0.log")), "the oldest of what ended is removed");
        Assert.True(File.Exists(Path.Combine(folder, "gone.1.log")));
    }

    private static (int Pid, ulong StartTime, int Host) Key(Gatehouse.Node.Instances.AttachedInstance instance) => (instance.Pid, instance.StartTime, instance.Host);

    private static async Task<int> LastLineAsync(string file) =>
        (await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken)).Where(l => l.Length == 99).Select(l => int.Parse(l, System.Globalization.CultureInfo.InvariantCulture)).LastOrDefault();

    /// <summary>Our tables without elements and counts.</summary>
    private static async Task<string> TablesAsync(ServicePair lab, bool handles)
    {
        var text = "";
        foreach (var family in new[] { "ip", "ip6" })
        {
            var (_, output, _) = await lab.Worker1.Host.TryRunAsync("nft", [.. handles ? ["-a"] : Array.Empty<string>(), "-s", "-t", "list", "table", family, "gatehouse"]);
            text += output;
        }

        return text;
    }

    private static async Task<bool> AnswersAsync(ServicePair lab, bool v6)
    {
        try
        {
            return (await LabClient.AskAsync(lab.Client.Host, lab.Target(v6), 80, patience: TimeSpan.FromSeconds(1))).Server == "web.0";
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return false;
        }
    }
}
