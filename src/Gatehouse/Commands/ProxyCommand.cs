using System.CommandLine;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Configuration.Yaml;
using Gatehouse.ProxyRun;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse proxy</c>: the proxy engine on a file that a person writes.</summary>
internal static class ProxyCommand
{
    public static Command Create(HostContext host)
    {
        var config = new Option<string>("--config", "-c") { Description = "The routes, in YAML (docs/formats/proxy-routes.md).", HelpName = "FILE", Required = true };
        var check = new Option<bool>("--check") { Description = "Say what is wrong with the file, and end." };
        var control = new Option<string?>("--control") { Description = "Where the engine answers `gatehouse top` and `explain route`, and where a successor takes over. Default: a socket in the runtime folder, named for the file.", HelpName = "SOCKET" };
        var snapshot = new Option<string?>("--snapshot") { Description = "Keep the last good configuration here, and begin with it when the file is wrong at the start. Default: not kept.", HelpName = "FILE" };
        var takeOver = new Option<bool>("--take-over") { Description = "Take the listeners of the proxy that answers at the control socket; it ends after what it has begun." };
        var command = new PassThroughCommand("proxy", """
            Serve HTTP, TCP, TLS and UDP routes from a file.

            SIGHUP reads the file again and opens the log anew, SIGUSR2 lets the program that now stands at this one's path take over without loss, SIGTERM and SIGINT end after what is
            begun, and a second one at once.
            """ + CommandParts.Examples + """
              gatehouse proxy --config routes.yaml --check
              gatehouse proxy --config routes.yaml
              gatehouse proxy --config routes.yaml --take-over
            """) { config, check, control, snapshot, takeOver };
        command.SetAction(async (parsed, cancellation) =>
        {
            var file = parsed.GetRequiredValue(config);
            if (parsed.GetValue(check)) return Check(host, file);
            return await new ProxyParent(host, new ProxyParentOptions
            {
                ConfigFile = file,
                ControlPath = parsed.GetValue(control) ?? ControlSockets.For(file, host),
                SnapshotPath = parsed.GetValue(snapshot),
                TakeOver = parsed.GetValue(takeOver),
            }).RunAsync();
        });
        return command;
    }

    private static int Check(HostContext host, string file)
    {
        var outcome = RoutesFile.Load(file, host.Time);
        foreach (var fault in outcome.Faults) host.Error.WriteLine(fault);
        foreach (var warning in outcome.Warnings) host.Error.WriteLine($"{warning} (warning)");
        if (outcome.Config is not { } config) return ExitCode.Usage;
        host.Out.WriteLine($"{file}: {Summary(config)}: valid");
        return ExitCode.Ok;
    }

    /// <summary>How much there is of what.</summary>
    internal static string Summary(ProxyConfig config) => string.Join(", ",
        Many(config.Listeners.Count, "listener"),
        Many(config.VirtualHosts.Count, "virtual host"),
        Many(config.VirtualHosts.Sum(h => h.Routes.Count), "route"),
        Many(config.Upstreams.Count, "upstream"),
        Many(config.Upstreams.Sum(u => u.Endpoints.Count), "endpoint"));

    private static string Many(int count, string thing) => count == 1 ? $"1 {thing}" : $"{count} {thing}s";
}
