using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Tests.Http1;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Engine;

/// <summary>How an engine ends.</summary>
public sealed class DrainTests
{
    private const string Request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    [Theory]
    [InlineData(60)]
    [InlineData(0)]
    public void Who_asks_nothing_is_not_waited_for_long(int keepAliveSeconds)
    {
        using var rig = new Rig(c => c.With(l => l with { Timeouts = l.Timeouts with { KeepAlive = TimeSpan.FromSeconds(keepAliveSeconds), Header = TimeSpan.FromSeconds(keepAliveSeconds) } }));
        var upstream = rig.Ask();
        upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        rig.Client.ReadHead();
        var silent = rig.Engine.Connect();
        rig.Engine.Settle();

        rig.Engine.Engine.Drain();
        rig.Engine.Pass(0.9);
        Assert.Equal(2, rig.Engine.Engine.Connections);
        rig.Engine.Pass(0.2);
        rig.Client.ExpectToEnd("");
        silent.ExpectToEnd("");
        Assert.True(rig.Engine.Engine.WaitUntilIdle(TimeSpan.Zero));
    }

    [Fact]
    public void What_is_begun_ends_and_its_client_is_told_to_go()
    {
        using var rig = new Rig();
        var upstream = rig.Ask();
        rig.Engine.Engine.Drain();
        rig.Engine.Pass(10);
        Assert.False(rig.Engine.Engine.WaitUntilIdle(TimeSpan.Zero));
        upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        Assert.Contains("connection: close\r\n", rig.Client.ReadHead(), StringComparison.Ordinal);
        rig.Client.ExpectToEnd("hi");
        rig.Client.Dispose();
        Assert.True(SpinWait.SpinUntil(() => rig.Engine.Engine.WaitUntilIdle(TimeSpan.Zero), Patience.Limit));
    }

    [Fact]
    public void Who_waits_in_the_kernel_is_served()
    {
        for (var i = 0; i < 30; i++)
        {
            using var rig = new Rig(c => c with { VirtualHosts = [new VirtualHost { Name = "h", Hosts = ["*"], Routes = [new Route { Name = "r", Respond = new FixedResponse { Status = 200, Body = "yes" } }] }] });
            var clients = Enumerable.Range(0, 10).Select(_ => rig.Engine.Connect()).ToList();
            rig.Engine.Engine.Drain();
            rig.Engine.Settle();
            foreach (var client in clients)
            {
                client.Send(Request);
                Assert.EndsWith("yes", client.ReadToEnd(), StringComparison.Ordinal);
                client.Dispose();
            }
        }
    }

    [Fact]
    public void At_the_deadline_all_is_closed_and_recorded_so()
    {
        using var rig = new Rig();
        var engine = rig.Engine;
        var (idle, half) = (engine.Connect(), engine.Connect());
        half.Send("GET / HT");
        var waiting = rig.Ask();
        var answered = engine.Connect();
        answered.Send(Request);
        var begun = rig.Accept();
        begun.ReadHead();
        begun.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        answered.ReadUntil("half");
        engine.Settle();

        engine.Engine.Drain();
        engine.Engine.CutOff();

        Assert.StartsWith("HTTP/1.1 503 ", rig.Client.ReadToEnd(), StringComparison.Ordinal);
        answered.ExpectToEnd("<reset>");
        idle.ExpectToEnd("");
        Assert.DoesNotContain("HTTP", half.ReadToEnd(), StringComparison.Ordinal);
        Assert.True(SpinWait.SpinUntil(() => engine.Engine.WaitUntilIdle(TimeSpan.Zero), Patience.Limit));
        Assert.Equal(3, engine.Refused(Refusal.DrainDeadline));
        Assert.Equal("<reset>", waiting.ReadToEnd() is "" or "<reset>" ? "<reset>" : "more");
    }
}
