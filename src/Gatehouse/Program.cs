using Gatehouse;
using Gatehouse.Commands;

var host = new HostContext
{
    Time = TimeProvider.System,
    Out = Console.Out,
    Error = Console.Error,
    In = Console.In,
    Variable = Environment.GetEnvironmentVariable,
    Interactive = !Console.IsOutputRedirected,
};
return await CommandLine.RunAsync(args, host,
[
    ServeCommand.Create,
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
]);
