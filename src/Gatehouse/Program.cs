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
return await CommandLine.RunAsync(args, host, CommandList.All);
