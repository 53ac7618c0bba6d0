using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Gatehouse.TestKit;

namespace Gatehouse.LabTests;

/// <summary>A lab of the real program, used as an operator uses it: through the command line alone.</summary>
public sealed class LabUnderTest(string suffix)
{
    /// <summary>The program of the same build as the tests.</summary>
    public static string Program { get; } = Path.GetFullPath(Path.Combine(
        AppContext.BaseDirectory, "..", "..", "Gatehouse", Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/')), "gatehouse"));

    /// <summary>Unique on the machine.</summary>
    public string Name { get; } = string.Create(CultureInfo.InvariantCulture, $"t{Environment.ProcessId}{suffix}");

    public string Directory => Path.Combine(
        Environment.IsPrivilegedProcess ? "/var/lib" : Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "/tmp", ".local", "state"), "gatehouse-labs", Name);

    /// <summary><c>gatehouse lab VERB --name NAME …</c>.</summary>
    public Task<CommandResult> LabAsync(string verb, params string[] words) => ShellCommand.RunAsync(Program, ["lab", verb, "--name", Name, .. words]);

    /// <summary>The same; fails the test with all that it said when it fails.</summary>
    public async Task<string> RequireAsync(string verb, params string[] words)
    {
        var result = await LabAsync(verb, words);
        Assert.True(result.ExitCode == 0, $"lab {verb} {string.Join(' ', words)} ended with {result.ExitCode}:\n{result.Output}{result.Errors}");
        return result.Output;
    }

    /// <summary>A program in a host.</summary>
    public Task<CommandResult> InAsync(string host, params string[] words) => LabAsync("run", [host, "--", .. words]);

    /// <summary><c>gatehouse …</c> as an operator at root.</summary>
    public Task<string> OperatorAsync(params string[] words) => RequireAsync("run", ["root", "--", "gatehouse", .. words]);

    /// <summary><c>gatehouse …</c> as an operator at the first cluster.</summary>
    public Task<string> AtClusterAsync(params string[] words) => RequireAsync("run", ["cluster1", "--", "gatehouse", .. words]);

    /// <summary>One object as JSON.</summary>
    public async Task<JsonNode> GetAsync(string kind, string name) => JsonNode.Parse(await OperatorAsync("get", kind, name, "-o", "json"))!;

    /// <summary>Requests from the outside host, one after the other, each over a connection of its own: who answered, <c>null</c> for those that were not.</summary>
    public async Task<IReadOnlyList<string?>> AskAsync(string url, int count)
    {
        var result = await InAsync("outside", "sh", "-c", "for i in $(seq $1); do curl -sS -m 5 \"$2\" || echo failed; done", "sh", count.ToString(CultureInfo.InvariantCulture), url);
        var lines = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(lines.Length == count, $"{lines.Length} lines for {count} requests:\n{result.Output}{result.Errors}");
        return [.. lines.Select(l => Regex.Match(l, "^instance=([^ ]+) ", RegexOptions.None, TimeSpan.FromSeconds(1)) is { Success: true } m ? m.Groups[1].Value : null)];
    }

    /// <summary>What the roles wrote, for a failure's text.</summary>
    public async Task<string> LogsAsync()
    {
        var texts = new List<string>();
        foreach (var host in (string[])["root", "cluster1", "worker1", "worker2", "worker3"]) texts.Add((await LabAsync("logs", host)).Output);
        return string.Join('\n', texts);
    }
}
