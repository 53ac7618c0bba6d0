using System.Net;
using System.Net.Sockets;
using System.Text;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Wire.ProxyProtocol;

namespace Gatehouse.Proxy.Tests.Http1;

/// <summary>Endpoints that are told the client by a PROXY header: their connections carry the requests of one client.</summary>
public sealed class PinnedTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    private const string OkRead = "HTTP/1.1 200 OK\r\n" + Rig.Own + "content-length: 2\r\n\r\nok";

    private static Rig V1(Func<UpstreamGroup, UpstreamGroup>? change = null) => new(c => c.With(g => (change ?? (x => x))(g with { ProxyProtocol = ProxyProtocolVersion.V1 })));

    [Fact]
    public void A_connection_begins_with_a_line_and_serves_its_client_alone()
    {
        using var rig = V1();
        using var other = rig.Engine.Connect();
        rig.Client.Send(Get);
        using var mine = rig.Accept();
        mine.Expect(Line(rig, rig.Client) + Get);
        mine.Send(Ok);
        rig.Client.Expect(OkRead);

        other.Send(Get);
        using var others = rig.Accept();
        others.Expect(Line(rig, other) + Get);
        others.Send(Ok);
        other.Expect(OkRead);

        // Each goes on with its own, without another header.
        rig.Client.Send(Get);
        mine.Expect(Get);
        mine.Send(Ok);
        rig.Client.Expect(OkRead);
        Assert.Equal(0, RunningEngine.OnLoop(rig.Engine.Engine.Loops[0], l => l.Upstreams.Idle));

        // And takes it along.
        rig.Client.Reset();
        mine.ExpectToEnd("");
        Assert.True(rig.Server.IsQuiet);
    }

    [Fact]
    public void Version_2_says_the_same()
    {
        using var rig = new Rig(c => c.With(g => g with { ProxyProtocol = ProxyProtocolVersion.V2 }));
        rig.Client.Send(Get);
        using var upstream = rig.Accept();
        var bytes = Encoding.Latin1.GetBytes(upstream.Read(28));
        Assert.Equal("\r\n\r\n\0\r\nQUIT\n\u0021\u0011\0\u000c", Encoding.Latin1.GetString(bytes, 0, 16));
        Assert.Equal(((IPEndPoint)rig.Client.Socket.LocalEndPoint!).Port, (bytes[24] << 8) | bytes[25]);
        Assert.Equal(rig.Engine.Address().Port, (bytes[26] << 8) | bytes[27]);
        Assert.Equal([127, 0, 0, 1, 127, 0, 0, 1], bytes[16..24]);
        upstream.Expect(Get);
    }

    [Fact]
    public void A_connection_that_ends_while_it_waits_is_replaced()
    {
        using var rig = V1();
        Exchange(rig).Dispose();
        rig.Engine.Settle();
        Exchange(rig);
        Assert.Equal(0, rig.Engine.Figure("endpoint/app/app-0", Counter.Retries));
    }

    [Fact]
    public void A_stale_one_is_replaced_with_a_new_header()
    {
        using var rig = V1();
        var stale = Exchange(rig);
        rig.Client.Send(Get);
        stale.Expect(Get);
        stale.Reset();
        var fresh = rig.Accept();
        fresh.Expect(Line(rig, rig.Client) + Get);
        fresh.Send(Ok);
        rig.Client.Expect(OkRead);
    }

    [Fact]
    public void It_does_not_wait_for_ever()
    {
        using var rig = V1();
        var upstream = Exchange(rig);
        rig.Engine.Pass(59);
        Assert.Equal(0, rig.Engine.Figure("endpoint/app/app-0", Counter.ConnectionsClosed));
        rig.Engine.Pass(1.5);
        upstream.ExpectToEnd("");
    }

    /// <summary>With one that waits for each of several endpoints nothing would be gained: the client stays where it is until its group changes.</summary>
    [Fact]
    public void A_client_stays_with_its_endpoint_until_the_group_changes()
    {
        using var second = new RawServer();
        using var rig = V1(g => g with { Endpoints = [.. g.Endpoints, new Endpoint { Name = "second", Address = second.Address }] });
        var upstream = Exchange(rig);
        for (var i = 0; i < 3; i++)
        {
            rig.Client.Send(Get);
            upstream.Expect(Get);
            upstream.Send(Ok);
            rig.Client.Expect(OkRead);
        }

        rig.Engine.Apply(rig.Engine.Config.With(g => g with { Endpoints = [g.Endpoints[1]] }));
        rig.Client.Send(Get);
        upstream.ExpectToEnd("");
        using var moved = second.Accept();
        moved.Expect(Line(rig, rig.Client) + Get);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 128)]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 0)]
    public void What_is_not_to_be_kept_is_closed(string request, int most)
    {
        using var rig = V1(g => g with { MaxIdleConnections = most });
        rig.Client.Send(request);
        using var upstream = rig.Accept();
        upstream.ReadUntil("Host: h\r\n\r\n");
        upstream.Send(Ok);
        upstream.ExpectToEnd("");
    }

    [Fact]
    public void The_longest_line_has_room()
    {
        Assert.True(ProxyHeaderWriter.MaxLine < 1_000);
        using var rig = new Rig(c => c.With(g => g with { ProxyProtocol = ProxyProtocolVersion.V1 }).With(l => l with { Address = new IPEndPoint(IPAddress.IPv6Loopback, 0) }));
        rig.Client.Send(Get);
        using var upstream = rig.Accept();
        upstream.Expect($"PROXY TCP6 ::1 ::1 {((IPEndPoint)rig.Client.Socket.LocalEndPoint!).Port} {rig.Engine.Address().Port}\r\n" + Get);
    }

    private static RawPeer Exchange(Rig rig)
    {
        rig.Client.Send(Get);
        var upstream = rig.Accept();
        upstream.Expect(Line(rig, rig.Client) + Get);
        upstream.Send(Ok);
        rig.Client.Expect(OkRead);
        return upstream;
    }

    private static string Line(Rig rig, RawPeer client) => $"PROXY TCP4 127.0.0.1 127.0.0.1 {((IPEndPoint)client.Socket.LocalEndPoint!).Port} {rig.Engine.Address().Port}\r\n";
}
