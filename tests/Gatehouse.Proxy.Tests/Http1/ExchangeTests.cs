using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tests.Http1;

/// <summary>Requests and responses as bytes on both sides.</summary>
public sealed class ExchangeTests
{
    [Fact]
    public void A_request_goes_to_the_endpoint_and_its_response_to_the_client()
    {
        using var server = new RawServer();
        using var engine = new RunningEngine(Configs.One(server));
        using var client = engine.Connect();
        client.Send("GET /a?b=1 HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n\r\n");
        using var upstream = server.Accept();
        Assert.Equal(
            $"GET /a?b=1 HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\nx-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: example.com\r\nx-forwarded-port: {engine.Address().Port}\r\n\r\n",
            upstream.ReadHead());
        upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Own: 1\r\n\r\nhello");
        Assert.Equal("HTTP/1.1 200 OK\r\nX-Own: 1\r\ncontent-length: 5\r\n\r\n", client.ReadHead());
        Assert.Equal("hello", client.Read(5));

        client.Send("POST /two HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        Assert.StartsWith("POST /two HTTP/1.1\r\nHost: example.com\r\n", upstream.ReadHead(), StringComparison.Ordinal);
        Assert.Equal("3\r\nabc\r\n", upstream.Read(8));
        client.Send("0\r\n\r\n");
        Assert.Equal("0\r\n\r\n", upstream.Read(5));
        upstream.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
        Assert.Equal("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", client.ReadHead());
        Assert.Equal("1\r\nx\r\n0\r\n\r\n", client.Read(11));
    }
}
