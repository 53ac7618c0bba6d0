using System.CommandLine;
using Gatehouse.Lab;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse lab start</c>, <c>stop</c> and <c>logs</c>: the processes of the lab's roles.</summary>
internal static class LabProcessCommand
{
    public static Command CreateStart(HostContext host)
    {
        var place = new LabPlace(host);
        var (target, role) = Target();
        var command = new Command("start", "Start the roles of a host that do not run.") { place.Name, target, role };
        command.SetAction(async (parsed, cancellation) =>
        {
            var started = await place.Open(parsed).StartAsync(parsed.GetRequiredValue(target), parsed.GetValue(role), cancellation);
            Report(host, parsed.GetRequiredValue(target), "started", started);
            return ExitCode.Ok;
        });
        return command;
    }

    public static Command CreateStop(HostContext host)
    {
        var place = new LabPlace(host);
        var (target, role) = Target();
        var signal = new Option<string>("--signal") { Description = "TERM drains, KILL is a crash, and so on. Default TERM.", HelpName = "NAME", DefaultValueFactory = _ => "TERM" };
        signal.AcceptOnlyFromAmong("TERM", "KILL", "INT", "QUIT", "ABRT", "SEGV");
        var command = new Command("stop", "Stop roles of a host; they stay down until they are started." + CommandParts.Examples + """
              gatehouse lab stop worker1 node --signal KILL
              gatehouse lab start worker1
            """) { place.Name, target, role, signal };
        command.SetAction(async (parsed, cancellation) =>
        {
            var stopped = await place.Open(parsed).StopAsync(parsed.GetRequiredValue(target), parsed.GetValue(role), parsed.GetRequiredValue(signal), cancellation);
            Report(host, parsed.GetRequiredValue(target), "stopped", stopped);
            return ExitCode.Ok;
        });
        return command;
    }

    public static Command CreateLogs(HostContext host)
    {
        var place = new LabPlace(host);
        var (target, role) = Target();
        var tail = new Option<int>("--tail") { Description = "Only so many lines from the end. Default 50.", HelpName = "N", DefaultValueFactory = _ => 50 };
        var command = new Command("logs", "Show what the roles of a host wrote.") { place.Name, target, role, tail };
        command.SetAction(parsed =>
        {
            var lab = place.Open(parsed);
            var (name, wanted) = (parsed.GetRequiredValue(target), parsed.GetValue(role));
            _ = HostLab.TopologyOf(lab.Require()).Host(name);
            foreach (var process in lab.Require().Processes.Where(p => p.Host == name && (wanted is null || p.Role == wanted)))
            {
                host.Out.WriteLine($"--- {process.Role} on {process.Host} ({process.Log})");
                if (!File.Exists(process.Log)) continue;
                foreach (var line in File.ReadLines(process.Log).TakeLast(parsed.GetValue(tail))) host.Out.WriteLine(line);
            }

            return ExitCode.Ok;
        });
        return command;
    }

    private static (Argument<string> Host, Argument<string?> Role) Target() =>
        (new Argument<string>("HOST") { Description = "root, cluster1…, worker1…" },
         new Argument<string?>("ROLE") { Description = "root, cluster, node or gateway. Default: all of the host's.", Arity = ArgumentArity.ZeroOrOne });

    private static void Report(HostContext host, string name, string what, IReadOnlyList<string> roles) =>
        host.Out.WriteLine(roles.Count == 0 ? $"{name}: nothing to do" : $"{name}: {string.Join(", ", roles)} {what}");
}
