using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.TestKit.Tls;

/// <summary>A certificate with its key, as PEM and as .NET has it.</summary>
public sealed record TestCertificate(string Chain, string Key, X509Certificate2 Certificate) : IDisposable
{
    /// <summary>The SHA-256 of the DER, in small hexadecimal digits.</summary>
    public string Sha256 => Convert.ToHexStringLower(SHA256.HashData(Certificate.RawData));

    /// <inheritdoc/>
    public void Dispose() => Certificate.Dispose();
}

/// <summary>An authority for tests, P-256, which signs what it is asked to.</summary>
public sealed class TestAuthority : IDisposable
{
    private static readonly DateTimeOffset Begin = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset End = new(2049, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public TestAuthority(string name = "Test authority")
    {
        var request = new CertificateRequest($"CN={name}", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        Certificate = request.CreateSelfSigned(Begin, End);
    }

    /// <summary>Its own certificate.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>The same as PEM.</summary>
    public string Pem => Certificate.ExportCertificatePem() + "\n";

    /// <summary>Its key as PEM.</summary>
    public string KeyPem => _key.ExportPkcs8PrivateKeyPem() + "\n";

    /// <summary>A certificate for names and addresses; the first is also the subject, and may be no host.</summary>
    public TestCertificate Issue(params string[] names) => Issue(names, Begin, End, rsa: false);

    /// <summary>One that was valid once.</summary>
    public TestCertificate IssueExpired(params string[] names) => Issue(names, Begin, Begin.AddYears(1), rsa: false);

    /// <summary>One with an RSA key of 2,048 bits.</summary>
    public TestCertificate IssueRsa(params string[] names) => Issue(names, Begin, End, rsa: true);

    /// <inheritdoc/>
    public void Dispose()
    {
        Certificate.Dispose();
        _key.Dispose();
    }

    private TestCertificate Issue(string[] names, DateTimeOffset begin, DateTimeOffset end, bool rsa)
    {
        using AsymmetricAlgorithm key = rsa ? RSA.Create(2048) : ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var named = new X500DistinguishedNameBuilder();
        named.AddCommonName(names[0]);
        var subject = named.Build();
        var request = key is RSA r
            ? new CertificateRequest(subject, r, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new CertificateRequest(subject, (ECDsa)key, HashAlgorithmName.SHA256);
        var alternatives = new SubjectAlternativeNameBuilder();
        var hosts = names.Where(n => Uri.CheckHostName(n.Replace('*', 'x')) != UriHostNameType.Unknown).ToList();
        foreach (var name in hosts)
        {
            if (IPAddress.TryParse(name, out var address)) alternatives.AddIpAddress(address);
            else alternatives.AddDnsName(name);
        }

        if (hosts.Count > 0) request.CertificateExtensions.Add(alternatives.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Certificate, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        var generator = X509SignatureGenerator.CreateForECDsa(_key);
        using var certificate = request.Create(Certificate.SubjectName, generator, begin, end, RandomNumberGenerator.GetBytes(16));
        using var withKey = key is RSA own ? certificate.CopyWithPrivateKey(own) : certificate.CopyWithPrivateKey((ECDsa)key);
        var chain = certificate.ExportCertificatePem() + "\n" + Pem;
        return new TestCertificate(chain, key.ExportPkcs8PrivateKeyPem() + "\n", X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), password: null));
    }
}
