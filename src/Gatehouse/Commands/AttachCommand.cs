using System.CommandLine;
using System.Text.Json.Nodes;
using Gatehouse.Access;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse attach</c>: gives a running process's network namespace to the overlay as an instance, over the node's local API.</summary>
internal static class AttachCommand
{
    public static Command Create(HostContext host)
    {
        var node = new NodeSocket(host);
        var pid = new Argument<int>("PID") { Description = "A process in the network namespace to attach; any number with --detach." };
        var service = new Argument<string>("SERVICE") { Description = "Name of the service." };
        var number = new Argument<int>("NUMBER") { Description = "Number of the instance." };
        var ports = new Option<string>("--ports") { Description = "Port mappings, for example 80:8080/tcp;53:53/udp.", HelpName = "MAPPINGS", DefaultValueFactory = _ => "" };
        var detach = new Option<bool>("--detach") { Description = "Takes the instance off the overlay again." };
        var command = new Command("attach", "Attach a running process to the overlay as an instance." + CommandParts.Examples + """
              gatehouse attach 4711 web 0
              gatehouse attach 4711 web 0 --ports "80:8080/tcp"
              gatehouse attach 0 web 0 --detach
            """) { pid, service, number, ports, node.Option, detach };
        command.SetAction(async (parsed, cancellation) =>
        {
            var body = new JsonObject { ["serviceName"] = parsed.GetRequiredValue(service), ["instanceNumber"] = parsed.GetValue(number) };
            var off = parsed.GetValue(detach);
            if (!off)
            {
                body["pid"] = parsed.GetValue(pid);
                body["portMappings"] = parsed.GetValue(ports);
            }

            var answer = await node.SendAsync(parsed, HttpMethod.Post, off ? "/container/undeploy" : "/container/deploy", body, cancellation);
            host.Out.WriteLine(off ? $"{parsed.GetRequiredValue(service)}.{parsed.GetValue(number)} detached" : answer);
            return ExitCode.Ok;
        });
        return command;
    }
}
