using Gatehouse.Linux.OpenSsl;

namespace Gatehouse.Linux.Tests.OpenSsl;

/// <summary>Peers that send anything. A session answers with a status and a fault, and never with an exception, a crash or a hang; and it never believes what was changed.</summary>
public sealed class TlsFuzzTests : IDisposable
{
    private readonly TlsKit _kit = new();
    private readonly byte[] _plain = new byte[80 * 1024];

    public void Dispose() => _kit.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Noise_is_refused(int seed)
    {
        var random = new Random(seed);
        var server = _kit.Server(o => o with { Names = _ => null });
        using var buffers = new TlsBuffers();
        for (var i = 0; i < 3_000; i++)
        {
            using var session = TlsSession.Accept(server, buffers)!;
            var noise = new byte[random.Next(1, 600)];
            random.NextBytes(noise);
            if (i % 2 == 0) Frame(noise);
            var status = Feed(session, buffers, noise, random);
            Assert.True(status is TlsStatus.WantInput or TlsStatus.Failed);
            Assert.False(session.Established);
            Assert.Equal(status == TlsStatus.Failed, session.LastFault.Kind != TlsFaultKind.None);
        }
    }

    [Theory]
    [InlineData(TlsProtocol.Tls12, 3)]
    [InlineData(TlsProtocol.Tls13, 4)]
    public void Changed_handshakes_are_refused_or_end_well(TlsProtocol version, int seed)
    {
        var random = new Random(seed);
        var server = _kit.Server(o => o with { MaxVersion = version, Alpn = ["http/1.1"], TicketKeys = new TlsTicketKeys(TlsKit.RandomKeys()) });
        var peer = _kit.Peer(o => o with { Alpn = ["http/1.1"] });
        var established = 0;
        for (var i = 0; i < 1_500; i++)
        {
            using var pair = new TlsPair(server, peer);
            for (var turn = 0; turn < 4; turn++)
            {
                pair.Client.ReadTurn();
                Send(pair.Client, pair.Server, random);
                pair.Server.ReadTurn(random.Next(1, 2_000));
                pair.Server.ReadTurn();
                Send(pair.Server, pair.Client, random);
            }

            if (pair.Server.Session.Established && pair.Client.Session.Established) established++;
        }

        // Both kinds came up: else the fuzzer does not do what it says.
        Assert.InRange(established, 1, 1_499);
    }

    [Fact]
    public void Changed_records_never_give_other_bytes()
    {
        var random = new Random(5);
        var server = _kit.Server();
        var peer = _kit.Peer();
        var sent = new byte[20_000];
        random.NextBytes(sent);
        for (var i = 0; i < 500; i++)
        {
            using var pair = new TlsPair(server, peer);
            Assert.True(pair.Handshake());
            pair.Client.Session.Write(sent, out _);
            var cipher = pair.Client.Buffers.Outgoing.ToArray();
            Mutate(ref cipher, random);
            pair.Server.Arrived(cipher);
            while (pair.Server.Waits && pair.Server.ReadTurn(random.Next(1, 9_000)) == TlsStatus.WantInput)
            {
            }

            Assert.True(sent.AsSpan().StartsWith(pair.Server.Plain));
        }
    }

    private static void Send(TlsEnd from, TlsEnd to, Random random)
    {
        var bytes = from.Buffers.Outgoing.ToArray();
        from.Buffers.Sent(bytes.Length);
        if (bytes.Length > 0 && random.Next(3) == 0) Mutate(ref bytes, random);
        to.Arrived(bytes);
    }

    private static void Mutate(ref byte[] bytes, Random random)
    {
        for (var times = random.Next(1, 4); times > 0; times--)
        {
            var at = random.Next(bytes.Length);
            switch (random.Next(5))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes = [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + random.Next(1, 20))..], 0];
                    break;
                case 3:
                    bytes = [.. bytes[..at], (byte)random.Next(256), .. bytes[at..]];
                    break;
                default:
                    bytes = [.. bytes, .. bytes[at..]];
                    break;
            }
        }
    }

    /// <summary>Looks like a record of a handshake with a hello in it.</summary>
    private static void Frame(byte[] noise)
    {
        ReadOnlySpan<byte> head = [22, 3, 1, (byte)((noise.Length - 5) >> 8), (byte)(noise.Length - 5), 1, 0, (byte)((noise.Length - 9) >> 8), (byte)(noise.Length - 9), 3, 3];
        head[..Math.Min(head.Length, noise.Length)].CopyTo(noise);
    }

    private TlsStatus Feed(TlsSession session, TlsBuffers buffers, ReadOnlySpan<byte> bytes, Random random)
    {
        var status = TlsStatus.WantInput;
        while (bytes.Length > 0 && status == TlsStatus.WantInput)
        {
            var count = random.Next(1, bytes.Length + 1);
            bytes[..count].CopyTo(buffers.Incoming);
            buffers.Received(count);
            status = session.Read(_plain, out _);
            bytes = bytes[count..];
        }

        buffers.Clear();
        return status;
    }
}
