using Gatehouse.Proxy.Access;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Http1;

/// <summary>Large bodies of known length, which are moved from socket to socket within the kernel.</summary>
public sealed class MovedBodyTests
{
    private const int Length = 3 << 20;
    private const string Request = "GET /large HTTP/1.1\r\nHost: h\r\n\r\n";
    private static readonly string Body = string.Create(Length, 0, static (text, _) =>
    {
        for (var i = 0; i < text.Length; i++) text[i] = (char)('a' + (((i * 7) + (i >> 11)) % 26));
    });

    private static readonly string Head = $"HTTP/1.1 200 OK\r\nContent-Length: {Length}\r\n\r\n";

    [Fact]
    public async Task Every_byte_arrives_and_both_connections_go_on()
    {
        using var rig = new Rig();
        rig.Client.Send(Request);
        using var upstream = rig.Accept();
        for (var i = 0; i < 3; i++)
        {
            upstream.ReadHead();
            var sending = Task.Run(() => upstream.Send(Head + Body), TestContext.Current.CancellationToken);
            rig.Client.ReadHead();
            Assert.Equal(Body, rig.Client.Read(Length));
            await sending;
            rig.Client.Send(Request);
        }

        upstream.ReadHead(); // On the same connection, for nothing was left on it.
    }

    [Fact]
    public async Task What_comes_behind_its_end_is_for_nobody()
    {
        using var rig = new Rig();
        rig.Client.Send(Request);
        using var first = rig.Accept();
        first.ReadHead();
        var sending = Task.Run(() => first.Send(Head + Body + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"), TestContext.Current.CancellationToken);
        rig.Client.ReadHead();
        Assert.Equal(Body, rig.Client.Read(Length));
        await sending;
        rig.Client.Send(Request);
        using var second = rig.Accept();
        second.ReadHead();
        second.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        rig.Client.ReadHead();
        rig.Client.Expect("ok");
    }

    [Fact]
    public void One_that_is_cut_off_is_not_taken_for_whole()
    {
        using var rig = new Rig();
        rig.Client.Send(Request);
        using (var upstream = rig.Accept())
        {
            upstream.ReadHead();
            upstream.Send(Head + Body[..(Length / 2)]);
        }

        rig.Client.ReadHead();
        Assert.True(rig.Client.ReadToEnd().Replace("<reset>", "", StringComparison.Ordinal).Length <= Length / 2);
        Assert.Equal(1, rig.Engine.Refused(Refusal.ResponseCutOff));
    }

    [Fact]
    public async Task A_client_that_does_not_read_holds_one_pipe_and_gets_the_rest_when_it_does()
    {
        using var rig = new Rig();
        rig.Client.Send(Request);
        using var upstream = rig.Accept();
        upstream.ReadHead();
        var body = string.Concat(Enumerable.Repeat(Body, 8));
        var sending = Task.Run(() => upstream.Send($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}"), TestContext.Current.CancellationToken);
        var loop = rig.Engine.Engine.Loops[0];
        Assert.True(SpinWait.SpinUntil(() => RunningEngine.OnLoop(loop, static l => l.Loop.Pipes.InUse) == 1, Patience.Limit));
        Assert.False(sending.IsCompleted);
        Assert.True(RunningEngine.OnLoop(loop, static l => l.Loop.Buffers.InUse) <= 2);

        rig.Client.ReadHead();
        Assert.Equal(body, rig.Client.Read(body.Length));
        await sending;
    }

    [Fact]
    public async Task A_client_that_leaves_in_the_middle_leaves_nothing()
    {
        using var rig = new Rig();
        rig.Client.Send(Request);
        using var upstream = rig.Accept();
        upstream.ReadHead();
        var sending = Task.Run(() => Assert.ThrowsAny<Exception>(() => upstream.Send(Head + string.Concat(Enumerable.Repeat(Body, 16)))), TestContext.Current.CancellationToken);
        rig.Client.ReadHead();
        rig.Client.Reset();
        Assert.True(SpinWait.SpinUntil(() => rig.Engine.Engine.Connections == 0, Patience.Limit));
        await sending.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
    }
}
