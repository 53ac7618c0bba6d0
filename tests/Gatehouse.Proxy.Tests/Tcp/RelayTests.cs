using System.Net.Sockets;
using System.Security.Cryptography;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Streams;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Tcp;

/// <summary>Bytes, ends and resets from one side to the other.</summary>
public sealed class RelayTests
{
    [Fact]
    public void Bytes_go_both_ways_and_each_side_may_end_first()
    {
        using var rig = new TcpRig();
        var (client, upstream) = rig.Pair();
        client.EndSend();
        upstream.ExpectToEnd("");
        upstream.Send("still here");
        client.Expect("still here");
        upstream.EndSend();
        client.ExpectToEnd("");
        var seen = rig.Seen.Next();
        Assert.Equal(("tcp", "app", "app-0", "--", 4L, 14L, ""), (seen.Listener, seen.Group, seen.Endpoint, seen.Flags, seen.BytesIn, seen.BytesOut, seen.Reason));
        Assert.Equal(client.Socket.LocalEndPoint!.ToString(), seen.Client);
    }

    [Fact]
    public void The_endpoint_may_end_first()
    {
        using var rig = new TcpRig();
        var (client, upstream) = rig.Pair();
        upstream.EndSend();
        client.ExpectToEnd("");
        client.Send("last words");
        upstream.Expect("last words");
        client.EndSend();
        upstream.ExpectToEnd("");
        var seen = rig.Seen.Next();
        Assert.Equal(("--", 14L, 4L), (seen.Flags, seen.BytesIn, seen.BytesOut));
    }

    [Fact]
    public void An_endpoint_that_speaks_first_is_heard()
    {
        using var rig = new TcpRig();
        var client = rig.Client;
        var upstream = rig.Accept();
        upstream.Send("220 ready\r\n");
        client.Expect("220 ready\r\n");
    }

    [Fact]
    public void An_end_at_once_is_passed_on_at_once()
    {
        using var rig = new TcpRig();
        rig.Client.Send("bye");
        rig.Client.EndSend();
        var upstream = rig.Accept();
        upstream.ExpectToEnd("bye");
        upstream.Send("bye");
        upstream.EndSend();
        rig.Client.ExpectToEnd("bye");
        Assert.Equal("--", rig.Seen.Next().Flags);
    }

    [Theory]
    [InlineData(true, "CD", "client_closed")]
    [InlineData(false, "SD", "upstream_closed")]
    public void A_reset_is_passed_on_as_one(bool byClient, string flags, string reason)
    {
        using var rig = new TcpRig();
        var (client, upstream) = rig.Pair();
        (byClient ? client : upstream).Reset();
        (byClient ? upstream : client).ExpectToEnd("<reset>");
        var seen = rig.Seen.Next();
        Assert.Equal((flags, reason), (seen.Flags, seen.Reason));
        Assert.Equal(1, rig.Engine.Figure(byClient ? "listener/tcp" : "endpoint/app/app-0", byClient ? Counter.Aborted : Counter.ResponseErrors));
    }

