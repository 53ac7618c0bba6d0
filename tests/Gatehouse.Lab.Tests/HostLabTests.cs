using Gatehouse.TestKit;

namespace Gatehouse.Lab.Tests;

/// <summary>
/// Real namespaces, with a shell script in the place of the program: what the lab owes to any program. The whole with Gatehouse's own roles is in Lab.Tests.
/// </summary>
public sealed class HostLabTests : IAsyncDisposable
{
    private const string Program = """
        #!/bin/sh
        case "$1 $2" in
          "token create") echo gh1.a.b.c ;;
          "serve ${BREAK:-nothing}") echo "this role is broken"; exit 3 ;;
          "serve ${MUTE:-nothing}") exec sleep infinity ;;
          serve*) printf 'STATUS=up\nREADY=1' | socat -u - "UNIX-SENDTO:$NOTIFY_SOCKET"; exec sleep infinity ;;
        esac
        """;

    private readonly TemporaryDirectory _folder = new();
    private readonly CancellationToken _cancellation = TestContext.Current.CancellationToken;
    private readonly HostLab _lab;

    public HostLabTests() => _lab = new HostLab(_folder["a"], TimeProvider.System);

    public async ValueTask DisposeAsync()
    {
        await _lab.DownAsync(CancellationToken.None);
        _folder.Dispose();
    }

    [Fact]
    public async Task Hosts_reach_each_other_and_down_leaves_nothing()
    {
        List<string> progress = [];
        await UpAsync(_lab, "a", progress: progress.Add);
        var trace = LabTrace.Take(_folder["a"]);

        Assert.Contains("gateway on worker2 is ready", progress);
        Assert.Equal(0, (await InAsync(_lab, "worker1", "ping", "-c1", "-W2", "192.168.2.2")).ExitCode);
        Assert.Equal(0, (await InAsync(_lab, "root", "ping", "-c1", "-W2", "2001:db8:1::2:1")).ExitCode);
        Assert.Equal(0, (await InAsync(_lab, "outside", "ping", "-c1", "-W2", "203.0.113.11")).ExitCode);
        Assert.NotEqual(0, (await InAsync(_lab, "outside", "ping", "-c1", "-W1", "192.168.2.2")).ExitCode);
        Assert.NotEqual(0, (await InAsync(_lab, "worker1", "ping", "-c1", "-W1", "203.0.113.11")).ExitCode);
        Assert.True(trace.Processes.Count >= 4 + 5, $"{trace.Processes.Count} processes");

        Assert.True(await _lab.DownAsync(_cancellation));
        Assert.Empty(trace.Remains());
        Assert.False(await _lab.DownAsync(_cancellation));
    }

    [Fact]
    public async Task Each_host_has_its_own_name_devices_and_run_folder()
    {
        await UpAsync(_lab, "a");

        Assert.Equal("worker1", (await InAsync(_lab, "worker1", "hostname")).Output.Trim());
        Assert.Equal("eth0\nlo\n", (await InAsync(_lab, "worker1", "ls", "/sys/class/net")).Output);
        Assert.Equal(0, (await InAsync(_lab, "worker1", "ip", "netns", "add", "one")).ExitCode);
        Assert.Contains("one", (await InAsync(_lab, "worker1", "ip", "netns")).Output, StringComparison.Ordinal);
        Assert.Empty((await InAsync(_lab, "worker2", "ip", "netns")).Output);
        Assert.False(File.Exists("/run/netns/one"));
    }

    [Fact]
    public async Task Two_labs_side_by_side_do_not_touch()
    {
        var other = new HostLab(_folder["b"], TimeProvider.System);
        await Task.WhenAll(UpAsync(_lab, "a"), UpAsync(other, "b"));
        try
        {
            await InAsync(_lab, "worker1", "ip", "address", "add", "192.168.77.77/16", "dev", "eth0");

            Assert.Equal(0, (await InAsync(_lab, "worker2", "ping", "-c1", "-W2", "192.168.77.77")).ExitCode);
            Assert.NotEqual(0, (await InAsync(other, "worker2", "ping", "-c1", "-W1", "192.168.77.77")).ExitCode);
            Assert.True(await _lab.DownAsync(_cancellation));
            Assert.Equal(0, (await InAsync(other, "worker2", "ping", "-c1", "-W2", "192.168.2.1")).ExitCode);
        }
        finally
        {
            await other.DownAsync(CancellationToken.None);
        }
    }

