using System.Security.Cryptography;
using System.Text;
using Gatehouse.Linux.OpenSsl;

namespace Gatehouse.Linux.Tests.OpenSsl;

public sealed class TlsSessionTests : IDisposable
{
    private readonly TlsKit _kit = new();

    public static TheoryData<TlsProtocol, int> VersionsAndPieces
    {
        get
        {
            var rows = new TheoryData<TlsProtocol, int>();
            foreach (var version in new[] { TlsProtocol.Tls12, TlsProtocol.Tls13 })
            {
                foreach (var pieces in new[] { 1, 2, 3, 5, 6, 7, 100, 517, 1_460, int.MaxValue }) rows.Add(version, pieces);
            }

            return rows;
        }
    }

    public static TheoryData<TlsProtocol> Versions => [TlsProtocol.Tls12, TlsProtocol.Tls13];

    public void Dispose() => _kit.Dispose();

    [Theory]
    [MemberData(nameof(VersionsAndPieces))]
    public void A_handshake_and_data_pass_in_pieces_of_any_size(TlsProtocol version, int atATime)
    {
        var pair = _kit.Pair(_kit.Server(o => o with { MaxVersion = version, TicketKeys = new TlsTicketKeys(TlsKit.RandomKeys()) }));
        Assert.True(pair.Handshake(atATime));
        Assert.Equal(version, pair.Server.Session.Version);
        Assert.Equal(version, pair.Client.Session.Version);
        Assert.Equal("a.example", Encoding.ASCII.GetString(pair.Server.Session.ServerName));
        Assert.StartsWith(version == TlsProtocol.Tls13 ? "TLS_" : "ECDHE-", Encoding.ASCII.GetString(pair.Server.Session.Cipher), StringComparison.Ordinal);

        Assert.Equal(TlsStatus.Done, pair.Client.Session.Write("question"u8, out _));
        Assert.Equal(TlsStatus.Done, pair.Server.Session.Write("answer"u8, out _));
        pair.Settle(atATime);
        Assert.Equal("question"u8, pair.Server.Plain);
        Assert.Equal("answer"u8, pair.Client.Plain);
    }

