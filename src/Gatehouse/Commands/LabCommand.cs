using System.CommandLine;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse lab</c>: several hosts on one machine.</summary>
internal static class LabCommand
{
    public static Command Create(HostContext host) => new("lab", "Several hosts on this machine, in network namespaces; every role a real process.")
    {
        LabUpCommand.Create(host), LabDownCommand.Create(host), LabStatusCommand.Create(host), LabRunCommand.CreateRun(host), LabRunCommand.CreateShell(host),
        LabProcessCommand.CreateStart(host), LabProcessCommand.CreateStop(host), LabProcessCommand.CreateLogs(host),
    };
}
