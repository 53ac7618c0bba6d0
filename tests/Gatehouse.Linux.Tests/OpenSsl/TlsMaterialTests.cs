using System.Security.Cryptography;
using Gatehouse.Linux.OpenSsl;

namespace Gatehouse.Linux.Tests.OpenSsl;

/// <summary>Certificates, keys and settings that OpenSSL refuses: each says what and why.</summary>
public sealed class TlsMaterialTests : IDisposable
{
    private const string NotPem = "nonsense";
    private readonly TlsKit _kit = new();

    public void Dispose() => _kit.Dispose();

    [Fact]
    public void Broken_pem_is_told()
    {
        var good = _kit.Certificate;
        var cut = good.Chain[..(good.Chain.Length / 3)];
        var changed = good.Chain.Replace("\nMII", "\nXII", StringComparison.Ordinal);
        Assert.StartsWith("reading the certificate (at least one PEM certificate): ", Refused(NotPem, good.Key), StringComparison.Ordinal);
        Assert.StartsWith("reading the certificate (at least one PEM certificate): ", Refused("", good.Key), StringComparison.Ordinal);
        Assert.StartsWith("reading certificate 1 of the certificate: ", Refused(cut, good.Key), StringComparison.Ordinal);
        Assert.StartsWith("reading certificate 1 of the certificate: ", Refused(changed, good.Key), StringComparison.Ordinal);
        Assert.StartsWith("reading certificate 3 of the certificate: ", Refused(good.Chain + cut, good.Key), StringComparison.Ordinal);
        Assert.StartsWith("reading the key (a PEM private key without a password): ", Refused(good.Chain, NotPem), StringComparison.Ordinal);
        Assert.StartsWith("matching the key with the certificate: key values mismatch", Refused(good.Chain, OtherKey()), StringComparison.Ordinal);
        Assert.StartsWith("reading the OCSP response (DER): ", Refused(good.Chain, good.Key, [1, 2, 3]), StringComparison.Ordinal);
        Assert.StartsWith("reading the OCSP response: the responder answered with status 6", Refused(good.Chain, good.Key, [0x30, 3, 0x0A, 1, 6]), StringComparison.Ordinal);
        Assert.StartsWith("reading the authorities (at least one PEM certificate): ", Assert.Throws<OpenSslException>(() => TlsAuthorities.Read(NotPem)).Message, StringComparison.Ordinal);
    }

    /// <summary>Keys as older tools write them, with other blocks before.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_key_may_be_of_its_own_format(bool rsa)
    {
        using var certificate = rsa ? _kit.Authority.IssueRsa("a.example") : _kit.Authority.Issue("a.example");
        using var ecdsa = rsa ? null : ECDsa.Create();
        ecdsa?.ImportFromPem(certificate.Key);
        using var own = rsa ? RSA.Create() : null;
        own?.ImportFromPem(certificate.Key);
        var parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
        var text = own?.ExportRSAPrivateKeyPem() ?? (parameters + ecdsa!.ExportECPrivateKeyPem());
        using var read = TlsCertificate.Read(certificate.Chain, "# comment\n" + text);
        Assert.True(_kit.Pair(_kit.Server(o => o with { Certificate = read })).Handshake());
        Assert.StartsWith("matching the key with the certificate: ", Refused(rsa ? _kit.Certificate.Chain : _kit.Keep(_kit.Authority.IssueRsa("b")).Chain, text), StringComparison.Ordinal);
    }

    [Fact]
    public void An_encrypted_key_is_refused_and_nobody_is_asked_for_its_password()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var encrypted = key.ExportEncryptedPkcs8PrivateKeyPem("secret", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1_000));
        Assert.StartsWith("reading the key (a PEM private key without a password): ", Refused(_kit.Certificate.Chain, encrypted), StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_that_is_too_small_is_a_fault_of_the_certificate()
    {
        using var key = RSA.Create(512);
        var request = new System.Security.Cryptography.X509Certificates.CertificateRequest("CN=small", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
        var small = _kit.Keep(TlsCertificate.Read(certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem()));
        var fault = Assert.Throws<OpenSslException>(() => _kit.Server(o => o with { Certificate = small }));
        Assert.Equal("using the certificate: ee key too small", fault.Message);
        Assert.True(fault.IsOfCertificate);
    }

    [Fact]
    public void Settings_that_cannot_be_are_told()
    {
        Assert.Equal("setting the ciphers 'NONE-SUCH': no cipher match", Refused(o => o with { Ciphers = "NONE-SUCH" }));
        Assert.Equal("clients are asked for certificates, but nobody is named who may have signed them", Refused(o => o with { ClientCertificates = TlsClientCertificates.Optional }));
        Assert.Equal("the ALPN protocol '' has 0 bytes: 1 to 255 are allowed", Refused(o => o with { Alpn = [""] }));
    }

    [Theory]
    [InlineData("with space")]
    [InlineData("with\0zero")]
    [InlineData("ümlaut.example")]
    public void What_is_no_host_name_is_no_peer(string name) => Assert.Throws<ArgumentException>(() => new TlsPeer(_kit.Client(), name));

    [Fact]
    public void Ends_are_not_mixed_up()
    {
        using var buffers = new TlsBuffers();
        Assert.Throws<ArgumentException>(() => TlsSession.Accept(_kit.Client(), buffers));
        Assert.Throws<ArgumentException>(() => new TlsPeer(_kit.Server(), "a.example"));
    }

    private static string OtherKey()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return key.ExportPkcs8PrivateKeyPem();
    }

    private static string Refused(string chain, string key, byte[]? staple = null) => Assert.Throws<OpenSslException>(() => TlsCertificate.Read(chain, key, staple)).Message;

    private string Refused(Func<TlsServerOptions, TlsServerOptions> change) => Assert.Throws<OpenSslException>(() => _kit.Server(change)).Message;
}
