using System.CommandLine;
using Gatehouse.Lab;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse lab up</c>.</summary>
internal static class LabUpCommand
{
    public static Command Create(HostContext host)
    {
        var place = new LabPlace(host);
        var workers = new Option<int>("--workers") { Description = "Workers of each cluster; the last one is its gateway. Default 3.", HelpName = "N", DefaultValueFactory = _ => 3 };
        var clusters = new Option<int>("--clusters") { Description = "Clusters. Default 1.", HelpName = "N", DefaultValueFactory = _ => 1 };
        var family = new Option<UnderlayFamily>("--underlay") { Description = "Address family of the tunnels.", HelpName = "ipv4|ipv6" };
        var command = new Command("up", "Make the hosts, start every role, join them with tokens." + CommandParts.Examples + """
              gatehouse lab up
              gatehouse lab up --workers 4 --clusters 2 --name two
            """) { place.Name, workers, clusters, family };
        command.SetAction(async (parsed, cancellation) =>
        {
            var name = parsed.GetRequiredValue(place.Name);
            var options = new LabOptions
            {
                Name = name,
                Workers = parsed.GetValue(workers),
                Clusters = parsed.GetValue(clusters),
                Underlay = parsed.GetValue(family),
                Directory = place.Directory(name),
                Program = OwnProgram(),
            };
            if (options.Faults() is { Count: > 0 } faults) throw new UsageException(faults);
            if (!LabPlace.IsRoot)
            {
                host.Progress("without root: the lab runs in a user namespace (docs/operations/lab.md says what it needs)");
                foreach (var need in RootlessNeeds.Unmet()) host.Progress($"  {need}");
            }

            var started = host.Time.GetTimestamp();
            await new HostLab(options.Directory, host.Time).UpAsync(options, rootless: !LabPlace.IsRoot, host.Progress, cancellation);
            host.Out.WriteLine($"lab '{name}' is up after {host.Time.GetElapsedTime(started).TotalSeconds:0.0} s: `gatehouse lab status`, `gatehouse lab shell worker1`, `gatehouse lab down`");
            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>How this very program is started again: the executable beside the assembly, or <c>dotnet</c> with the assembly.</summary>
    private static string[] OwnProgram()
    {
        var executable = Path.Combine(AppContext.BaseDirectory, "gatehouse");
        return File.Exists(executable) ? [executable] : [Environment.ProcessPath!, Path.Combine(AppContext.BaseDirectory, "gatehouse.dll")];
    }
}
