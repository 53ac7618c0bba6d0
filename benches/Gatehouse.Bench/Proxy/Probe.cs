using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Gatehouse.Bench.Proxy.Load;

namespace Gatehouse.Bench.Proxy;

/// <summary>Makes sure that a contender does what is compared before anything is measured: a proxy that does less would win.</summary>
internal static class Probe
{
    /// <summary>Asks the first and the last host: the route must lead to the right group with the four forwarded fields.</summary>
    public static Task RunAsync(ProxyProcess proxy, ProxySetup setup, CancellationToken cancellation) => RunAsync(proxy.Name, proxy.Ports.Traffic, setup, cancellation);

    /// <inheritdoc cref="RunAsync(ProxyProcess,ProxySetup,CancellationToken)"/>
    public static async Task RunAsync(string name, int port, ProxySetup setup, CancellationToken cancellation)
    {
        foreach (var (host, group) in new[] { (0, 0), (setup.Hosts - 1, ProxySetup.Groups - 1) })
        {
            var answer = await AskAsync(port, setup, Question.Echo(host, group), cancellation);
            Require(answer.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal), "200");
            Require(answer.Contains($"\nport: {setup.Backends[group]}\r\n", StringComparison.Ordinal), $"the route to group {group}");
            Require(Has("X-Forwarded-For: 127.0.0.1"), "X-Forwarded-For");
            Require(Has($"X-Forwarded-Proto: {(setup.Spoken == Spoken.Https ? "https" : "http")}"), "X-Forwarded-Proto");
            Require(Has($"X-Forwarded-Host: {ProxySetup.Host(host)}"), "X-Forwarded-Host");
            Require(Has($"X-Forwarded-Port: {port}"), "X-Forwarded-Port");
            bool Has(string field) => answer.Contains($"\n{field}\r\n", StringComparison.OrdinalIgnoreCase);
            void Require(bool holds, string what)
            {
                if (!holds) throw new InvalidOperationException($"{name} lacks {what}; it answered:\n{answer}");
            }
        }
    }

    /// <summary>Asks once on a connection of its own; the answer with its head, as far as it came.</summary>
    public static async Task<string> AskAsync(int port, ProxySetup setup, byte[] question, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(TimeSpan.FromSeconds(5));
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, port, limit.Token);
        await using Stream network = new NetworkStream(socket);
        await using var stream = setup.Spoken == Spoken.Https ? await SecureAsync(network, limit.Token) : network;
        await stream.WriteAsync(question, limit.Token);
        var answer = new StringBuilder();
        var buffer = new byte[16 * 1024];
        while (!IsComplete(answer.ToString()))
        {
            var read = await stream.ReadAsync(buffer, limit.Token);
            if (read == 0) break;
            answer.Append(Encoding.ASCII.GetString(buffer, 0, read));
        }

        return answer.ToString();
    }

    private static bool IsComplete(string answer)
    {
        var end = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (end < 0) return false;
        var bytes = Encoding.ASCII.GetBytes(answer);
        var body = BodyReader.For(bytes.AsSpan(0, end + 4));
        body.Take(bytes.AsSpan(end + 4));
        return body.IsComplete;
    }

    private static async Task<Stream> SecureAsync(Stream network, CancellationToken cancellation)
    {
        var stream = new SslStream(network);
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = ProxySetup.Host(0),
            RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.Subject == "CN=shop.example.com",
        };
        await stream.AuthenticateAsClientAsync(options, cancellation);
        if (stream.SslProtocol != SslProtocols.Tls13) throw new InvalidOperationException($"it speaks {stream.SslProtocol}, not TLS 1.3");
        return stream;
    }
}
