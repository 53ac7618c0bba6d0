using Gatehouse.Proxy.Access;

namespace Gatehouse.Proxy.Tests.Http1;

/// <summary>100, 103 and their like, and 101 with the tunnel behind it.</summary>
public sealed class InterimTests
{
    private const string Upgrade = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n";
    private const string UpgradePassed = "GET /ws HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: k\r\nconnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    private const string Switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: a\r\n\r\n";
    private const string SwitchedPassed = "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: a\r\nconnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_expectation_goes_to_the_endpoint_which_decides(bool byBytes)
    {
        using var rig = new Rig();
        rig.Client.Send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", byBytes);
        using var upstream = rig.Accept();
        upstream.Expect("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\ncontent-length: 5\r\n\r\n");
        upstream.Send("HTTP/1.1 100 Continue\r\n\r\n", byBytes);
        rig.Client.Expect("HTTP/1.1 100 Continue\r\n\r\n");
        rig.Client.Send("hello", byBytes);
        upstream.Expect("hello");
        upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        rig.Client.Expect("HTTP/1.1 200 OK\r\n" + Rig.Own + "content-length: 2\r\n\r\nok");
    }

    [Fact]
    public void An_expectation_may_be_refused()
    {
        using var rig = new Rig();
        var upstream = rig.Ask("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        upstream.Send("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
        rig.Client.ExpectToEnd("HTTP/1.1 401 No\r\n" + Rig.Own + "content-length: 0\r\nconnection: close\r\n\r\n");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Interim_responses_are_passed_on(bool byBytes)
    {
        using var rig = new Rig();
        var upstream = rig.Ask();
        upstream.Send("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x\r\nX: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", byBytes);
        rig.Client.Expect("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n" + Rig.Own + "content-length: 0\r\n\r\n");
        Assert.Equal(2, rig.Engine.Figure("endpoint/app/app-0", Counter.Status1xx));
    }

    [Fact]
    public void HTTP_10_knows_none()
    {
        using var rig = new Rig();
        var upstream = rig.Ask("GET / HTTP/1.0\r\nHost: h\r\n\r\n");
        upstream.Send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        rig.Client.ExpectToEnd("HTTP/1.1 200 OK\r\n" + Rig.Own + "content-length: 0\r\nconnection: close\r\n\r\n");
    }

    [Fact]
    public void A_flood_of_them_is_ended()
    {
        using var rig = new Rig();
        var upstream = rig.Ask();
        const string one = "HTTP/1.1 102 Processing\r\n\r\n";
        upstream.Send(string.Concat(Enumerable.Repeat(one, 100)));
        rig.Client.Expect(string.Concat(Enumerable.Repeat(one, 16)) + Rig.Local(502, "Bad Gateway", close: false));
        Assert.Equal(1, rig.Engine.Refused(Refusal.TooManyInformational));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_tunnel_keeps_what_came_early_and_ends_each_way_by_itself(bool byBytes)
    {
        using var rig = new Rig();
        rig.Client.Send(Upgrade + "early from the client", byBytes);
        using var upstream = rig.Accept();
        upstream.Expect(UpgradePassed);
        upstream.Send(Switched + "early from the endpoint", byBytes);
        rig.Client.Expect(SwitchedPassed + "early from the endpoint");
        upstream.Expect("early from the client");
        rig.Client.Send("\0\u0001GET / HTTP/1.1\r\n\r\n\u00ff", byBytes);
        upstream.Expect("\0\u0001GET / HTTP/1.1\r\n\r\n\u00ff");
        rig.Client.EndSend();
        upstream.ExpectToEnd("");
        upstream.Send("the rest", byBytes);
        upstream.Dispose();
        rig.Client.ExpectToEnd("the rest");
        rig.Engine.Settle();
        var sent = Upgrade.Length + "early from the client".Length + "\0\u0001GET / HTTP/1.1\r\n\r\n\u00ff".Length;
        Assert.Equal(sent, rig.Engine.Figure("listener/web", Counter.BytesIn));
    }

    [Fact]
    public void The_endpoint_may_end_first()
    {
        using var rig = new Rig();
        var upstream = rig.Ask(Upgrade);
        upstream.Send(Switched);
        rig.Client.Expect(SwitchedPassed);
        upstream.EndSend();
        rig.Client.ExpectToEnd("");
        rig.Client.Send("still here");
        upstream.Expect("still here");
        rig.Client.EndSend();
        upstream.ExpectToEnd("");
    }

    [Fact]
    public void A_tunnel_that_breaks_is_reset()
    {
        using var rig = new Rig();
        var upstream = rig.Ask(Upgrade);
        upstream.Send(Switched);
        rig.Client.Expect(SwitchedPassed);
        upstream.Reset();
        rig.Client.ExpectToEnd("<reset>");
    }

    [Fact]
    public void A_tunnel_in_which_nothing_moves_is_ended()
    {
        using var rig = new Rig();
        var upstream = rig.Ask(Upgrade);
        upstream.Send(Switched);
        rig.Client.Expect(SwitchedPassed);
        rig.Engine.Pass(3_500);
        upstream.Send("x");
        rig.Client.Expect("x");
        rig.Engine.Pass(3_500);
        rig.Client.Send("y");
        upstream.Expect("y");
        rig.Engine.Pass(3_601);
        rig.Client.ExpectToEnd("");
        Assert.Equal(1, rig.Engine.Refused(Refusal.TunnelIdle));
    }

    /// <summary>Who refuses the change answers as ever.</summary>
    [Fact]
    public void An_endpoint_may_refuse_the_change()
    {
        using var rig = new Rig();
        var upstream = rig.Ask(Upgrade);
        upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
        rig.Client.Expect("HTTP/1.1 200 OK\r\n" + Rig.Own + "content-length: 2\r\n\r\nno");
        rig.Client.Send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
        upstream.Expect("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    }

    /// <summary>With a body, in HTTP/1.0, unasked for by Connection, or where the route has it not, the change is not offered, and 101 then is no answer.</summary>
    [Theory]
    [InlineData("GET / HTTP/1.0\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", true)]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", false)]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", false)]
    [InlineData("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 1\r\n\r\nx", "GET / HTTP/1.1\r\nHost: h\r\ncontent-length: 1\r\n\r\nx", false)]
    public void A_change_that_was_not_offered_is_502(string sent, string got, bool close)
    {
        using var rig = new Rig();
        rig.Client.Send(sent);
        using var upstream = rig.Accept();
        upstream.Expect(got);
        upstream.Send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
        rig.Client.Expect(Rig.Local(502, "Bad Gateway", close));
        Assert.Equal(1, rig.Engine.Refused(Refusal.UnexpectedUpgrade));
    }
}
