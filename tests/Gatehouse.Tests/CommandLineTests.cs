using System.CommandLine;
using Gatehouse.Commands;

namespace Gatehouse.Tests;

/// <summary>What a person gets for a wrong command line: exit code 64, every fault, nothing done.</summary>
public sealed class CommandLineTests
{
    private const int Usage = 64;

    public static TheoryData<string, string[]> Wrong => new()
    {
        { "get", ["'KIND'"] },
        { "get nothing", ["KIND: 'nothing' is not valid", "workers (wk)"] },
        { "get workers -o xml", ["--output: 'xml' is not valid: one of table, wide, json, yaml, name"] },
        { "get workers -o 1", ["--output: '1' is not valid"] },
        { "get workers,peers --watch", ["--watch: takes one kind"] },
        { "get workers", ["give --kubeconfig FILE or set GATEHOUSE_KUBECONFIG"] },
        { "get workers --kubeconfig /nowhere/at/all", ["/nowhere/at/all"] },
        { "frobnicate", ["'frobnicate'"] },
        { "apply", ["--filename"] },
        { "delete", ["give either KIND NAME… or -f FILE"] },
        { "delete worker", ["NAME: is required"] },
        { "delete worker w1 -f x.yaml", ["give either KIND NAME… or -f FILE"] },
        { "expose web --port 0", ["--port: '0' is not valid: 1 to 65535", "--gateway"] },
        { "expose web --gateway g --port 80 --service-port 70000 --public-address 1.2.3", ["--service-port: '70000'", "--public-address: '1.2.3'"] },
        { "expose web --gateway g --port 80 --wait soon", ["--wait: 'soon' is not valid: a number with s, m, h or d"] },
        { "deploy web --replicas -1", ["--replicas: '-1' is not valid: 0 to 10000"] },
        { "deploy web --ready-port 0 --replicas 10001", ["--ready-port: '0'", "--replicas: '10001'"] },
        { "token create", ["--role"] },
        { "token create --role king", ["king"] },
        { "demo --port 70000", ["--port: '70000' is not valid: 1 to 65535"] },
        { "wait worker w1 --for ready --kubeconfig x", ["--for: 'ready' is not valid: FIELD=VALUE, or gone"] },
        { "serve", ["'ROLE'"] },
        { "serve castle --state /tmp/x", ["ROLE: 'castle' is not valid: one of root, cluster, node, gateway"] },
        { "serve root", ["--state: is required for root"] },
        { "serve root --state /tmp/x --listen 7443 --listen 192.0.2.1", ["--listen: '7443' is not valid", "--listen: '192.0.2.1' is not valid"] },
        { "serve root --state /tmp/x --underlay 192.0.2.1 --name r", ["--underlay: is for node, not for root", "--name: is for cluster, node, gateway, not for root"] },
        { "serve cluster --state /tmp/x", ["--name: is required for cluster", "--root: is required for cluster"] },
        { "serve cluster --state /tmp/x --name c --root http://192.0.2.1", ["--root: 'http://192.0.2.1' is not valid: an https URL"] },
        { "serve node --state /tmp/x --name n --cluster https://c:7444 --underlay 10.1 --public x --tunnel-port 0",
            ["--underlay: '10.1' is not valid", "--public: 'x' is not valid", "--tunnel-port: '0' is not valid"] },
        { "serve gateway --state /tmp/x --name n --cluster https://c:7444", ["--identity: is required for gateway without node"] },
        { "serve root cluster --state /tmp/x --name c", ["--cluster-listen: is required when root and cluster share a process"] },
        { "lab up --name Up --workers 0 --clusters 17", ["--name: 'Up' is not valid", "--workers: '0' is not valid", "--clusters: '17' is not valid"] },
        { "lab run", ["'HOST'"] },
        { "lab stop worker1 --signal 9", ["9"] },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task Wrong_input_gets_64_and_every_fault(string line, string[] faults)
    {
        var result = await new Cli().RunAsync(line.Split(' '));

        Assert.Equal(Usage, result.Code);
        foreach (var fault in faults) Assert.Contains(fault, result.Error, StringComparison.Ordinal);
        Assert.Empty(result.Out);
    }

    [Fact]
    public async Task A_wrong_token_file_is_reported_before_anything_is_bound()
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, "gh1.short", TestContext.Current.CancellationToken);
            var state = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
            var result = await new Cli().RunAsync("serve", "cluster", "--state", state, "--name", "c", "--root", "https://127.0.0.1:1", "--token-file", file);

            Assert.Equal(Usage, result.Code);
            Assert.Contains("holds no join token", result.Error, StringComparison.Ordinal);
            Assert.False(Directory.Exists(state));
        }
        finally
        {
            File.Delete(file);
        }
    }

    public static TheoryData<string> Commands
    {
        get
        {
            using var nothing = new StringReader("");
            var host = new HostContext { Time = TimeProvider.System, Out = TextWriter.Null, Error = TextWriter.Null, In = nothing, Interactive = false, Variable = _ => null };
            return [.. Paths(CommandLine.Tree(host, CommandList.All), "")];
        }
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task Every_command_explains_itself(string path)
    {
        var result = await new Cli().RunAsync([.. path.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);

        Assert.Equal(0, result.Code);
        Assert.Contains("Usage:", result.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("[default:", result.Out, StringComparison.Ordinal);
        Assert.Empty(result.Error);
    }

    [Theory]
    [InlineData("token create --role worker --life 9999999d", "--life: '9999999d' is not valid: a number with s, m, h or d, for example 15m, of at most 365d")]
    [InlineData("token create --role worker --life 0s", "--life: '0s' is not valid")]
    [InlineData("undeploy web --wait 2147483647d", "--wait: '2147483647d' is not valid: a number with s, m, h or d, for example 15m, of at most 7d")]
    [InlineData("serve root --state /tmp/x --oakestra-listen 127.0.0.1:10099", "--oakestra-listen: is plain HTTP, which takes no credentials, so that every call would be refused: add --oakestra-anonymous, or use --oakestra-tls-listen")]
    public async Task What_no_timer_can_wait_for_and_no_caller_could_use_is_refused_before_anything_starts(string line, string expected)
    {
        var result = await new Cli().RunAsync(line.Split(' '));

        Assert.Equal(64, result.Code);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_store_is_the_operators_to_mend_and_no_defect()
    {
        using var state = new Gatehouse.TestKit.TemporaryDirectory();
        await File.WriteAllTextAsync(state["store.db"], new string('x', 8_192), TestContext.Current.CancellationToken);

        var result = await new Cli().RunAsync("serve", "root", "--state", state.Path, "--listen", "127.0.0.1:1");

        Assert.Equal(1, result.Code);
        Assert.Contains(state["store.db"], result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("defect", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Version_names_program_runtime_and_kernel()
    {
        var result = await new Cli().RunAsync("version");

        Assert.Equal(0, result.Code);
        Assert.Matches(@"^gatehouse \d+\.\d+\.\d+", result.Out);
        Assert.Contains(".NET 10", result.Out, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Paths(Command command, string path) =>
        command.Subcommands.SelectMany(c => Paths(c, $"{path} {c.Name}".Trim())).Prepend(path);
}
