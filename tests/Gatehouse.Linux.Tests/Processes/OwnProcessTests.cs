using System.Globalization;
using Gatehouse.Linux.Processes;
using Gatehouse.TestKit;

namespace Gatehouse.Linux.Tests.Processes;

/// <summary>What a process does to itself; each in a child.</summary>
public sealed class OwnProcessTests
{
    private static string Program => Environment.ProcessPath!;

    [Fact(Timeout = 60_000)]
    public async Task All_threads_become_the_user_with_its_groups_and_no_way_back()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can become another user");
        var said = (await ShellCommand.RequireAsync(Program, ["--gatehouse-user", "nobody"])).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var (user, group) = IdsOf("nobody");
        Assert.True(said.Length > 1, "several threads");
        Assert.All(said, line => Assert.Equal($"Uid: {user} {user} {user} {user} Gid: {group} {group} {group} {group} Groups: {group} CapEff: 0000000000000000", Words(line)));
    }

    [Theory(Timeout = 60_000)]
    [InlineData("no-such-user-here")]
    [InlineData("")]
    public async Task A_user_that_is_none_is_said(string name)
    {
        Assert.False(ProcessUser.Exists(name));
        var said = await ShellCommand.RequireAsync(Program, ["--gatehouse-user", name]);
        Assert.Contains($"becoming user {name}", said, StringComparison.Ordinal);
        Assert.Contains("ENOENT", said, StringComparison.Ordinal);
        Assert.Contains("there is no such user", said, StringComparison.Ordinal);
    }

    [Fact]
    public void Root_is_known() => Assert.True(ProcessUser.Exists("root"));

    [Fact(Timeout = 60_000)]
    public async Task The_limit_is_raised_as_far_as_this_user_may_and_never_lowered()
    {
        // A soft limit of 4,096, a hard one of 8,192: 100 is there, 6,000 is within, 10,000 beyond what a user may.
        var script = $"ulimit -Sn 4096; ulimit -Hn 8192; exec {{0}} \"{Program}\" --gatehouse-limit 100 6000 10000";
        var own = await LimitsAsync(string.Format(CultureInfo.InvariantCulture, script, ""));
        Assert.True(own[1] >= 6_000);
        Assert.Equal(MayRaise() ? 10_000 : 8_192, own[2]);
        Assert.True(own[0] is >= 4_096 and <= 8_192, "it is as it was: the runtime raises it to the hard one itself");
        if (!MayRaise()) return;
        var bound = await LimitsAsync(string.Format(CultureInfo.InvariantCulture, script, "setpriv --bounding-set -sys_resource --inh-caps -sys_resource"));
        Assert.Equal(8_192, bound[2]);
    }

    [Fact(Timeout = 20_000)]
    public async Task A_process_that_inherits_output_writes_where_this_one_does()
    {
        var own = File.ResolveLinkTarget("/proc/self/fd/1", returnFinalTarget: false)!.FullName;
        var errors = File.ResolveLinkTarget("/proc/self/fd/2", returnFinalTarget: false)!.FullName;
        var process = DetachedProcess.Start(new ProcessOptions("sh")
        {
            Arguments = ["-c", "[ \"$(readlink /proc/$$/fd/1)\" = \"${OWN#/proc/self/fd/}\" ] && [ \"$(readlink /proc/$$/fd/2)\" = \"${ERRORS#/proc/self/fd/}\" ]"],
            InheritsOutput = true,
            Environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["PATH"] = "/usr/bin:/bin", ["OWN"] = own, ["ERRORS"] = errors },
        });
        Assert.Equal(0, (await process.Exit).Code);
    }

    /// <summary>CAP_SYS_RESOURCE (capabilities(7)), which root in a container may lack.</summary>
    private static bool MayRaise() =>
        (ulong.Parse(File.ReadLines("/proc/self/status").Single(l => l.StartsWith("CapEff:", StringComparison.Ordinal))[7..], NumberStyles.HexNumber, CultureInfo.InvariantCulture) & (1UL << 24)) != 0;

    private static async Task<long[]> LimitsAsync(string script) =>
        [.. (await ShellCommand.RequireAsync("bash", ["-c", script])).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => long.Parse(l, CultureInfo.InvariantCulture))];

    private static (string User, string Group) IdsOf(string name)
    {
        var fields = File.ReadLines("/etc/passwd").Select(l => l.Split(':')).Single(f => f[0] == name);
        return (fields[2], fields[3]);
    }

    private static string Words(string line) => string.Join(' ', line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
