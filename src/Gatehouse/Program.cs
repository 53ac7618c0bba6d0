using Gatehouse;
using Gatehouse.Commands;
using Gatehouse.Proxy.Supervision;
using Gatehouse.ProxyRun;

// An engine is started by its parent alone, and needs nothing of the command line.
if (args is [ProxyParent.EngineWord]) return EngineHost.Run(channel: 3, TimeProvider.System);

var host = new HostContext
{
    Time = TimeProvider.System,
    Out = Console.Out,
    Error = Console.Error,
    In = Console.In,
    Variable = Environment.GetEnvironmentVariable,
    Interactive = !Console.IsOutputRedirected,
};

// A proxy runs for months on small machines, and none of the other commands need be loaded for that.
return await CommandLine.RunAsync(args, host, args is ["proxy", ..] ? [ProxyCommand.Create] : CommandList.All);
