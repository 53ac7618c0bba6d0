using System.Net;
using System.Net.Sockets;
using System.Text;
using Gatehouse.TestKit;

namespace Gatehouse.Tests;

/// <summary><c>gatehouse trace SRC DST[:PORT]</c>: what it asks the node for.</summary>
public sealed class TraceTargetTests
{
    [Theory]
    [InlineData("10.30.0.1", "10.30.0.1", 0)]
    [InlineData("10.30.0.1:80", "10.30.0.1", 80)]
    [InlineData("[10.30.0.1]:80", "10.30.0.1", 80)]
    [InlineData("fdff:2000::1", "fdff:2000::1", 0)]
    [InlineData("[fdff:2000::1]", "fdff:2000::1", 0)]
    [InlineData("[fdff:2000::1]:80", "fdff:2000::1", 80)]
    [InlineData("[fdff:2000::1]:65535", "fdff:2000::1", 65_535)]
    public async Task A_target_is_an_address_with_or_without_a_port(string target, string address, int port)
    {
        using var folder = new TemporaryDirectory();
        using var node = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        node.Bind(new UnixDomainSocketEndPoint(folder["node.sock"]));
        node.Listen();
        var asked = AnswerAsync(node);
        var source = address.Contains(':', StringComparison.Ordinal) ? "fc00::2" : "10.18.0.2";

        var result = await new Cli().RunAsync("trace", source, target, "--socket", folder["node.sock"], "-o", "json");

        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.Equal($"GET /trace?src={source}&dst={address}&port={port} HTTP/1.1", await asked);
    }

    [Theory]
    [InlineData("[fdff:2000::1]:0")]
    [InlineData("[fdff:2000::1]:65536")]
    [InlineData("[fdff:2000::1]:x")]
    [InlineData("[fdff:2000::1]:")]
    public async Task A_port_that_is_none_is_refused_before_anybody_is_asked(string target)
    {
        var result = await new Cli().RunAsync("trace", "fc00::2", target, "--socket", "/nonexistent");

        Assert.Equal(64, result.Code);
        Assert.Contains($"'{target}' is not valid", result.Error, StringComparison.Ordinal);
    }

    private static async Task<string> AnswerAsync(Socket node)
    {
        var ct = TestContext.Current.CancellationToken;
        using var connection = await node.AcceptAsync(ct);
        var buffer = new byte[4_096];
        var text = "";
        while (!text.Contains("\r\n\r\n", StringComparison.Ordinal))
        {
            var read = await connection.ReceiveAsync(buffer, ct);
            Assert.True(read > 0, $"the command hung up after '{text}'");
            text += Encoding.ASCII.GetString(buffer, 0, read);
        }

        await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"u8.ToArray(), ct);
        return text.Split("\r\n")[0];
    }
}
