using System.Diagnostics;
using System.Globalization;
using Gatehouse.Linux.Processes;

namespace Gatehouse.Linux.Tests.Processes;

public sealed class ProcessTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ghproc").FullName;

    private string Output => Path.Combine(_folder, "out");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact(Timeout = 20_000)]
    public async Task What_was_asked_for_is_what_runs()
    {
        using var host = new Host();
        host.Up("lo", "10.18.0.77/32");
        var process = DetachedProcess.Start(new ProcessOptions("sh")
        {
            Arguments = ["-c", "env; pwd; cat; ip -o addr; echo wrong >&2; exit 7"],
            Environment = new Dictionary<string, string> { ["PATH"] = "/usr/bin:/bin:/sbin", ["GREETING"] = "good day" },
            Namespace = host.Namespace,
            WorkingDirectory = _folder,
            StandardOutput = Output,
            StandardError = Output + ".err",
        });

        Assert.Equal(new ProcessExit(7, null), await process.Exit);

        var said = await File.ReadAllTextAsync(Output, TestContext.Current.CancellationToken);
        Assert.Contains("GREETING=good day\n", said, StringComparison.Ordinal);
        Assert.DoesNotContain("HOME=", said, StringComparison.Ordinal);
        Assert.Contains("\n" + _folder + "\n", said, StringComparison.Ordinal);
        Assert.Contains("10.18.0.77", said, StringComparison.Ordinal);
        Assert.Equal("wrong\n", await File.ReadAllTextAsync(Output + ".err", TestContext.Current.CancellationToken));
        Assert.False(process.Identity.IsAlive);
        Assert.False(process.Identity.Signal(ProcessSignal.Terminate));
        await process.Identity.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.False(Directory.Exists("/proc/" + process.Identity.Pid), "it was waited for");
    }

    [Fact(Timeout = 20_000)]
    public async Task It_leads_a_session_and_inherits_no_descriptor_and_no_blocked_signal()
    {
        // A descriptor that a careless parent would hand down.
        using var leak = new FileStream(Path.Combine(_folder, "leak"), FileMode.Create, FileAccess.Write, FileShare.Inheritable);
        var process = DetachedProcess.Start(new ProcessOptions("sh")
        {
            Arguments = ["-c", "ls -l /proc/self/fd; cat /proc/self/status; cat /proc/self/stat"],
            StandardOutput = Output,
        });
        await process.Exit;

        var said = await File.ReadAllLinesAsync(Output, TestContext.Current.CancellationToken);
        Assert.DoesNotContain(said, static line => line.Contains("leak", StringComparison.Ordinal));
        Assert.Equal(4, said.Count(static line => line.Contains(" -> ", StringComparison.Ordinal))); // 0, 1, 2 and ls' own
        Assert.All(["SigBlk:", "SigIgn:"], name => Assert.Equal(
            0ul, ulong.Parse(said.Single(line => line.StartsWith(name, StringComparison.Ordinal))[7..], NumberStyles.HexNumber, CultureInfo.InvariantCulture)));
        var stat = said[^1].Split(' ');
        Assert.Equal(process.Identity.Pid.ToString(CultureInfo.InvariantCulture), stat[5]);
    }

    [Fact(Timeout = 20_000)]
    public async Task A_signal_ends_it_and_is_told()
    {
        var process = Sleep();
        Assert.True(process.Identity.IsAlive);
        Assert.Equal(process.Identity, ProcessIdentity.Of(process.Identity.Pid));
        var waiting = process.Identity.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.False(waiting.IsCompleted);

        Assert.True(process.Identity.Signal(ProcessSignal.Terminate));

        await waiting;
        Assert.Equal(new ProcessExit(null, 15), await process.Exit);
    }

    [Fact(Timeout = 20_000)]
    public async Task Another_process_of_the_same_pid_is_not_it()
    {
        var process = Sleep();
        var stranger = process.Identity with { StartTime = process.Identity.StartTime - 1 };

        Assert.False(stranger.IsAlive);
        Assert.False(stranger.Signal(ProcessSignal.Kill));
        Assert.False(stranger.SignalGroup(ProcessSignal.Kill));
        await stranger.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.Identity.IsAlive);

        process.Identity.Signal(ProcessSignal.Kill);
        Assert.Equal(9, (await process.Exit).Signal);
    }

    [Fact(Timeout = 20_000)]
    public async Task A_group_is_ended_with_its_children()
    {
        var process = DetachedProcess.Start(new ProcessOptions("sh") { Arguments = ["-c", "sleep 1000 & echo $!; wait"], StandardOutput = Output });
        ProcessIdentity? child = null;
        await EventuallyAsync(() => int.TryParse(File.ReadAllText(Output), out var pid) && (child = ProcessIdentity.Of(pid)) is not null);

        Assert.True(process.Identity.SignalGroup(ProcessSignal.Kill));

        await child!.Value.WaitForExitAsync(TestContext.Current.CancellationToken);
        await process.Exit;
        Assert.False(child.Value.IsAlive);
    }

    [Fact(Timeout = 20_000)]
    public async Task Stop_asks_first_and_insists_after_the_grace()
    {
        var polite = Sleep();
        Assert.True(await polite.Identity.StopAsync(TimeSpan.FromSeconds(30), TimeProvider.System, TestContext.Current.CancellationToken));
        Assert.Equal(15, (await polite.Exit).Signal);
        Assert.True(await polite.Identity.StopAsync(TimeSpan.Zero, TimeProvider.System, TestContext.Current.CancellationToken));

        var stubborn = DetachedProcess.Start(new ProcessOptions("sh")
        {
            Arguments = ["-c", "trap '' TERM; echo ready; while :; do sleep 1000; done"],
            StandardOutput = Output,
        });
        await EventuallyAsync(() => File.ReadAllText(Output).Contains("ready", StringComparison.Ordinal));
        Assert.False(await stubborn.Identity.StopAsync(TimeSpan.FromMilliseconds(100), TimeProvider.System, TestContext.Current.CancellationToken));
        Assert.Equal(9, (await stubborn.Exit).Signal);
    }

    [Theory]
    [InlineData("/absent/program", null, null, Errno.ENOENT)]
    [InlineData("/etc/passwd", null, null, Errno.EACCES)]
    [InlineData("true", "/absent", null, Errno.ENOENT)]
    [InlineData("true", null, "/absent/out", Errno.ENOENT)]
    public void What_cannot_be_started_is_said(string file, string? folder, string? output, Errno expected)
    {
        var fault = Assert.Throws<LinuxException>(() => DetachedProcess.Start(
            new ProcessOptions(file) { WorkingDirectory = folder, StandardOutput = output }));
        Assert.Equal(expected, fault.Errno);
        Assert.Contains("starting " + file, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_with_parentheses_and_blanks_is_read_past()
    {
        var program = Path.Combine(_folder, "a) S (b 1 2");
        File.Copy("/bin/sleep", program);
        var process = DetachedProcess.Start(new ProcessOptions(program) { Arguments = ["1000"] });
        Assert.True(process.Identity.IsAlive);
        Assert.Equal(process.Identity, ProcessIdentity.Of(process.Identity.Pid));
        process.Identity.Signal(ProcessSignal.Kill);
    }

    [Fact(Timeout = 60_000)]
    public async Task It_outlives_a_parent_that_is_killed()
    {
        // The parent is this test program again, which starts a process and waits to be killed.
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["--gatehouse-parent", Output]) { RedirectStandardInput = true };
        using var parent = Process.Start(start)!;
        ProcessIdentity? child = null;
        await EventuallyAsync(() => File.Exists(Output) && int.TryParse(File.ReadAllText(Output), out var pid)
            && (child = ProcessIdentity.Of(pid)) is not null);

        parent.Kill();
        await parent.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(child!.Value.IsAlive);
        var inherited = (await File.ReadAllTextAsync($"/proc/{child.Value.Pid}/stat", TestContext.Current.CancellationToken)).Split(") ")[1].Split(' ')[1];
        Assert.NotEqual(parent.Id.ToString(CultureInfo.InvariantCulture), inherited);
        Assert.True(child.Value.Signal(ProcessSignal.Terminate));
        await child.Value.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.False(child.Value.IsAlive);
    }

    /// <summary>What <see cref="It_outlives_a_parent_that_is_killed"/> runs as the parent.</summary>
    internal static void RunParent(string output)
    {
        DetachedProcess.Start(new ProcessOptions("sh") { Arguments = ["-c", "echo $$; exec sleep 1000"], StandardOutput = output });
        Console.In.ReadToEnd();
    }

    private static DetachedProcess Sleep() => DetachedProcess.Start(new ProcessOptions("sleep") { Arguments = ["1000"] });

    private static async Task EventuallyAsync(Func<bool> condition)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!condition())
        {
            await timer.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }
    }
}
