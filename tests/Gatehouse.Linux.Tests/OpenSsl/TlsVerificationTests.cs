using Gatehouse.Linux.OpenSsl;
using Gatehouse.TestKit.Tls;

namespace Gatehouse.Linux.Tests.OpenSsl;

/// <summary>Who is let in, and whom a client believes.</summary>
public sealed class TlsVerificationTests : IDisposable
{
    private readonly TlsKit _kit = new();
    private readonly TestAuthority _strangers = new("Strangers");

    public enum Shown
    {
        Nothing,
        Valid,
        Expired,
        Foreign,
    }

    public static TheoryData<TlsProtocol, TlsClientCertificates, Shown, string?> Clients
    {
        get
        {
            var rows = new TheoryData<TlsProtocol, TlsClientCertificates, Shown, string?>();
            foreach (var version in new[] { TlsProtocol.Tls12, TlsProtocol.Tls13 })
            {
                rows.Add(version, TlsClientCertificates.None, Shown.Nothing, null);
                rows.Add(version, TlsClientCertificates.None, Shown.Foreign, null);
                rows.Add(version, TlsClientCertificates.Optional, Shown.Nothing, null);
                rows.Add(version, TlsClientCertificates.Optional, Shown.Valid, null);
                rows.Add(version, TlsClientCertificates.Optional, Shown.Expired, "certificate verify failed: certificate has expired");
                rows.Add(version, TlsClientCertificates.Optional, Shown.Foreign, "certificate verify failed: self-signed certificate in certificate chain");
                rows.Add(version, TlsClientCertificates.Required, Shown.Nothing, "peer did not return a certificate");
                rows.Add(version, TlsClientCertificates.Required, Shown.Valid, null);
                rows.Add(version, TlsClientCertificates.Required, Shown.Expired, "certificate verify failed: certificate has expired");
                rows.Add(version, TlsClientCertificates.Required, Shown.Foreign, "certificate verify failed: self-signed certificate in certificate chain");
            }

            return rows;
        }
    }

    public static TheoryData<string?, bool, string?> Servers => new()
    {
        { "a.example", true, null },
        { "A.EXAMPLE", true, null },
        { "x.wild.example", true, null },
        { "x.y.wild.example", true, "hostname mismatch" },
        { "wild.example", true, "hostname mismatch" },
        { "b.example", true, "hostname mismatch" },
        { "b.example", false, null },
        { "127.0.0.1", true, null },
        { "127.0.0.2", true, "IP address mismatch" },
        { null, true, null },
    };

    public void Dispose()
    {
        _kit.Dispose();
        _strangers.Dispose();
    }

    [Theory]
    [MemberData(nameof(Clients))]
    public void Clients_are_asked_as_configured(TlsProtocol version, TlsClientCertificates mode, Shown shown, string? fault)
    {
        var certificate = shown switch
        {
            Shown.Valid => _kit.Authority.Issue("client"),
            Shown.Expired => _kit.Authority.IssueExpired("client"),
            Shown.Foreign => _strangers.Issue("client"),
            _ => null,
        };
        var server = _kit.Server(o => o with
        {
            MaxVersion = version,
            ClientCertificates = mode,
            ClientAuthorities = mode == TlsClientCertificates.None ? null : _kit.Authorities,
        });
        var found = _kit.Server(o => o with { ClientCertificates = mode, ClientAuthorities = mode == TlsClientCertificates.None ? null : _kit.Authorities });
        var choosing = _kit.Server(o => o with
        {
            MaxVersion = version,
            ClientCertificates = mode,
            ClientAuthorities = mode == TlsClientCertificates.None ? null : _kit.Authorities,
            Names = _ => found,
        });
        foreach (var context in new[] { server, choosing })
        {
            var pair = _kit.Pair(context, _kit.Peer(o => o with { Certificate = certificate is null ? null : _kit.Read(certificate) }));
            _ = pair.Handshake();
            pair.Settle();
            Assert.Equal(fault ?? "", pair.Server.Session.LastFault.ToString());
            Assert.Equal(fault is null ? TlsFaultKind.None : TlsFaultKind.Certificate, pair.Server.Session.LastFault.Kind);
            Assert.Equal(fault is null && mode != TlsClientCertificates.None ? certificate?.Sha256 : null, fault is null ? pair.Server.Session.PeerCertificate?.Sha256 : null);
            if (fault is not null) Assert.Equal(TlsFaultKind.PeerAlert, pair.Client.Session.LastFault.Kind);
        }

        certificate?.Dispose();
    }

    [Theory]
    [MemberData(nameof(Servers))]
    public void A_client_believes_the_name_and_the_signature(string? name, bool checkName, string? fault)
    {
        var pair = _kit.Pair(peer: _kit.Peer(name: name, checkName: checkName));
        Assert.Equal(fault is null, pair.Handshake());
        Assert.Equal(fault is null ? "" : $"certificate verify failed: {fault}", pair.Client.Session.LastFault.ToString());
        Assert.Equal(name is null || char.IsDigit(name[0]) ? "" : name, System.Text.Encoding.ASCII.GetString(pair.Server.Session.ServerName));
    }

    [Fact]
    public void A_client_believes_no_stranger_unless_it_does_not_look()
    {
        using var certificate = _strangers.Issue("a.example");
        var server = _kit.Server(o => o with { Certificate = _kit.Read(certificate) });
        var pair = _kit.Pair(server);
        Assert.False(pair.Handshake());
        Assert.Equal(TlsFaultKind.Certificate, pair.Client.Session.LastFault.Kind);
        Assert.True(_kit.Pair(server, _kit.Peer(o => o with { Authorities = null })).Handshake());
        Assert.False(_kit.Pair(server, _kit.Peer(o => o with { Authorities = _kit.Keep(TlsAuthorities.OfSystem()) })).Handshake());
    }

    [Fact]
    public void A_client_refuses_an_expired_certificate()
    {
        using var certificate = _kit.Authority.IssueExpired("a.example");
        var pair = _kit.Pair(_kit.Server(o => o with { Certificate = _kit.Read(certificate) }));
        Assert.False(pair.Handshake());
        Assert.Equal("certificate verify failed: certificate has expired", pair.Client.Session.LastFault.ToString());
    }

    [Fact]
    public void An_rsa_key_serves_too()
    {
        using var certificate = _kit.Authority.IssueRsa("a.example");
        var pair = _kit.Pair(_kit.Server(o => o with { Certificate = _kit.Read(certificate), MaxVersion = TlsProtocol.Tls12, Ciphers = "ECDHE-RSA-AES256-GCM-SHA384" }));
        Assert.True(pair.Handshake());
        Assert.Equal("ECDHE-RSA-AES256-GCM-SHA384"u8, pair.Client.Session.Cipher);
    }

    [Fact]
    public void A_subject_that_is_not_ascii_is_told_in_ascii()
    {
        using var client = _kit.Authority.Issue("José, \r\nX: y");
        var pair = _kit.Pair(
            _kit.Server(o => o with { ClientCertificates = TlsClientCertificates.Optional, ClientAuthorities = _kit.Authorities }), _kit.Peer(o => o with { Certificate = _kit.Read(client) }));
        _ = pair.Handshake();
        pair.Settle();
        Assert.Equal(@"CN=Jos\C3\A9\, \0D\0AX: y", pair.Server.Session.PeerCertificate!.Subject);
    }
}
