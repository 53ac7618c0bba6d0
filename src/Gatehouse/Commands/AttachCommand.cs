using System.CommandLine;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse attach</c>: gives a running process's network namespace to the overlay as an instance, over the node's local API.</summary>
internal static class AttachCommand
{
    private const string StandardSocket = "/etc/netmanager/netmanager.sock";
    private const string SocketVariable = "GATEHOUSE_SOCKET";

    public static Command Create(HostContext host)
    {
        var pid = new Argument<int>("PID") { Description = "A process in the network namespace to attach." };
        var service = new Argument<string>("SERVICE") { Description = "Name of the service." };
        var number = new Argument<int>("NUMBER") { Description = "Number of the instance." };
        var ports = new Option<string>("--ports") { Description = "Port mappings, for example 80:8080/tcp;53:53/udp.", HelpName = "MAPPINGS", DefaultValueFactory = _ => "" };
        var socket = new Option<string?>("--socket") { Description = $"The node's socket. Default: ${SocketVariable}, else {StandardSocket}.", HelpName = "PATH" };
        var detach = new Option<bool>("--detach") { Description = "Takes the instance off the overlay again; PID does not matter." };
        var command = new Command("attach", "Attach a running process to the overlay as an instance." + CommandParts.Examples + """
              gatehouse attach 4711 web 0
              gatehouse attach 4711 web 0 --ports "80:8080/tcp"
              gatehouse attach 0 web 0 --detach
            """) { pid, service, number, ports, socket, detach };
        command.SetAction(async (parsed, cancellation) =>
        {
            var path = parsed.GetValue(socket) ?? host.Variable(SocketVariable) ?? StandardSocket;
            var body = new JsonObject { ["serviceName"] = parsed.GetRequiredValue(service), ["instanceNumber"] = parsed.GetValue(number) };
            var off = parsed.GetValue(detach);
            if (!off)
            {
                body["pid"] = parsed.GetValue(pid);
                body["portMappings"] = parsed.GetValue(ports);
            }

            var answer = await PostAsync(path, off ? "/container/undeploy" : "/container/deploy", body, cancellation);
            host.Out.WriteLine(off ? $"{parsed.GetRequiredValue(service)}.{parsed.GetValue(number)} detached" : answer);
            return ExitCode.Ok;
        });
        return command;
    }

    private static async Task<string> PostAsync(string path, string resource, JsonObject body, CancellationToken cancellation)
    {
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, token) =>
            {
                var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await connection.ConnectAsync(new UnixDomainSocketEndPoint(path), token);
                    return new NetworkStream(connection, ownsSocket: true);
                }
                catch
                {
                    connection.Dispose();
                    throw;
                }
            },
        };
        using var client = new HttpClient(handler);
        using var content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        try
        {
            using var response = await client.PostAsync(new Uri($"http://node{resource}"), content, cancellation);
            var text = (await response.Content.ReadAsStringAsync(cancellation)).Trim();
            return response.IsSuccessStatusCode ? text : throw new CommandException($"the node refused: {Message(text)}");
        }
        catch (HttpRequestException e)
        {
            throw new Api.Client.ApiUnreachableException($"no node answers at {path}: {e.Message}", e);
        }
    }

    private static string Message(string text)
    {
        try
        {
            return JsonNode.Parse(text) is JsonObject o && (o["message"] ?? o["error"]) is { } message ? message.ToString() : text;
        }
        catch (JsonException)
        {
            return text;
        }
    }
}
