using Gatehouse.Linux.OpenSsl;

namespace Gatehouse.Linux.Tests.OpenSsl;

/// <summary>What is made is freed. Counts of the whole process, so nothing else runs at the same time.</summary>
[CollectionDefinition(nameof(TlsLifetimeTests), DisableParallelization = true)]
[Collection(nameof(TlsLifetimeTests))]
public sealed class TlsLifetimeTests
{
    [Fact]
    public void A_context_is_freed_with_its_last_session()
    {
        using var kit = new TlsKit();
        var before = TlsContextData.Alive;
        var context = TlsContext.Server(new TlsServerOptions { Certificate = kit.Read(kit.Certificate) });
        using var peer = kit.Peer();
        var pair = new TlsPair(context, peer);
        Assert.True(pair.Handshake());
        Assert.Equal(before + 2, TlsContextData.Alive);
        context.Dispose();
        context.Dispose();
        Assert.Equal(before + 2, TlsContextData.Alive);
        pair.Dispose();
        Assert.Equal(before + 1, TlsContextData.Alive);
    }

    [Fact]
    public void A_context_that_could_not_be_made_leaves_nothing()
    {
        using var kit = new TlsKit();
        var before = TlsContextData.Alive;
        Assert.Throws<OpenSslException>(() => TlsContext.Server(new TlsServerOptions { Ciphers = "NONE-SUCH" }));
        Assert.Throws<OpenSslException>(() => TlsContext.Client(new TlsClientOptions { Alpn = [new string('x', 256)] }));
        Assert.Equal(before, TlsContextData.Alive);
    }

    [Fact]
    public void Thousands_of_sessions_leave_no_memory_behind()
    {
        using var kit = new TlsKit();
        var server = kit.Server(o => o with { TicketKeys = new TlsTicketKeys(TlsKit.RandomKeys()) });
        var peer = kit.Peer();

        // A leaked session would be 14 KB, so 42 MB; a leaked ticket alone 3 MB.
        Assert.InRange(LeastGrowth(() => Run(kit, server, peer, 3_000)), long.MinValue, 2_000_000);
    }

    [Fact]
    public void Thousands_of_contexts_and_certificates_leave_no_memory_behind()
    {
        using var kit = new TlsKit();
        var alive = TlsContextData.Alive;

        // A leaked context would be 13 KB, so 13 MB; a leaked certificate 5 MB.
        Assert.InRange(LeastGrowth(() => Make(kit, 1_000)), long.MinValue, 2_000_000);
        Assert.Equal(alive, TlsContextData.Alive);
    }

    private static void Make(TlsKit kit, int times)
    {
        for (var i = 0; i < times; i++)
        {
            using var authorities = TlsAuthorities.Read(kit.Authority.Pem);
            using var certificate = TlsCertificate.Read(kit.Certificate.Chain, kit.Certificate.Key);
            using var server = TlsContext.Server(new TlsServerOptions { Certificate = certificate, ClientCertificates = TlsClientCertificates.Optional, ClientAuthorities = authorities });
            using var client = TlsContext.Client(new TlsClientOptions { Authorities = authorities, Certificate = certificate, Alpn = ["h2"] });
            using var peer = new TlsPeer(client, "a.example");
            Assert.Throws<OpenSslException>(() => TlsCertificate.Read(kit.Certificate.Chain, kit.Authority.KeyPem));
        }
    }

    /// <summary>Whole ones, half ones and broken ones; the buffers stay, as those of a loop do.</summary>
    private static void Run(TlsKit kit, TlsContext server, TlsPeer peer, int times)
    {
        using var serverBuffers = new TlsBuffers();
        using var clientBuffers = new TlsBuffers();
        var plain = new byte[80 * 1024];
        for (var i = 0; i < times; i++)
        {
            using var accepted = TlsSession.Accept(server, serverBuffers)!;
            using var made = TlsSession.Connect(peer, clientBuffers)!;
            var turns = i % 3 == 0 ? 1 : 3;
            for (var turn = 0; turn < turns; turn++)
            {
                made.Read(plain, out _);
                Pass(clientBuffers, serverBuffers);
                if (i % 3 == 1 && turn == 1) serverBuffers.Clear();
                accepted.Read(plain, out _);
                Pass(serverBuffers, clientBuffers);
            }

            Assert.Equal(i % 3 == 2, accepted.Established);
            serverBuffers.Clear();
            clientBuffers.Clear();
        }
    }

    private static void Pass(TlsBuffers from, TlsBuffers to)
    {
        var bytes = from.Outgoing;
        bytes.CopyTo(to.Incoming);
        to.Received(bytes.Length);
        from.Sent(bytes.Length);
    }

    /// <summary>A leak shows every time; the runtime's own growth does not.</summary>
    private static long LeastGrowth(Action act)
    {
        var least = long.MaxValue;
        for (var rounds = 0; rounds < 4; rounds++)
        {
            var before = ResidentBytes();
            act();
            least = Math.Min(least, ResidentBytes() - before);
        }

        return least;
    }

    private static long ResidentBytes()
    {
        GC.Collect();
        return long.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture) * Environment.SystemPageSize;
    }
}
