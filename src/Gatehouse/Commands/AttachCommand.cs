using System.CommandLine;
using System.Globalization;
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
        var command = new Command("attach", "Attach a running process to the overlay as an instance of a service. Ends with 1 when it is attached and gets no instance address, with the reason." + CommandParts.Examples + """
              gatehouse attach 4711 web 0
              gatehouse attach 4711 web 0 --ports "80:8080/tcp"
              gatehouse attach 0 web 0 --detach
            """) { pid, service, number, ports, node.Option, detach };
        command.SetAction(async (parsed, cancellation) =>
        {
            var (of, n) = (parsed.GetRequiredValue(service), parsed.GetValue(number));
            if (parsed.GetValue(detach))
            {
                var name = string.Create(CultureInfo.InvariantCulture, $"{of.ToLowerInvariant()}.{n}");
                await node.SendAsync(parsed, HttpMethod.Delete, $"/instances/{Uri.EscapeDataString(name)}", body: null, cancellation);
                host.Out.WriteLine($"{name} detached");
                return ExitCode.Ok;
            }

            var body = new JsonObject { ["service"] = of, ["number"] = n, ["pid"] = parsed.GetValue(pid), ["portMappings"] = parsed.GetValue(ports) };
            var answer = JsonNode.Parse(await node.SendAsync(parsed, HttpMethod.Post, "/instances", body, cancellation))!.AsObject();
            var there = $"{answer["name"]} attached at {answer["ipv4"]}, {answer["ipv6"]}";
            if (answer["message"] is { } why) throw new CommandException($"{there}, but it has no instance address yet and nobody finds it: {why}");
            host.Out.WriteLine($"{there}; instance address {answer["address4"]}, {answer["address6"]}");
            return ExitCode.Ok;
        });
        return command;
    }
}
