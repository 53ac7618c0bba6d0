using System.Text;
using Gatehouse.Proxy.Access;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Http1;

/// <summary>Bodies: framed anew, pipelined behind each other, answered early, and held back by who does not read.</summary>
public sealed class BodyTests
{
    private const string Chunked = "POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: chunked\r\n\r\n";
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    private const string OkRead = "HTTP/1.1 200 OK\r\n" + Rig.Own + "content-length: 2\r\n\r\nok";

    /// <summary>How the client's and the endpoint's requests look that are sent at once.</summary>
    public static TheoryData<string, string, bool> Pipelines
    {
        get
        {
            var data = new TheoryData<string, string, bool>();
            foreach (var byBytes in (bool[])[false, true])
            {
                data.Add("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n", "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n", byBytes);
                data.Add("POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nGET ", "POST /2 HTTP/1.1\r\nHost: h\r\ncontent-length: 4\r\n\r\nGET ", byBytes);
                data.Add("POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "POST /3 HTTP/1.1\r\nHost: h\r\ntransfer-encoding: chunked\r\n\r\n{abc}", byBytes);
                data.Add("POST /4 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "POST /4 HTTP/1.1\r\nHost: h\r\ntransfer-encoding: chunked\r\n\r\n{}", byBytes);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Pipelines))]
    public void Requests_may_come_before_the_responses_to_others(string sent, string got, bool byBytes)
    {
        using var rig = new Rig();
        const string last = "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        rig.Client.Send(sent + sent + last + "GET /ignored HTTP/1.1\r\nHost: h\r\n\r\n", byBytes);
        rig.Client.EndSend(); // A client may end its side and wait for its responses.
        using var upstream = rig.Accept();
        for (var i = 0; i < 2; i++)
        {
            ExpectRequest(upstream, got);
            upstream.Send(Ok, byBytes);
        }

        upstream.Expect("GET /last HTTP/1.1\r\nHost: h\r\n\r\n");
        upstream.Send(Ok);
        rig.Client.ExpectToEnd(OkRead + OkRead + "HTTP/1.1 200 OK\r\n" + Rig.Own + "content-length: 2\r\nconnection: close\r\n\r\nok");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Chunks_are_framed_anew_both_ways(bool byBytes)
    {
        using var rig = new Rig();
        const string body = "5;a=\"b\\\"c\"\r\nhello\r\n00A\r\n0123456789\r\n000;last\r\nX-T: 1\r\nContent-Length: 99\r\nx-forwarded-for: evil\r\nTransfer_Encoding: chunked\r\n\r\n";
        rig.Client.Send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n" + body, byBytes);
        using var upstream = rig.Accept();
        upstream.Expect("POST / HTTP/1.1\r\nHost: h\r\nTrailer: X-T\r\ntransfer-encoding: chunked\r\n\r\n");
        Assert.Equal(("hello0123456789", "X-T: 1\r\n"), ReadChunks(upstream));
        upstream.Send("HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n" + body, byBytes);
        rig.Client.Expect("HTTP/1.1 200 OK\r\nTrailer: X-T\r\n" + Rig.Own + "transfer-encoding: chunked\r\n\r\n");
        Assert.Equal(("hello0123456789", "X-T: 1\r\n"), ReadChunks(rig.Client));
    }

    /// <summary>The endpoint decides without the body: what the client still sends is read and thrown away, so that it sees the answer.</summary>
    [Theory]
    [InlineData("Content-Length: 1000000", "content-length: 1000000")]
    [InlineData("Transfer-Encoding: chunked", "transfer-encoding: chunked")]
    public void An_endpoint_may_answer_before_it_has_read_the_body(string framing, string passed)
    {
        using var rig = new Rig();
        rig.Client.Send($"POST / HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n5\r\nhel");
        using var upstream = rig.Accept();
        upstream.ReadUntil(passed + "\r\n\r\n");
        upstream.Send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!");
        upstream.Dispose();
        rig.Client.Expect("HTTP/1.1 413 Too Large\r\n" + Rig.Own + "content-length: 3\r\nconnection: close\r\n\r\nno!");
        rig.Client.Send(new string('x', 500_000));
        rig.Client.ExpectToEnd("");
    }

    /// <summary>Each side sends while the other does: what comes is passed on at once, in both directions, and much time between bytes is no fault.</summary>
    [Fact]
    public void Bodies_flow_both_ways_at_once()
    {
        using var rig = new Rig();
        rig.Client.Send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        using var upstream = rig.Accept();
        upstream.Expect(Chunked);
        upstream.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        rig.Client.Expect("HTTP/1.1 200 OK\r\n" + Rig.Own + "transfer-encoding: chunked\r\nconnection: close\r\n\r\n");
        for (var i = 0; i < 5; i++)
        {
            rig.Engine.Pass(45);
            rig.Client.Send("3\r\nask\r\n");
            upstream.Expect("3\r\nask\r\n");
            rig.Engine.Pass(45);
            upstream.Send("4\r\necho\r\n");
            rig.Client.Expect("4\r\necho\r\n");
        }

        rig.Client.Send("0\r\n\r\n");
        upstream.Expect("0\r\n\r\n");
        upstream.Send("0\r\n\r\n");
        rig.Client.ExpectToEnd("0\r\n\r\n");
    }

    /// <summary>What neither side takes stays with who sends it: the engine keeps no more than one reading of it.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Who_does_not_read_holds_the_other_back(bool response)
    {
        using var rig = new Rig();
        rig.Client.Send(response ? "GET / HTTP/1.1\r\nHost: h\r\n\r\n" : "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n");
        using var upstream = rig.Accept();
        upstream.ReadHead();
        if (response) upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        var sender = response ? upstream : rig.Client;
        var sent = FillUp(sender, rig);
        Assert.InRange(sent, 1, 64_000_000); // What the kernel's buffers take, which the host's settings bound.
        var kept = RunningEngine.OnLoop(rig.Engine.Engine.Loops[0], l => l.Loop.Buffers.InUse);
        Assert.InRange(kept, 1, 3);

        // Once it reads, all goes on, and nothing is lost or changes its place.
        var reader = response ? rig.Client : upstream;
        if (response) reader.ReadHead();
        var text = reader.Read((int)sent);
        for (var i = 0; i < sent; i += 997) Assert.Equal(Pattern(i), text[i]);
    }

    [Theory]
    [InlineData(true, "Content-Length: 100000000")]
    [InlineData(false, "Content-Length: 100000000")]
    [InlineData(true, "Transfer-Encoding: chunked")]
    [InlineData(false, "Transfer-Encoding: chunked")]
    public async Task A_hundred_megabytes_pass_in_bounded_memory(bool response, string framing)
    {
        using var rig = new Rig();
        rig.Client.Send(response ? "GET / HTTP/1.1\r\nHost: h\r\n\r\n" : $"POST / HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n");
        using var upstream = rig.Accept();
        upstream.ReadHead();
        if (response) upstream.Send($"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n");
        var (from, to) = response ? (upstream, rig.Client) : (rig.Client, upstream);
        if (response) to.ReadHead();
        var chunked = framing.StartsWith('T');
        var sending = Task.Run(() => SendMuch(from.Socket, chunked), TestContext.Current.CancellationToken);
        var (length, sum) = await Task.Run(() => Drain(to.Socket, chunked), TestContext.Current.CancellationToken).WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        Assert.Equal(await sending, sum);
        Assert.Equal(100_000_000, length);
        var loop = rig.Engine.Engine.Loops[0];
        Assert.InRange(RunningEngine.OnLoop(loop, l => l.Loop.Buffers.KeptBytes + (l.Loop.Buffers.InUse * Proxy.Loops.BufferPool.Large)), 1, 4_000_000);
        if (!response)
        {
            upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            rig.Client.Expect(OkRead);
            rig.Engine.Settle();
            Assert.InRange(rig.Engine.Figure("listener/web", Counter.BytesIn), 100_000_000, 100_001_000);
        }
    }

    /// <summary>A large buffer is full of a head and the beginning of its body when the next request comes with the end of that body: it must find its place.</summary>
    [Fact]
    public void Much_that_is_pipelined_behind_a_body_finds_its_place()
    {
        using var rig = new Rig();
        rig.Client.Socket.SendBufferSize = 2_000_000;
        rig.Client.Send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        using var upstream = rig.Accept();
        upstream.Expect(Chunked);

        // The part of the next head is more than a small buffer takes beside the first one.
        var head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nX: ";
        head += new string('x', 16_380 - head.Length - 4) + "\r\n\r\n";
        rig.HoldWhile(() => rig.Client.Send("0\r\n\r\n" + head[..^10]));
        upstream.Expect("0\r\n\r\n");
        upstream.Send(Ok);
        rig.Client.Expect(OkRead);
        rig.Engine.Settle();
        var data = string.Concat(Enumerable.Range(0, 30_000).Select(i => $"{i:000000}"));
        rig.HoldWhile(() => rig.Client.Send($"{head[^10..]}{data.Length:x}\r\n{data[..^10]}"));
        Assert.StartsWith("POST / HTTP/1.1\r\nHost: h\r\nX: xxx", upstream.ReadHead(), StringComparison.Ordinal);
        var received = "";
        while (received.Length < data.Length - 10)
        {
            received += upstream.Read(Convert.ToInt32(upstream.ReadUntil("\r\n")[..^2], 16));
            upstream.Expect("\r\n");
        }

        Assert.Equal(data[..^10], received);
        var last = "POST /last HTTP/1.1\r\nHost: h\r\nContent-Length: 65300\r\n\r\n";
        rig.HoldWhile(() => rig.Client.Send($"{data[^10..]}\r\n0\r\n\r\n{last}{data[..65_300]}"));
        Assert.Equal((data[^10..], ""), ReadChunks(upstream));
        upstream.Send(Ok);
        rig.Client.Expect(OkRead);
        upstream.ReadHead();
        upstream.Expect(data[..65_300]);
        upstream.Send(Ok);
        rig.Client.Expect(OkRead);
    }

    [Fact]
    public void A_client_that_leaves_in_its_body_leaves_no_clean_end()
    {
        using var rig = new Rig();
        rig.Client.Send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        using var upstream = rig.Accept();
        upstream.Expect(Chunked + "3\r\nabc\r\n");
        rig.Client.EndSend();
        upstream.ExpectToEnd("");
        rig.Client.ExpectToEnd("");
        Assert.Equal(1, rig.Engine.Refused(Refusal.ClientClosed));
        Assert.Equal(1, rig.Engine.Figure("listener/web", Counter.Aborted));
    }

    [Fact]
    public void A_client_that_breaks_off_gives_its_endpoint_up()
    {
        using var rig = new Rig();
        var upstream = rig.Ask();
        rig.Client.Reset();
        upstream.ExpectToEnd("");
        rig.Engine.Settle();
        Assert.Equal(1, rig.Engine.Figure("listener/web", Counter.Aborted));
    }

    internal static (string Data, string Trailers) ReadChunks(RawPeer peer)
    {
        var data = new StringBuilder();
        while (true)
        {
            var size = Convert.ToInt32(peer.ReadUntil("\r\n")[..^2], 16);
            if (size == 0) break;
            data.Append(peer.Read(size));
            peer.Expect("\r\n");
        }

        var trailers = new StringBuilder();
        while (peer.ReadUntil("\r\n") is { Length: > 2 } line) trailers.Append(line);
        return (data.ToString(), trailers.ToString());
    }

    private static void ExpectRequest(RawPeer upstream, string got)
    {
        var open = got.IndexOf('{', StringComparison.Ordinal);
        upstream.Expect(open < 0 ? got : got[..open]);
        if (open >= 0) Assert.Equal((got[(open + 1)..^1], ""), ReadChunks(upstream));
    }

    private static char Pattern(long at) => (char)('a' + (at % 23));

    /// <summary>Sends until nothing is taken any more, though the engine has done all that it can.</summary>
    private static long FillUp(RawPeer sender, Rig rig)
    {
        var sent = 0L;
        var piece = new byte[8 * 1024];
        sender.Socket.Blocking = false;
        for (var refusals = 0; refusals < 3;)
        {
            for (var i = 0; i < piece.Length; i++) piece[i] = (byte)Pattern(sent + i);
            var count = sender.Socket.Send(piece, System.Net.Sockets.SocketFlags.None, out var error);
            sent += Math.Max(count, 0);
            if (error == System.Net.Sockets.SocketError.Success)
            {
                refusals = 0;
                continue;
            }

            Assert.Equal(System.Net.Sockets.SocketError.WouldBlock, error);
            rig.Engine.Settle();
            refusals++;
        }

        sender.Socket.Blocking = true;
        return sent;
    }

    private static long SendMuch(System.Net.Sockets.Socket socket, bool chunked)
    {
        var piece = new byte[100_000];
        var random = new Random(7);
        var sum = 0L;
        for (var i = 0; i < 1_000; i++)
        {
            random.NextBytes(piece.AsSpan(0, 100));
            foreach (var b in piece) sum += b;
            if (chunked) socket.Send(Encoding.ASCII.GetBytes($"{piece.Length:X}\r\n"));
            socket.Send(piece);
            if (chunked) socket.Send("\r\n"u8);
        }

        if (chunked) socket.Send("0\r\n\r\n"u8);
        return sum;
    }

    /// <summary>Reads with its own understanding of chunks: a line of a size, so many bytes, an empty line.</summary>
    private static (long Length, long Sum) Drain(System.Net.Sockets.Socket socket, bool chunked)
    {
        using var stream = new BufferedStream(new System.Net.Sockets.NetworkStream(socket), 200_000);
        var buffer = new byte[200_000];
        var (length, sum) = (0L, 0L);
        while (true)
        {
            var size = chunked ? Convert.ToInt32(Line(stream), 16) : 100_000_000 - length;
            if (size == 0) break;
            for (var left = size; left > 0;)
            {
                var count = stream.Read(buffer, 0, (int)Math.Min(left, buffer.Length));
                Assert.True(count > 0);
                foreach (var b in buffer.AsSpan(0, count)) sum += b;
                left -= count;
                length += count;
            }

            if (chunked) Assert.Equal("", Line(stream));
        }

        if (chunked) Assert.Equal("", Line(stream));
        return (length, sum);
    }

    private static string Line(Stream stream)
    {
        var text = new StringBuilder();
        while (stream.ReadByte() is var b && b != '\r') text.Append((char)b);
        Assert.Equal('\n', stream.ReadByte());
        return text.ToString();
    }
}