    [Fact]
    public async Task A_second_up_is_refused_and_changes_nothing()
    {
        await UpAsync(_lab, "a");
        var thrown = await Assert.ThrowsAsync<LabException>(() => UpAsync(new HostLab(_folder["a"], TimeProvider.System), "a"));

        Assert.Contains("is there already", thrown.Message, StringComparison.Ordinal);
        Assert.All(_lab.Status(_lab.Require()), s => Assert.NotNull(s.MachinePid));
    }

    [Fact]
    public async Task A_role_that_ends_is_told_with_its_log()
    {
        var thrown = await Assert.ThrowsAsync<LabException>(() => UpAsync(_lab, "a", "BREAK=cluster"));

        Assert.Contains("cluster on cluster1 ended before it was ready", thrown.Message, StringComparison.Ordinal);
        Assert.Contains("this role is broken", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_role_that_says_nothing_is_told_after_the_patience()
    {
        var hasty = new HostLab(_folder["a"], TimeProvider.System, TimeSpan.FromSeconds(1));
        var thrown = await Assert.ThrowsAsync<LabException>(() => UpAsync(hasty, "a", "MUTE=root"));

        Assert.Contains("root on root was not ready within 1 s", thrown.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("KILL")]
    public async Task A_stopped_role_stays_down_until_it_is_started(string signal)
    {
        await UpAsync(_lab, "a");

        Assert.Equal(["node"], await _lab.StopAsync("worker1", "node", signal, _cancellation));
        Assert.Equal((null, true), Of("worker1", "node"));
        Assert.Empty(await _lab.StopAsync("worker1", "node", signal, _cancellation));
        Assert.Equal(["node"], await _lab.StartAsync("worker1", role: null, _cancellation));
        Assert.NotNull(Of("worker1", "node").Pid);
        Assert.Empty(await _lab.StartAsync("worker1", role: null, _cancellation));
    }

    [Fact]
    public async Task Wrong_hosts_and_roles_are_told_with_those_there_are()
    {
        await UpAsync(_lab, "a");

        Assert.Contains("there are: root, cluster1", (await Assert.ThrowsAsync<LabException>(() => _lab.StopAsync("x", null, "TERM", _cancellation))).Message, StringComparison.Ordinal);
        Assert.Contains("there are: node, gateway", (await Assert.ThrowsAsync<LabException>(() => _lab.StopAsync("worker2", "root", "TERM", _cancellation))).Message, StringComparison.Ordinal);
        Assert.Contains("no role runs on outside", (await Assert.ThrowsAsync<LabException>(() => _lab.StopAsync("outside", null, "TERM", _cancellation))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Down_works_from_a_damaged_state_file()
    {
        await UpAsync(_lab, "a");
        var trace = LabTrace.Take(_folder["a"]);
        await File.WriteAllTextAsync(_folder["a", "lab.json"], "{", _cancellation);

        Assert.Throws<LabException>(_lab.Require);
        Assert.True(await _lab.DownAsync(_cancellation));
        Assert.Empty(trace.Remains());
    }

    [Fact]
    public async Task Down_works_after_the_directory_was_removed()
    {
        await UpAsync(_lab, "a");
        var trace = LabTrace.Take(_folder["a"]);
        Directory.Delete(_folder["a"], recursive: true);

        Assert.True(await _lab.DownAsync(_cancellation));
        Assert.Empty(trace.Remains());
    }

    [Fact]
    public async Task Tokens_and_state_are_for_their_owner_alone()
    {
        await UpAsync(_lab, "a");

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_lab.Paths.Token("worker1", "node")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_folder["a"]));
    }

    private (int? Pid, bool Stopped) Of(string host, string role)
    {
        var found = _lab.Status(_lab.Require()).Single(s => s.Process.Host == host && s.Process.Role == role);
        return (found.MachinePid, found.Process.Stopped);
    }

    private Task UpAsync(HostLab lab, string name, string? setting = null, Action<string>? progress = null)
    {
        var program = _folder[$"program-{name}"];
        File.WriteAllText(program, setting is null ? Program : Program.Replace("#!/bin/sh", $"#!/bin/sh\n{setting}", StringComparison.Ordinal));
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var options = new LabOptions { Name = name, Workers = 2, Directory = _folder[name], Program = [program] };
        Assert.Empty(options.Faults());
        return lab.UpAsync(options, rootless: !Environment.IsPrivilegedProcess, progress ?? (_ => { }), _cancellation);
    }

    private static Task<CommandResult> InAsync(HostLab lab, string host, params string[] words)
    {
        var command = lab.CommandIn(host);
        return ShellCommand.RunAsync(command[0], [.. command.Skip(1), .. words]);
    }
}
