using Gatehouse.TestKit;

namespace Gatehouse.LabTests;

/// <summary><c>down</c> leaves nothing behind, whenever <c>up</c> was killed.</summary>
public sealed class LabCrashTests
{
    public static TheoryData<string> Moments => ["hosts:", "root on root is ready", "cluster on cluster1 is ready", "is ready"];

    [Theory]
    [MemberData(nameof(Moments))]
    public async Task Nothing_is_left_after_up_was_killed(string after)
    {
        var lab = new LabUnderTest("c");
        try
        {
            await using var up = RunningCommand.Start(LabUnderTest.Program, ["lab", "up", "--name", lab.Name]);
            await up.LineAsync(after);

            // Only up itself: what it started must not depend on it, and must be found again.
            await ShellCommand.RequireAsync("kill", ["-KILL", up.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await up.ExitAsync();
            var trace = LabTrace.Take(lab.Directory);
            var again = await lab.LabAsync("up");
            await lab.RequireAsync("down");

            Assert.NotEmpty(trace.Processes);
            Assert.Equal(1, again.ExitCode);
            Assert.Contains("is there already", again.Errors, StringComparison.Ordinal);
            Assert.Empty(trace.Remains());
        }
        finally
        {
            await lab.LabAsync("down");
        }
    }

    [Fact]
    public async Task Nothing_is_left_after_a_whole_lab_with_instances()
    {
        var lab = new LabUnderTest("w");
        try
        {
            await lab.RequireAsync("up", "--workers", "1", "--clusters", "2", "--underlay", "ipv6");
            await lab.OperatorAsync("deploy", "web", "--replicas", "2", "--cluster", "cluster2");
            await SecondNodeIsRefusedAsync(lab);
            var trace = LabTrace.Take(lab.Directory);
            await lab.RequireAsync("down");

            Assert.True(trace.Processes.Count > 10, $"{trace.Processes.Count} processes");
            Assert.Empty(trace.Remains());
        }
        finally
        {
            await lab.LabAsync("down");
        }
    }

    [Fact]
    public async Task Without_a_lab_the_commands_say_so()
    {
        var lab = new LabUnderTest("n");

        Assert.Contains("there is no lab", await lab.RequireAsync("down"), StringComparison.Ordinal);
        foreach (var verb in (string[])["status", "logs", "start", "stop", "run", "shell"])
        {
            string[] words = verb switch { "status" => [], "run" => ["worker1", "--", "true"], _ => ["worker1"] };
            var result = await lab.LabAsync(verb, words);
            Assert.Equal(1, result.ExitCode);
            Assert.Contains("gatehouse lab up", result.Errors, StringComparison.Ordinal);
        }
    }

    /// <summary>A second agent on a worker's host finds out before it asks for a certificate or looks at a device; the first one that was killed is no second one.</summary>
    private static async Task SecondNodeIsRefusedAsync(LabUnderTest lab)
    {
        var devices = await DevicesAsync();
        var second = await lab.InAsync(
            "worker1", "gatehouse", "serve", "node", "--state", Path.Combine(lab.Directory, "second"), "--name", "worker1", "--cluster", "https://192.0.2.1:7444", "--underlay", "192.0.2.2");
        Assert.True(second.ExitCode == 1, $"{second.ExitCode}: {second.Output}{second.Errors}");
        Assert.Matches("another node runs on this host: process [0-9]+ holds the devices gho-", second.Output + second.Errors);
        Assert.Equal(devices, await DevicesAsync());

        await lab.RequireAsync("stop", "worker1", "node", "--signal", "KILL");
        await lab.RequireAsync("start", "worker1");
        Assert.Equal(devices, await DevicesAsync());

        // Number and name: one that was made anew has another number.
        async Task<string> DevicesAsync() => string.Join(' ', (await lab.InAsync("worker1", "ip", "-o", "link", "show")).Output.Split('\n').Select(l => string.Join(' ', l.Split(' ').Take(2))));
    }
}
