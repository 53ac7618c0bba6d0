using System.Diagnostics;

namespace Gatehouse.TestKit.Network;

/// <summary>One host of a <see cref="NetworkLab"/>.</summary>
public sealed class NetworkHost : IAsyncDisposable
{
    private readonly List<RunningCommand> _running = [];

    internal NetworkHost(string name, string @namespace)
    {
        Name = name;
        Namespace = @namespace;
    }

    /// <summary>As the test calls it.</summary>
    public string Name { get; }

    /// <summary>The network namespace, for <c>ip netns</c>.</summary>
    public string Namespace { get; }

    /// <summary>For <c>setns</c>.</summary>
    public string NamespacePath => $"/run/netns/{Namespace}";

    /// <summary>Runs a program there to its end and returns its output; fails the test when it fails.</summary>
    public Task<string> RunAsync(string program, params string[] arguments) => ShellCommand.RequireAsync("ip", InNamespace(program, arguments));

    /// <summary>The same for a program that may fail.</summary>
    public Task<CommandResult> TryRunAsync(string program, params string[] arguments) => ShellCommand.RunAsync("ip", InNamespace(program, arguments));

    /// <summary>Starts a program there, which ends with the lab at the latest.</summary>
    public RunningCommand Start(string program, params string[] arguments)
    {
        var command = RunningCommand.Start("ip", InNamespace(program, arguments));
        _running.Add(command);
        return command;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var command in _running) await command.DisposeAsync();
        _running.Clear();
    }

    /// <summary>Ends what still runs in a namespace and removes it; null when it is gone.</summary>
    internal static async Task<string?> RemoveAsync(string @namespace)
    {
        var pids = await ShellCommand.RunAsync("ip", ["netns", "pids", @namespace]);
        foreach (var line in pids.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)) Kill(line);
        var removed = await ShellCommand.RunAsync("ip", ["netns", "delete", @namespace]);
        return removed.ExitCode == 0 || removed.Errors.Contains("No such file", StringComparison.Ordinal) ? null : $"{@namespace}: {removed.Errors.Trim()}";
    }

    private static void Kill(string pid)
    {
        try
        {
            using var process = Process.GetProcessById(int.Parse(pid, System.Globalization.CultureInfo.InvariantCulture));
            process.Kill();
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            // Ended by itself meanwhile.
        }
    }

    private string[] InNamespace(string program, string[] arguments) => ["netns", "exec", Namespace, program, .. arguments];
}
