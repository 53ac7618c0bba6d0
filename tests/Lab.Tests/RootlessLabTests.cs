using System.Text.RegularExpressions;
using Gatehouse.TestKit;

namespace Gatehouse.LabTests;

/// <summary>A lab of a user who is not root, with the kernel's settings as they are.</summary>
public sealed class RootlessLabTests
{
    /// <summary>Nobody's number on every distribution; no such user needs to exist.</summary>
    private const string User = "65534";

    /// <summary>
    /// What root prepares, in a mount namespace of this command's own: a TUN device that everybody may open. Then the program runs with no right of root's left.
    /// </summary>
    private const string AsNobody = """
        set -e
        [ -e "$1/tun" ] || mknod -m 0666 "$1/tun" c 10 200
        mount --bind "$1/tun" /dev/net/tun
        folder=$1; shift
        exec setpriv --reuid "$USER" --regid "$USER" --clear-groups env HOME="$folder/s" XDG_STATE_HOME="$folder/s" "$@"
        """;

    private readonly string _name = $"r{Environment.ProcessId}";

    [Fact]
    public async Task Somebody_who_is_not_root_brings_up_a_lab_whose_services_answer()
    {
        using var folder = new TemporaryDirectory();
        await PrepareAsync(folder);
        try
        {
            await LabAsync(folder, "up", "--workers", "2");
            await LabAsync(folder, "run", "root", "--", "gatehouse", "deploy", "web", "--replicas", "2");
            Assert.Equal(2, (await AskAsync(folder, 8)).Distinct().Count());

            // The second load, over tables that serve.
            await LabAsync(folder, "stop", "worker1", "node", "--signal", "KILL");
            await LabAsync(folder, "start", "worker1");
            Assert.Equal(2, (await AskAsync(folder, 8)).Distinct().Count());
            Assert.DoesNotContain("tables were gone", await LabAsync(folder, "logs", "worker1"), StringComparison.Ordinal);
        }
        finally
        {
            await RunAsync(folder, folder["program", "gatehouse"], "lab", "down", "--name", _name);
        }

        Assert.False(Directory.Exists(folder["s", "gatehouse-labs", _name]));
    }

    private async Task<IReadOnlyList<string>> AskAsync(TemporaryDirectory folder, int count)
    {
        var address = Regex.Match(
            await LabAsync(folder, "run", "root", "--", "gatehouse", "get", "fabricservices", "web", "-o", "yaml"), "10\\.30\\.[0-9.]+", RegexOptions.None, Patience.Limit).Value;
        var answers = await LabAsync(folder, "run", "worker1", "--", "sh", "-c", "for i in $(seq $1); do curl -sS -m 20 http://$2/; done", "sh", $"{count}", address);
        var names = Regex.Matches(answers, "instance=([^ ]+) ", RegexOptions.None, Patience.Limit).Select(m => m.Groups[1].Value).ToList();
        Assert.True(names.Count == count, answers);
        return names;
    }

    private async Task<string> LabAsync(TemporaryDirectory folder, string verb, params string[] words)
    {
        var result = await RunAsync(folder, [folder["program", "gatehouse"], "lab", verb, "--name", _name, .. words]);
        Assert.True(result.ExitCode == 0, $"lab {verb} {string.Join(' ', words)} ended with {result.ExitCode}:\n{result.Output}{result.Errors}");
        return result.Output;
    }

    private static Task<CommandResult> RunAsync(TemporaryDirectory folder, params string[] command) =>
        ShellCommand.RunAsync("unshare", ["--mount", "env", $"USER={User}", "sh", "-c", AsNobody, "sh", folder.Path, .. command]);

    /// <summary>A copy of the program, where this user may read it, and a home of a short name: the paths of sockets are bounded.</summary>
    private static async Task PrepareAsync(TemporaryDirectory folder)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "this run is without root already: the other tests of the lab are this test");
        Assert.SkipUnless(Path.Exists("/dev/net/tun"), "this machine has no /dev/net/tun");
        await ShellCommand.RequireAsync("cp", ["-r", Path.GetDirectoryName(LabUnderTest.Program)!, folder["program"]]);
        await ShellCommand.RequireAsync("mkdir", [folder["s"]]);
        await ShellCommand.RequireAsync("chown", [User, folder["s"]]);
        await ShellCommand.RequireAsync("chmod", ["-R", "a+rX", folder.Path]);
        var made = await RunAsync(folder, "unshare", "--user", "--map-root-user", "--net", "true");
        Assert.SkipUnless(made.ExitCode == 0, $"this machine gives no user namespace to users who are not root: {made.Errors}");
    }
}
