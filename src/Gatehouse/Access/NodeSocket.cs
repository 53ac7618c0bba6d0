using System.CommandLine;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Api.Client;

namespace Gatehouse.Access;

/// <summary>The local API of the node on this host: HTTP over a Unix socket.</summary>
internal sealed class NodeSocket(HostContext host)
{
    private const string Standard = "/etc/netmanager/netmanager.sock";
    private const string Variable = "GATEHOUSE_SOCKET";

    public Option<string?> Option { get; } = new("--socket") { Description = $"The node's socket. Default: ${Variable}, else {Standard}.", HelpName = "PATH" };

    /// <summary>The answer's body.</summary>
    /// <exception cref="ApiUnreachableException">No node listens there.</exception>
    /// <exception cref="CommandException">The node refused; the message is its.</exception>
    public async Task<string> SendAsync(ParseResult parsed, HttpMethod method, string resource, JsonObject? body, CancellationToken cancellation)
    {
        var path = parsed.GetValue(Option) ?? host.Variable(Variable) ?? Standard;
        using var handler = new SocketsHttpHandler { ConnectCallback = (_, token) => ConnectAsync(path, token) };
        using var client = new HttpClient(handler);
        using var request = new HttpRequestMessage(method, new Uri($"http://node{resource}"));
        if (body is not null) request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        try
        {
            using var response = await client.SendAsync(request, cancellation);
            var text = (await response.Content.ReadAsStringAsync(cancellation)).Trim();
            return response.IsSuccessStatusCode ? text : throw new CommandException($"the node refused: {Message(text)}");
        }
        catch (HttpRequestException e)
        {
            throw new ApiUnreachableException($"no node answers at {path}: {e.Message}", e);
        }
    }

    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken cancellation)
    {
        var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await connection.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
            return new NetworkStream(connection, ownsSocket: true);
        }
        catch
        {
            connection.Dispose();
            throw;
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
