using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tests.Http1;

/// <summary>Once all is warm, a request costs the loop's thread no memory that a collection would have to take back.</summary>
public sealed class AllocationTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: www.example.com\r\nX-Kind: one\r\n\r\n", "\r\n\r\n", Ok, "ok", ProxyProtocolVersion.None)]
    [InlineData("GET / HTTP/1.1\r\nHost: www.example.com\r\nX-Kind: one\r\n\r\n", "\r\n\r\n", Ok, "ok", ProxyProtocolVersion.V2)]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n", "0\r\nX-T: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n", "0\r\nX-T: 1\r\n\r\n", ProxyProtocolVersion.None)]
    [InlineData("GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n", "\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", "ok", ProxyProtocolVersion.None)]
    [InlineData("GET /nowhere HTTP/1.1\r\nHost: fixed\r\n\r\n", "", "", "fixed", ProxyProtocolVersion.None)]
    public void A_request_allocates_nothing(string request, string end, string response, string received, ProxyProtocolVersion header)
    {
        using var rig = new Rig(c => c.With(g => g with { ProxyProtocol = header }).With(l => l with { Forwarded = ForwardedFields.XForwarded }) with
        {
            VirtualHosts = [new VirtualHost { Name = "fixed", Hosts = ["fixed"], Routes = [new Route { Name = "r", Respond = new FixedResponse { Status = 200, Body = "fixed" } }] }],
        });
        RawPeer? upstream = null;
        void Exchange()
        {
            rig.Client.Send(request);
            if (end.Length > 0)
            {
                upstream ??= rig.Accept();
                upstream.ReadUntil(end);
                upstream.Send(response);
            }

            rig.Client.ReadUntil(received);
            if (!response.Contains("close", StringComparison.Ordinal)) return;
            upstream!.ExpectEnd();
            upstream = null;
        }

        for (var i = 0; i < 500; i++) Exchange();
        rig.Engine.Settle();
        var before = rig.Engine.Engine.Loops[0].Loop.AllocatedBytes;
        for (var i = 0; i < 1_000; i++) Exchange();
        Assert.Equal(before, rig.Engine.Engine.Loops[0].Loop.AllocatedBytes);
    }
}
