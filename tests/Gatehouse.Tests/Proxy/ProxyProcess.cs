using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Gatehouse.TestKit;

namespace Gatehouse.Tests.Proxy;

/// <summary>A real <c>gatehouse proxy</c> on a file of the test's own, with all processes that come of it: they are ended with the test.</summary>
internal sealed partial class ProxyProcess : IAsyncDisposable
{
    public static readonly string Program = Path.Combine(AppContext.BaseDirectory, "gatehouse");

    private readonly TemporaryDirectory _folder = new();
    private readonly List<RunningCommand> _parents = [];

    public string ConfigFile => _folder["routes.yaml"];

    public string ControlPath => _folder["control.sock"];

    public string this[string name] => _folder[name];

    /// <summary>The parent that was started last.</summary>
    public RunningCommand Parent => _parents[^1];

    /// <summary>All that its parents and engines wrote.</summary>
    public string Output => string.Concat(_parents.Select(p => p.Output));

    public void Write(string yaml) => File.WriteAllText(ConfigFile, yaml);

    /// <summary>Starts a parent, by <c>env</c> when it is given variables.</summary>
    public RunningCommand Launch(IReadOnlyList<string>? more = null, params string[] variables)
    {
        string[] arguments = [.. variables, Program, "proxy", "--config", ConfigFile, "--control", ControlPath, .. more ?? []];
        var parent = RunningCommand.Start("/usr/bin/env", arguments);
        _parents.Add(parent);
        return parent;
    }

    /// <summary>Starts one and waits until it serves.</summary>
    /// <returns>Its engine's pid.</returns>
    public async Task<int> StartAsync(params string[] more) => EngineOf(await Launch(more).LineAsync("gatehouse: serves "));

    public static int EngineOf(string line) => int.Parse(EnginePid().Match(line).Groups[1].Value, CultureInfo.InvariantCulture);

    public static void Signal(int pid, string signal) => ShellCommand.RequireAsync("kill", [$"-{signal}", pid.ToString(CultureInfo.InvariantCulture)]).GetAwaiter().GetResult();

    public void Signal(string signal) => Signal(Parent.Id, signal);

    /// <summary>Reads the file anew and waits until that is done.</summary>
    public async Task<string> ReloadAsync(string expected = "gatehouse: serves ")
    {
        Signal("HUP");
        return await Parent.LineAsync(expected);
    }

    /// <summary>A port that nobody has. Not one of those that the kernel gives to outgoing connections: a listener that comes and goes would find it taken.</summary>
    public static int FreePort()
    {
        while (true)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            var port = Random.Shared.Next(10_000, 32_000);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Somebody has it.
            }
        }
    }

    /// <summary>Listeners <c>l0</c>, <c>l1</c>… that answer themselves with a text.</summary>
    public static string Answering(string text, params int[] ports) => $"""
        listeners:
        {string.Join('\n', ports.Select((p, i) => $"  - {{ name: l{i}, address: 127.0.0.1:{p} }}"))}
        virtualHosts:
          - name: all
            hosts: "*"
            routes: [{"{"} respond: {"{"} status: 200, body: "{text}" {"}"} {"}"}]
        """ + "\n";

    public static bool IsAlive(int pid) => Directory.Exists($"/proc/{pid}") && !File.ReadAllText($"/proc/{pid}/stat").Contains(") Z ", StringComparison.Ordinal);

    public static void WaitFor(Func<bool> condition, string what) => Assert.True(SpinWait.SpinUntil(condition, Patience.Limit), what);

    public static void WaitForEnd(int pid) => WaitFor(() => !IsAlive(pid), $"{pid} did not end");

    public static int Descriptors(int pid) => Directory.GetFileSystemEntries($"/proc/{pid}/fd").Length;

    public async ValueTask DisposeAsync()
    {
        // A parent that is stopped starts no other engine while its own is looked for.
        var parents = Own().ToList();
        parents.ForEach(p => TrySignal(p, "STOP"));
        var engines = parents.SelectMany(ChildrenOf).Concat(Engines()).Distinct().ToList();
        foreach (var pid in parents.Concat(engines)) TrySignal(pid, "KILL");

        // Only now: their output is inherited, and it is read to its end.
        foreach (var parent in _parents) await parent.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>Parents, also successors, which are nobody's children: their arguments say whose they are.</summary>
    private IEnumerable<int> Own() => Directory.GetDirectories("/proc").Select(d => int.TryParse(Path.GetFileName(d), CultureInfo.InvariantCulture, out var pid) ? pid : 0)
        .Where(pid => pid > 0 && CommandOf(pid).StartsWith(Program, StringComparison.Ordinal) && CommandOf(pid).Contains(_folder.Path, StringComparison.Ordinal));

    private static IEnumerable<int> ChildrenOf(int pid) => Directory.Exists($"/proc/{pid}/task/{pid}")
        ? Directory.GetDirectories($"/proc/{pid}/task").SelectMany(t => File.ReadAllText(Path.Combine(t, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries)).Select(c => int.Parse(c, CultureInfo.InvariantCulture)).Where(IsEngine)
        : [];

    private static void TrySignal(int pid, string signal) => ShellCommand.RunAsync("kill", [$"-{signal}", pid.ToString(CultureInfo.InvariantCulture)]).GetAwaiter().GetResult();

    /// <summary>Pids of engines that parents have named, which are still engines.</summary>
    public IEnumerable<int> Engines() => EnginePid().Matches(Output).Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).Distinct().Where(IsEngine);

    private static bool IsEngine(int pid) => CommandOf(pid).Contains("proxy-engine", StringComparison.Ordinal);

    private static string CommandOf(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline");
        }
        catch (IOException)
        {
            return ""; // It has ended meanwhile.
        }
    }

    [GeneratedRegex(@"engine (?:\(pid )?([0-9]+)", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex EnginePid();
}