    [Fact]
    public void What_came_before_a_reset_is_passed_on()
    {
        using var rig = new TcpRig();
        var (client, upstream) = rig.Pair();

        // The endpoint closes with bytes of the client unread: the kernel sends its answer and then a reset.
        client.Send("unread");
        Assert.True(upstream.Socket.Poll(Patience.Limit, SelectMode.SelectRead));
        upstream.Send(new string('x', 40_000));
        upstream.Dispose();
        Assert.Equal(new string('x', 40_000) + "<reset>", client.ReadToEnd());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_hundred_megabytes_go_through_in_bounded_memory(bool toClient)
    {
        using var rig = new TcpRig();
        var (client, upstream) = rig.Pair();
        var (sender, reader) = toClient ? (upstream, client) : (client, upstream);
        var before = Allocated(rig);
        var sending = Task.Run(() => SendPattern(sender.Socket, 100 << 20));
        var got = await Task.Run(() => HashToEnd(reader.Socket)).WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        Assert.Equal(await sending, got);
        Assert.InRange(Allocated(rig) - before, 0, 1 << 20);
        Assert.Equal(0, Figures(rig).Declined);
        Assert.InRange(Figures(rig).Kept, 1, 2);
    }

    [Fact]
    public async Task Both_directions_at_once()
    {
        using var rig = new TcpRig();
        var (client, upstream) = rig.Pair();
        var up = Task.Run(() => SendPattern(client.Socket, 20 << 20));
        var down = Task.Run(() => SendPattern(upstream.Socket, 30 << 20));
        var atUpstream = Task.Run(() => HashToEnd(upstream.Socket));
        var atClient = Task.Run(() => HashToEnd(client.Socket));
        await Task.WhenAll(up, down, atUpstream, atClient).WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        Assert.Equal(await up, await atUpstream);
        Assert.Equal(await down, await atClient);
        var seen = rig.Seen.Next();
        Assert.Equal(("--", (20L << 20) + 4, (30L << 20) + 4), (seen.Flags, seen.BytesIn, seen.BytesOut));
    }

    [Fact]
    public void A_reader_that_is_slow_stops_the_sender()
    {
        using var rig = new TcpRig();
        var (client, upstream) = rig.Pair();
        upstream.Socket.Blocking = false;
        var sent = Fill(upstream.Socket);
        rig.Engine.Settle();

        // What stands between them is bounded: the kernel's buffers, and one pipe or buffer.
        sent += Fill(upstream.Socket);
        Assert.InRange(sent, 1, 64 << 20);
        var held = RunningEngine.OnLoop(rig.Engine.Engine.Loops[0], l => l.Loop.Pipes.InUse + l.Loop.Buffers.InUse);
        Assert.Equal(1, held);
        upstream.Socket.Blocking = true;
        upstream.EndSend();
        Assert.Equal(sent, Drain(client.Socket));
        client.EndSend();
        Assert.Equal(("--", sent + 4), (rig.Seen.Next() is var seen ? seen.Flags : "", seen.BytesOut));
    }

    [Fact]
    public void A_reset_is_passed_on_also_by_a_sender_who_waits()
    {
        using var rig = new TcpRig();
        var (client, upstream) = rig.Pair();
        upstream.Socket.Blocking = false;
        Fill(upstream.Socket);
        upstream.Reset();
        Assert.EndsWith("<reset>", client.ReadToEnd(), StringComparison.Ordinal);
        Assert.Equal("SD", rig.Seen.Next().Flags);
    }

    [Fact]
    public void A_sender_who_waits_goes_on_and_on()
    {
        using var rig = new TcpRig();
        var (client, upstream) = rig.Pair();
        upstream.Socket.Blocking = false;
        var (sent, got, chunk) = (0L, 0L, new byte[1 << 20]);
        for (var i = 0; i < 5; i++)
        {
            // Each time both the kernel and the engine are full, and then empty again.
            sent += Fill(upstream.Socket);
            while (got < sent) got += client.Socket.Receive(chunk);
            rig.Engine.Settle();
            client.Send("go on");
            Assert.True(upstream.Socket.Poll(Patience.Limit, SelectMode.SelectRead));
            upstream.Expect("go on");
        }

        Assert.Equal(0, RunningEngine.OnLoop(rig.Engine.Engine.Loops[0], l => l.Loop.Pipes.InUse + l.Loop.Buffers.InUse));
    }

    [Fact]
    public void An_idle_session_holds_nothing()
    {
        using var rig = new TcpRig();
        var (client, upstream) = rig.Pair();
        client.Send(new string('a', 1 << 20));
        upstream.Expect(new string('a', 1 << 20));
        rig.Engine.Settle();
        Assert.Equal(0, RunningEngine.OnLoop(rig.Engine.Engine.Loops[0], l => l.Loop.Pipes.InUse + l.Loop.Buffers.InUse));
    }

    [Fact]
    public async Task Without_pipes_bytes_are_copied()
    {
        using var rig = new TcpRig();
        var loop = rig.Engine.Engine.Loops[0];
        var taken = RunningEngine.OnLoop(loop, l => Enumerable.Range(0, PipePool.MostInUse).Select(_ => l.Loop.Pipes.Rent()!).ToList());
        var (client, upstream) = rig.Pair();
        var sending = Task.Run(() => SendPattern(client.Socket, 10 << 20));
        Assert.Equal(await Task.Run(() => HashToEnd(upstream.Socket)).WaitAsync(Patience.Limit, TestContext.Current.CancellationToken), await sending);
        Assert.InRange(Figures(rig).Declined, 1, long.MaxValue);
        RunningEngine.OnLoop(loop, l =>
        {
            foreach (var pipe in taken) l.Loop.Pipes.Return(pipe);
            return true;
        });
    }

    [Theory]
    [InlineData(null, 3_600)]
    [InlineData(30, 30)]
    public void Without_a_byte_it_ends(int? tunnel, int seconds)
    {
        using var rig = new TcpRig(c => c.With(g => g with { Timeouts = g.Timeouts with { Tunnel = tunnel is { } t ? TimeSpan.FromSeconds(t) : null } }));
        var (client, upstream) = rig.Pair();
        rig.Engine.Pass(seconds - 1);
        client.Send("x");
        upstream.Expect("x");
        rig.Engine.Pass(seconds - 1);
        upstream.Send("y");
        client.Expect("y");
        rig.Engine.Pass(seconds + 1);
        client.ExpectToEnd("");
        upstream.ExpectToEnd("");
        var seen = rig.Seen.Next();
        Assert.Equal(("cD", "tunnel_idle"), (seen.Flags, seen.Reason)); // The client was silent longer.
    }

    [Fact]
    public void Who_does_not_read_is_who_idles()
    {
        using var rig = new TcpRig(c => c.With(g => g with { Timeouts = g.Timeouts with { Tunnel = TimeSpan.FromSeconds(30) } }));
        var (client, upstream) = rig.Pair();
        client.Socket.Blocking = false;
        Fill(client.Socket);
        rig.Engine.Pass(31);
        Assert.Equal("sD", rig.Seen.Next().Flags);
        Assert.EndsWith("<reset>", upstream.ReadToEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void Draining_lets_sessions_live()
    {
        using var rig = new TcpRig();
        var (client, upstream) = rig.Pair();
        rig.Engine.Engine.Drain();
        rig.Engine.Pass(60);
        client.Send("on");
        upstream.Expect("on");
        client.EndSend();
        upstream.EndSend();
        client.ExpectToEnd("");
        Assert.True(rig.Engine.Engine.WaitUntilIdle(TimeSpan.Zero) || SpinWait.SpinUntil(() => rig.Engine.Engine.Connections == 0, Patience.Limit));
    }

    [Fact]
    public void Nothing_is_allocated_for_what_goes_through()
    {
        using var rig = new TcpRig();
        var (client, upstream) = rig.Pair();
        Exchange(200);
        var before = Allocated(rig);
        Exchange(500);
        Assert.InRange(Allocated(rig) - before, 0, 1_000); // What was asked on the loop's thread itself.

        void Exchange(int times)
        {
            for (var i = 0; i < times; i++)
            {
                client.Send("some words");
                upstream.Expect("some words");
                upstream.Send("an answer");
                client.Expect("an answer");
            }
        }
    }

    /// <summary>What the loop's thread has allocated.</summary>
    private static long Allocated(TcpRig rig) => RunningEngine.OnLoop(rig.Engine.Engine.Loops[0], static _ => GC.GetAllocatedBytesForCurrentThread());

    private static (long Declined, int Kept) Figures(TcpRig rig) => RunningEngine.OnLoop(rig.Engine.Engine.Loops[0], static l => (l.Loop.Pipes.Declined, l.Loop.Pipes.Kept));

    /// <summary>Sends bytes that repeat nowhere, ends, and gives their hash.</summary>
    private static string SendPattern(Socket socket, int length)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var chunk = new byte[61_441];
        for (var at = 0; at < length;)
        {
            for (var i = 0; i + 8 <= chunk.Length; i += 8) BitConverter.TryWriteBytes(chunk.AsSpan(i), (ulong)(at + i) * 0x9E3779B97F4A7C15UL);
            var count = Math.Min(chunk.Length, length - at);
            hash.AppendData(chunk, 0, count);
            for (var sent = 0; sent < count;) sent += socket.Send(chunk, sent, count - sent, SocketFlags.None);
            at += count;
        }

        socket.Shutdown(SocketShutdown.Send);
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static string HashToEnd(Socket socket)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var chunk = new byte[100_000];
        for (int count; (count = socket.Receive(chunk)) > 0;) hash.AppendData(chunk, 0, count);
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static long Drain(Socket socket)
    {
        var chunk = new byte[100_000];
        var sum = 0L;
        for (int count; (count = socket.Receive(chunk)) > 0;) sum += count;
        return sum;
    }

    /// <summary>Sends until nothing more is taken for a while, as a sender does whose reader stands still.</summary>
    private static long Fill(Socket socket)
    {
        var chunk = new byte[65_536];
        var sum = 0L;
        while (socket.Poll(TimeSpan.FromMilliseconds(300), SelectMode.SelectWrite)) sum += socket.Send(chunk);
        return sum;
    }
}
