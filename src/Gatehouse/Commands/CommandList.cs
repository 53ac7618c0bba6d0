using System.CommandLine;

namespace Gatehouse.Commands;

/// <summary>Every command, in the order in which help lists them. The one place to add one.</summary>
internal static class CommandList
{
    public static IReadOnlyList<Func<HostContext, Command>> All { get; } =
    [
        ServeCommand.Create,
        ProxyCommand.Create,
        ExplainCommand.Create,
        TopCommand.Create,
        GetCommand.Create,
        DescribeCommand.Create,
        ApplyCommand.Create,
        DeleteCommand.Create,
        WaitCommand.Create,
        DeployCommand.Create,
        UndeployCommand.Create,
        ExposeCommand.Create,
        AttachCommand.Create,
        TokenCommand.Create,
        TraceCommand.Create,
        DoctorCommand.Create,
        LabCommand.Create,
        DemoCommand.Create,
        VersionCommand.Create,
    ];
}
