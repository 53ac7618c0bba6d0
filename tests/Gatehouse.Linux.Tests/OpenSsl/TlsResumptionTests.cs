using Gatehouse.Linux.OpenSsl;

namespace Gatehouse.Linux.Tests.OpenSsl;

public sealed class TlsResumptionTests : IDisposable
{
    private readonly TlsKit _kit = new();

    public static TheoryData<TlsProtocol> Versions => [TlsProtocol.Tls12, TlsProtocol.Tls13];

    public void Dispose() => _kit.Dispose();

    [Theory]
    [MemberData(nameof(Versions))]
    public void Contexts_that_share_keys_resume_each_others_sessions(TlsProtocol version)
    {
        var keys = TlsKit.RandomKeys();
        var peer = _kit.Peer();
        var first = _kit.Server(o => o with { MaxVersion = version, TicketKeys = new TlsTicketKeys(keys) });
        var second = _kit.Server(o => o with { MaxVersion = version, TicketKeys = new TlsTicketKeys(keys) });
        var stranger = _kit.Server(o => o with { MaxVersion = version, TicketKeys = new TlsTicketKeys(TlsKit.RandomKeys()) });
        Assert.False(Resumes(first, peer));
        Assert.True(Resumes(first, peer));
        Assert.True(Resumes(second, peer));
        Assert.False(Resumes(stranger, peer));
        Assert.True(Resumes(stranger, peer));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void After_a_rotation_old_tickets_are_taken_as_long_as_their_key_is_there(TlsProtocol version)
    {
        var (old, next, last) = (TlsKit.RandomKeys(), TlsKit.RandomKeys(), TlsKit.RandomKeys());
        var keys = new TlsTicketKeys(old);
        var server = _kit.Server(o => o with { MaxVersion = version, TicketKeys = keys });
        var (peer, late) = (_kit.Peer(), _kit.Peer());
        Assert.False(Resumes(server, peer));
        Assert.False(Resumes(server, late));
        keys.Replace([.. next, .. old]);
        Assert.True(Resumes(server, peer));

        // Its ticket was renewed with the key that encrypts now; the other's was not.
        keys.Replace([.. last, .. next]);
        Assert.True(Resumes(server, peer));
        Assert.False(Resumes(server, late));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Nothing_is_resumed_when_the_server_does_not_want_it(TlsProtocol version)
    {
        var server = _kit.Server(o => o with { MaxVersion = version });
        var peer = _kit.Peer();
        Assert.False(Resumes(server, peer));
        Assert.False(Resumes(server, peer));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Nothing_is_resumed_when_the_client_does_not_want_it(TlsProtocol version)
    {
        var server = _kit.Server(o => o with { MaxVersion = version, TicketKeys = new TlsTicketKeys(TlsKit.RandomKeys()) });
        var peer = _kit.Peer(o => o with { Resumption = false });
        Assert.False(Resumes(server, peer));
        Assert.False(Resumes(server, peer));
        Assert.False(peer.HasSession);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void A_session_is_not_resumed_where_other_authorities_sign_clients(TlsProtocol version)
    {
        using var strangers = new TestKit.Tls.TestAuthority("Strangers");
        var keys = new TlsTicketKeys(TlsKit.RandomKeys());
        var others = _kit.Keep(TlsAuthorities.Read(strangers.Pem));
        var here = _kit.Server(o => o with { MaxVersion = version, TicketKeys = keys, ClientCertificates = TlsClientCertificates.Required, ClientAuthorities = _kit.Authorities });
        var there = _kit.Server(o => o with { MaxVersion = version, TicketKeys = keys, ClientCertificates = TlsClientCertificates.Required, ClientAuthorities = others });
        var peer = _kit.Peer(o => o with { Certificate = _kit.Read(_kit.Keep(_kit.Authority.Issue("client"))) });
        Assert.False(Resumes(here, peer));
        Assert.True(Resumes(here, peer));
        var pair = _kit.Pair(there, peer);
        Assert.False(pair.Handshake() && !pair.Server.Session.Resumed);
        Assert.Equal(TlsFaultKind.Certificate, pair.Server.Session.LastFault.Kind);
    }

    [Fact]
    public void A_resumed_session_knows_the_clients_certificate()
    {
        var client = _kit.Keep(_kit.Authority.Issue("client"));
        var server = _kit.Server(o => o with
        {
            TicketKeys = new TlsTicketKeys(TlsKit.RandomKeys()),
            ClientCertificates = TlsClientCertificates.Required,
            ClientAuthorities = _kit.Authorities,
        });
        var peer = _kit.Peer(o => o with { Certificate = _kit.Read(client) });
        Assert.False(Resumes(server, peer));
        var pair = _kit.Pair(server, peer);
        Assert.True(pair.Handshake());
        Assert.True(pair.Server.Session.Resumed);
        Assert.Equal(new TlsPeerCertificate("CN=client", client.Sha256), pair.Server.Session.PeerCertificate);
    }

    [Fact]
    public void A_disposed_peer_keeps_no_session()
    {
        var server = _kit.Server(o => o with { TicketKeys = new TlsTicketKeys(TlsKit.RandomKeys()) });
        var peer = _kit.Peer();
        Assert.False(Resumes(server, peer));
        Assert.True(peer.HasSession);
        peer.Dispose();
        Assert.False(peer.HasSession);
        Assert.False(Resumes(server, peer));
        Assert.False(peer.HasSession);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(79)]
    [InlineData(81)]
    [InlineData(17 * 80)]
    public void Keys_of_another_length_are_refused(int length)
    {
        Assert.Throws<ArgumentException>(() => new TlsTicketKeys(new byte[length]));
        Assert.Throws<ArgumentException>(() => new TlsTicketKeys(new byte[80]).Replace(new byte[length]));
    }

    private bool Resumes(TlsContext server, TlsPeer peer)
    {
        using var pair = new TlsPair(server, peer);
        Assert.True(pair.Handshake(), pair.Server.Session.LastFault + " / " + pair.Client.Session.LastFault);
        pair.Settle();
        Assert.Equal(pair.Server.Session.Resumed, pair.Client.Session.Resumed);
        return pair.Server.Session.Resumed;
    }
}