    /// <summary>The client's hello and what follows, cut in two at every byte.</summary>
    [Theory]
    [MemberData(nameof(Versions))]
    public void A_handshake_may_be_cut_anywhere(TlsProtocol version)
    {
        var server = _kit.Server(o => o with { MaxVersion = version });
        var peer = _kit.Peer(o => o with { Resumption = false });
        for (var cut = 1; cut < 400; cut++)
        {
            using var pair = new TlsPair(server, peer);
            pair.Client.Turn(0, static s => s.Handshake());
            TlsPair.Move(pair.Client, pair.Server);
            Assert.Equal(TlsStatus.WantInput, pair.Server.Turn(cut, static s => s.Handshake()));
            Assert.Equal(0, pair.Server.Buffers.Unread);
            Assert.True(pair.Handshake());
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(50)]
    [InlineData(700)]
    [InlineData(4_000)]
    public void A_handshake_goes_on_when_there_is_room_again(int outgoing)
    {
        var pair = _kit.Pair(_kit.Server(o => o with { TicketKeys = new TlsTicketKeys(TlsKit.RandomKeys()) }), outgoing: outgoing);
        List<TlsStatus> server = [];
        for (var turns = 0; turns < 50_000 && !(pair.Server.Session.Established && pair.Client.Session.Established); turns++)
        {
            pair.Client.Turn(int.MaxValue, static s => s.Handshake());
            TlsPair.Move(pair.Client, pair.Server);
            server.Add(pair.Server.Turn(int.MaxValue, static s => s.Handshake()));
            TlsPair.Move(pair.Server, pair.Client);
        }

        Assert.True(pair.Server.Session.Established && pair.Client.Session.Established);
        Assert.Equal(outgoing < 1_000, server.Contains(TlsStatus.WantOutput));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Megabytes_arrive_as_they_were_sent(TlsProtocol version)
    {
        var pair = _kit.Pair(_kit.Server(o => o with { MaxVersion = version }), outgoing: 40_000);
        Assert.True(pair.Handshake());
        var sent = RandomNumberGenerator.GetBytes(3_000_001);
        var random = new Random(7);
        var waited = 0;
        for (var at = 0; at < sent.Length;)
        {
            var piece = sent.AsSpan(at, Math.Min(random.Next(1, 150_000), sent.Length - at));
            var status = pair.Server.Session.Write(piece, out var count);
            Assert.Equal(status == TlsStatus.Done, count == piece.Length);
            Assert.True(status is TlsStatus.Done or TlsStatus.WantOutput);
            if (status == TlsStatus.WantOutput) waited++;
            at += count;
            TlsPair.Move(pair.Server, pair.Client);
            while (pair.Client.Waits) Assert.Equal(TlsStatus.WantInput, pair.Client.ReadTurn(random.Next(1, 60_000)));
        }

        Assert.True(waited > 0);
        Assert.Equal(sent, pair.Client.Plain);
    }

    [Fact]
    public void Reading_takes_all_that_came_when_there_is_room_for_a_record_more()
    {
        var pair = _kit.Pair();
        Assert.True(pair.Handshake());
        pair.Settle();
        Assert.Equal(TlsStatus.Done, pair.Client.Session.Write(new byte[60_000], out _));
        var cipher = pair.Client.Buffers.Outgoing.ToArray();
        var total = 0;
        var plain = new byte[20_000 + 16_384];
        for (var at = 0; at < cipher.Length; at += 20_000)
        {
            var piece = cipher.AsSpan(at, Math.Min(20_000, cipher.Length - at));
            piece.CopyTo(pair.Server.Buffers.Incoming);
            pair.Server.Buffers.Received(piece.Length);
            Assert.Equal(TlsStatus.WantInput, pair.Server.Session.Read(plain, out var count));
            Assert.Equal(0, pair.Server.Buffers.Unread);
            total += count;
        }

        Assert.Equal(60_000, total);
    }

    [Fact]
    public void Reading_into_little_room_is_done_and_goes_on()
    {
        var pair = _kit.Pair();
        Assert.True(pair.Handshake());
        Assert.Equal(TlsStatus.Done, pair.Client.Session.Write("0123456789"u8, out _));
        TlsPair.Move(pair.Client, pair.Server);
        var room = new byte[4];
        Assert.Equal(TlsStatus.Done, pair.Server.Turn(int.MaxValue, s => s.Read(room, out _)));
        Assert.Equal("0123"u8, room);
        Assert.Equal(TlsStatus.Done, pair.Server.Session.Read(room, out var count));
        Assert.Equal(4, count);
        Assert.Equal(TlsStatus.WantInput, pair.Server.Session.Read(room, out count));
        Assert.Equal("89"u8, room.AsSpan(0, count));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void A_close_is_told_after_the_last_byte_and_writing_still_works(TlsProtocol version)
    {
        var pair = _kit.Pair(_kit.Server(o => o with { MaxVersion = version }));
        Assert.True(pair.Handshake());
        pair.Client.Session.Write("last"u8, out _);
        Assert.Equal(TlsStatus.Done, pair.Client.Session.Shutdown());
        TlsPair.Move(pair.Client, pair.Server);
        Assert.Equal(TlsStatus.Closed, pair.Server.ReadTurn());
        Assert.Equal("last"u8, pair.Server.Plain);
        Assert.Equal(TlsStatus.Closed, pair.Server.Session.EndInput());
        Assert.Equal(TlsFaultKind.None, pair.Server.Session.LastFault.Kind);

        Assert.Equal(TlsStatus.Done, pair.Server.Session.Write("answer"u8, out _));
        Assert.Equal(TlsStatus.Done, pair.Server.Session.Shutdown());
        TlsPair.Move(pair.Server, pair.Client);
        Assert.Equal(TlsStatus.Closed, pair.Client.ReadTurn());
        Assert.Equal("answer"u8, pair.Client.Plain);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void An_end_without_close_notify_is_a_truncation(TlsProtocol version)
    {
        var pair = _kit.Pair(_kit.Server(o => o with { MaxVersion = version }));
        Assert.True(pair.Handshake());
        pair.Client.Session.Write("first"u8, out _);
        TlsPair.Move(pair.Client, pair.Server);
        Assert.Equal(TlsStatus.WantInput, pair.Server.ReadTurn());
        Assert.Equal(TlsStatus.Failed, pair.Server.Session.EndInput());
        Assert.Equal(TlsFaultKind.Truncated, pair.Server.Session.LastFault.Kind);
        Assert.Equal("the connection ended without close_notify", pair.Server.Session.LastFault.ToString());
        Assert.Equal(TlsStatus.Failed, pair.Server.ReadTurn());
        Assert.Equal(TlsStatus.Done, pair.Server.Session.Write("still there"u8, out _));
    }

    [Fact]
    public void An_end_within_the_handshake_fails_it()
    {
        var pair = _kit.Pair();
        Assert.Equal(TlsStatus.WantInput, pair.Server.Turn(0, static s => s.Handshake()));
        Assert.Equal(TlsStatus.Failed, pair.Server.Session.EndInput());
        Assert.Equal(TlsStatus.Failed, pair.Server.Session.Handshake());
        Assert.Equal(TlsStatus.Failed, pair.Server.Session.Write("x"u8, out _));
        Assert.False(pair.Server.Session.Established);
    }

    [Fact]
    public void A_changed_byte_breaks_the_session_and_sends_an_alert()
    {
        var pair = _kit.Pair();
        Assert.True(pair.Handshake());
        pair.Settle();
        pair.Client.Session.Write("good"u8, out _);
        TlsPair.Move(pair.Client, pair.Server);
        pair.Client.Session.Write("bad"u8, out _);
        var cipher = pair.Client.Buffers.Outgoing.ToArray();
        cipher[^1] ^= 1;
        pair.Server.Arrived(cipher);
        Assert.Equal(TlsStatus.Failed, pair.Server.ReadTurn());
        Assert.Equal("good"u8, pair.Server.Plain);
        Assert.Equal(TlsFaultKind.Protocol, pair.Server.Session.LastFault.Kind);
        Assert.Contains("bad record mac", pair.Server.Session.LastFault.ToString(), StringComparison.Ordinal);
        pair.Client.Buffers.Clear();
        TlsPair.Move(pair.Server, pair.Client);
        Assert.Equal(TlsStatus.Failed, pair.Client.ReadTurn());
        Assert.Equal(TlsFaultKind.PeerAlert, pair.Client.Session.LastFault.Kind);
        Assert.Equal(TlsStatus.Done, pair.Server.Session.Shutdown());
    }

    [Fact]
    public void Bytes_of_another_connection_are_never_touched()
    {
        using var buffers = new TlsBuffers();
        using var first = TlsSession.Connect(_kit.Peer(), buffers)!;
        using var second = TlsSession.Connect(_kit.Peer(), buffers)!;
        Assert.Equal(TlsStatus.WantInput, first.Handshake());
        Assert.Throws<InvalidOperationException>(() => second.Handshake());
        buffers.Sent(buffers.Outgoing.Length);
        Assert.Equal(TlsStatus.WantInput, second.Handshake());
    }

    [Fact]
    public void Two_connections_take_turns_with_the_same_buffers()
    {
        var server = _kit.Server();
        using var buffers = new TlsBuffers();
        using var other = new TlsBuffers();
        var sessions = Enumerable.Range(0, 5).Select(_ => (Server: TlsSession.Accept(server, buffers)!, Client: TlsSession.Connect(_kit.Peer(), other)!)).ToList();
        for (var round = 0; round < 3; round++)
        {
            foreach (var (accepted, made) in sessions)
            {
                made.Handshake();
                Pass(other, buffers);
                accepted.Handshake();
                Pass(buffers, other);
                made.Handshake();
                Pass(other, buffers);
                accepted.Handshake();
                Pass(buffers, other);
                if (made.Established) made.Read(new byte[100], out _);
            }
        }

        Assert.All(sessions, s => Assert.True(s.Server.Established && s.Client.Established));
        sessions.ForEach(s => s.Server.Dispose());
        sessions.ForEach(s => s.Client.Dispose());
    }

    [Fact]
    public void Turns_allocate_nothing()
    {
        var pair = _kit.Pair(_kit.Server(o => o with { Alpn = ["http/1.1"], TicketKeys = new TlsTicketKeys(TlsKit.RandomKeys()) }), _kit.Peer(o => o with { Alpn = ["http/1.1"] }));
        Assert.True(pair.Handshake());
        pair.Settle();
        var plain = new byte[80 * 1024];
        Exchange(pair, plain, 10);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Exchange(pair, plain, 1_000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Exchange(TlsPair pair, byte[] plain, int times)
    {
        for (var i = 0; i < times; i++)
        {
            pair.Client.Session.Write(plain.AsSpan(0, 3_000), out _);
            Pass(pair.Client.Buffers, pair.Server.Buffers);
            pair.Server.Session.Read(plain, out var count);
            pair.Server.Session.Write(plain.AsSpan(0, count), out _);
            Pass(pair.Server.Buffers, pair.Client.Buffers);
            pair.Client.Session.Read(plain, out _);
            if (count != 3_000 || pair.Server.Session.Alpn != TlsAlpn.Http11) throw new InvalidOperationException("not what was sent");
        }
    }

    private static void Pass(TlsBuffers from, TlsBuffers to)
    {
        var bytes = from.Outgoing;
        bytes.CopyTo(to.Incoming);
        to.Received(bytes.Length);
        from.Sent(bytes.Length);
    }
}
