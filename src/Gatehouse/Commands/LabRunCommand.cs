using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Gatehouse.Lab;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse lab run</c> and <c>shell</c>: a program in a host of the lab.</summary>
internal static class LabRunCommand
{
    public static Command CreateRun(HostContext host)
    {
        var place = new LabPlace(host);
        var target = new Argument<string>("HOST") { Description = "root, cluster1…, worker1…, outside." };
        var words = new Argument<string[]>("CMD") { Description = "Program and arguments, after --.", Arity = ArgumentArity.OneOrMore };
        var command = new PassThroughCommand("run", "Run a program in a host; gatehouse itself is on its PATH, with access to the host's API server." + CommandParts.Examples + """
              gatehouse lab run outside -- curl -s http://203.0.113.11:8080/
              gatehouse lab run worker1 -- gatehouse get workers
              gatehouse lab run worker2 -- tcpdump -ni eth0 udp port 4789
            """) { place.Name, target, words };
        command.SetAction((parsed, _) =>
            RunAsync([.. place.Open(parsed).CommandIn(parsed.GetRequiredValue(target)), .. parsed.GetRequiredValue(words)]));
        return command;
    }

    public static Command CreateShell(HostContext host)
    {
        var place = new LabPlace(host);
        var target = new Argument<string>("HOST") { Description = "root, cluster1…, worker1…, outside." };
        var command = new PassThroughCommand("shell", "Open a shell in a host.") { place.Name, target };
        command.SetAction((parsed, _) =>
            RunAsync([.. place.Open(parsed).CommandIn(parsed.GetRequiredValue(target)), host.Variable("SHELL") is { Length: > 0 } shell ? shell : "/bin/sh"]));
        return command;
    }

    /// <summary>
    /// The terminal, the streams and the exit code are the program's. An interrupt at the terminal reaches it by itself, because it is in the same process group; a SIGTERM
    /// to this process ends it, and what it started.
    /// </summary>
    private static async Task<int> RunAsync(IReadOnlyList<string> command)
    {
        var start = new ProcessStartInfo(command[0]) { UseShellExecute = false };
        foreach (var word in command.Skip(1)) start.ArgumentList.Add(word);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, static c => c.Cancel = true);
        using var quit = PosixSignalRegistration.Create(PosixSignal.SIGQUIT, static c => c.Cancel = true);
        using var process = Process.Start(start) ?? throw new LabException($"{command[0]} did not start");
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, c =>
        {
            c.Cancel = true;
            process.Kill();
        });
        await process.WaitForExitAsync(CancellationToken.None);
        return process.ExitCode;
    }
}
