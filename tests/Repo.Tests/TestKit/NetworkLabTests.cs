using Gatehouse.TestKit;
using Gatehouse.TestKit.Network;

namespace Gatehouse.Repo.Tests.TestKit;

public sealed class NetworkLabTests
{
    [Fact]
    public async Task Hosts_reach_each_other_over_a_cable_and_over_a_switch()
    {
        Assert.SkipUnless(NetworkLab.Refusal is null, NetworkLab.Refusal ?? "");
        await using var lab = await NetworkLab.CreateAsync();
        var (a, b, c) = (await lab.AddHostAsync("a"), await lab.AddHostAsync("b"), await lab.AddHostAsync("c"));
        await lab.ConnectAsync(a, "192.0.2.1/30", b, "192.0.2.2/30");
        var sw = await lab.AddSwitchAsync("sw");
        await lab.PlugAsync(b, "2001:db8::2/64", sw);
        await lab.PlugAsync(c, "2001:db8::3/64", sw);
        Assert.Contains("1 received", await a.RunAsync("ping", "-c1", "-W5", "192.0.2.2"), StringComparison.Ordinal);
        Assert.Contains("1 received", await b.RunAsync("ping", "-c1", "-W5", "2001:db8::3"), StringComparison.Ordinal);
        Assert.NotEqual(0, (await a.TryRunAsync("ping", "-c1", "-W1", "2001:db8::3")).ExitCode);
    }

    [Fact]
    public async Task Nothing_is_left_behind_also_when_programs_still_run()
    {
        Assert.SkipUnless(NetworkLab.Refusal is null, NetworkLab.Refusal ?? "");
        string name;
        RunningCommand program;
        await using (var lab = await NetworkLab.CreateAsync())
        {
            var host = await lab.AddHostAsync("a");
            name = host.Namespace;
            program = host.Start("sh", "-c", "echo ready; exec sleep 600");
            await program.LineAsync("ready");
            Assert.Contains(name, await NetworkLab.NamespacesAsync());
        }

        Assert.DoesNotContain(name, await NetworkLab.NamespacesAsync());
    }

    [Fact]
    public async Task What_a_killed_run_left_is_removed_by_the_next()
    {
        Assert.SkipUnless(NetworkLab.Refusal is null, NetworkLab.Refusal ?? "");
        var ended = RunningCommand.Start("sh", ["-c", "exit 0"]);
        var stale = $"ghtk-{ended.Id}-1-left";
        await ended.ExitAsync();
        await ended.DisposeAsync();
        await ShellCommand.RequireAsync("ip", ["netns", "add", stale]);
        await using var lab = await NetworkLab.CreateAsync();
        Assert.DoesNotContain(stale, await NetworkLab.NamespacesAsync());
    }
}
