using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Api.Identity;

/// <summary>
/// Signs certificates with an ECDSA P-256 key: the root authority (self-signed, ten years), or a cluster's intermediate (path length 0), with which the
/// cluster signs its workers also while root is away.
/// </summary>
/// <remarks>Safe for any thread. Nothing of a signing request but its public key is believed: subject, purpose and life are set here.</remarks>
public sealed class CertificateAuthority : IDisposable
{
    /// <summary>Life of a root authority.</summary>
    public static readonly TimeSpan RootLife = TimeSpan.FromDays(3650);

    /// <summary>Life of an intermediate; the cluster renews it along with its own certificate, under the same key.</summary>
    public static readonly TimeSpan IntermediateLife = TimeSpan.FromDays(90);

    /// <summary>Default life of a member's, an operator's or a server's certificate.</summary>
    public static readonly TimeSpan DefaultLeafLife = TimeSpan.FromHours(24);

    /// <summary>How far before the present a certificate starts, for machines whose clock is behind.</summary>
    private static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(5);

    private readonly ECDsa _key;
    private readonly TimeProvider _time;

    private CertificateAuthority(X509Certificate2 certificate, X509Certificate2 root, ECDsa key, TimeProvider time)
    {
        Certificate = certificate;
        Root = root;
        _key = key;
        _time = time;
        Pin = CertificateCheck.PinOf(certificate);
    }

    /// <summary>The authority's own certificate, without key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>The self-signed certificate at the top; the same as <see cref="Certificate"/> for a root authority.</summary>
    public X509Certificate2 Root { get; }

    /// <summary>Whether this is a root authority.</summary>
    public bool IsRoot => Certificate.RawDataMemory.Span.SequenceEqual(Root.RawDataMemory.Span);

    /// <summary>SHA-256 of the authority's SubjectPublicKeyInfo, lower-case hexadecimal: the last part of a join token.</summary>
    public string Pin { get; }

    /// <summary>What stands between a leaf and <see cref="Root"/>, as PEM: the intermediate, or nothing.</summary>
    public string ChainPem => IsRoot ? "" : Certificate.ExportCertificatePem() + "\n";

    /// <summary><see cref="Root"/> as PEM.</summary>
    public string RootPem => Root.ExportCertificatePem() + "\n";

    /// <summary>A new root authority, held in memory alone.</summary>
    public static CertificateAuthority CreateRoot(string name, TimeProvider time)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(SubjectName.Of(name, []), key, HashAlgorithmName.SHA256);
        AddAuthorityExtensions(request, pathLength: null);
        var now = time.GetUtcNow();
        using var signed = request.CreateSelfSigned(now - ClockSkew, now + RootLife);
        var certificate = X509CertificateLoader.LoadCertificate(signed.RawData);
        return new CertificateAuthority(certificate, certificate, key, time);
    }

    /// <summary>The root authority of a state directory (<c>ca.pem</c>, <c>ca-key.pem</c>); made when neither file exists.</summary>
    /// <exception cref="IdentityFileException">A file is missing, damaged, or the two do not belong together.</exception>
    public static CertificateAuthority OpenRoot(string directory, string name, TimeProvider time)
    {
        var certificatePath = Path.Combine(directory, IdentityFiles.AuthorityCertificate);
        var keyPath = Path.Combine(directory, IdentityFiles.AuthorityKey);
        if (!File.Exists(certificatePath) && !File.Exists(keyPath))
        {
            var made = CreateRoot(name, time);
            // The key first: a crash between the two leaves a key without certificate, which the next start reports instead of replacing.
            IdentityFiles.Write(keyPath, made._key.ExportPkcs8PrivateKeyPem() + "\n");
            IdentityFiles.Write(certificatePath, made.RootPem);
            return made;
        }

        var certificate = IdentityFiles.ReadCertificate(certificatePath);
        return new CertificateAuthority(certificate, certificate, IdentityFiles.ReadKey(keyPath, certificate), time);
    }

    /// <summary>The intermediate authority of a cluster's state directory (<c>issuer.pem</c>, <c>issuer-key.pem</c>, <c>ca.pem</c>); null before it joined.</summary>
    /// <exception cref="IdentityFileException">A file is missing, damaged, or the two do not belong together.</exception>
    public static CertificateAuthority? OpenIntermediate(string directory, TimeProvider time)
    {
        var certificatePath = Path.Combine(directory, IdentityFiles.IntermediateCertificate);
        if (!File.Exists(certificatePath)) return null;
        using var certificate = IdentityFiles.ReadCertificate(certificatePath);
        using var root = IdentityFiles.ReadCertificate(Path.Combine(directory, IdentityFiles.AuthorityCertificate));
        return FromIntermediate(certificate, root, IdentityFiles.ReadKey(Path.Combine(directory, IdentityFiles.IntermediateKey), certificate), time);
    }

    /// <summary>An intermediate authority out of what a join returned.</summary>
    /// <param name="certificate">Stays the caller's, as <paramref name="root"/> does.</param>
    /// <param name="key">Owned by the authority from here on.</param>
    public static CertificateAuthority FromIntermediate(X509Certificate2 certificate, X509Certificate2 root, ECDsa key, TimeProvider time) =>
        new(X509CertificateLoader.LoadCertificate(certificate.RawData), X509CertificateLoader.LoadCertificate(root.RawData), key, time);

    /// <summary>Writes what <see cref="OpenIntermediate"/> reads, each file whole or not at all.</summary>
    public void SaveIntermediate(string directory)
    {
        IdentityFiles.Write(Path.Combine(directory, IdentityFiles.AuthorityCertificate), RootPem);
        IdentityFiles.Write(Path.Combine(directory, IdentityFiles.IntermediateKey), _key.ExportPkcs8PrivateKeyPem() + "\n");
        IdentityFiles.Write(Path.Combine(directory, IdentityFiles.IntermediateCertificate), ChainPem);
    }

    /// <summary>A client certificate for a member or an operator.</summary>
    /// <param name="life">Null: <see cref="DefaultLeafLife"/>. Never longer than the authority's own.</param>
    public X509Certificate2 IssueClient(PublicKey key, UserInfo user, TimeSpan? life = null)
    {
        var request = new CertificateRequest(SubjectName.Of(user.Name, user.Groups), key, HashAlgorithmName.SHA256);
        AddLeafExtensions(request, CertificateCheck.ClientPurpose);
        return Sign(request, life ?? DefaultLeafLife);
    }

    /// <summary>A server certificate.</summary>
    /// <param name="names">DNS names and IP addresses; at least one.</param>
    /// <param name="life">Null: <see cref="DefaultLeafLife"/>.</param>
    public X509Certificate2 IssueServer(PublicKey key, IReadOnlyList<string> names, TimeSpan? life = null)
    {
        ArgumentOutOfRangeException.ThrowIfZero(names.Count, nameof(names));
        var request = new CertificateRequest(SubjectName.Of(names[0], []), key, HashAlgorithmName.SHA256);
        AddLeafExtensions(request, CertificateCheck.ServerPurpose);
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (var name in names.Distinct(StringComparer.OrdinalIgnoreCase))
        {
            if (System.Net.IPAddress.TryParse(name, out var address)) alternatives.AddIpAddress(address);
            else alternatives.AddDnsName(name);
        }

        request.CertificateExtensions.Add(alternatives.Build());
        return Sign(request, life ?? DefaultLeafLife);
    }

    /// <summary>The certificate of a cluster's intermediate authority.</summary>
    /// <exception cref="InvalidOperationException">This authority is itself an intermediate.</exception>
    public X509Certificate2 IssueIntermediate(PublicKey key, string cluster, TimeSpan? life = null)
    {
        if (!IsRoot) throw new InvalidOperationException("only the root authority signs intermediates");
        var request = new CertificateRequest(SubjectName.Of($"gatehouse cluster {cluster}", []), key, HashAlgorithmName.SHA256);
        AddAuthorityExtensions(request, pathLength: 0);
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Certificate, true, false));
        return Sign(request, life ?? IntermediateLife);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _key.Dispose();
        Root.Dispose();
        Certificate.Dispose();
    }

    private X509Certificate2 Sign(CertificateRequest request, TimeSpan life)
    {
        var now = _time.GetUtcNow();
        var (first, last) = (new DateTimeOffset(Certificate.NotBefore), new DateTimeOffset(Certificate.NotAfter));
        if (now >= last) throw new InvalidOperationException($"the authority '{Certificate.Subject}' expired at {last:u}");
        var start = now - ClockSkew < first ? first : now - ClockSkew;
        // With a clock that is behind the authority's start there is no present to count from.
        var from = now > first ? now : first;
        var end = from + life > last ? last : from + life;
        Span<byte> serial = stackalloc byte[16];
        RandomNumberGenerator.Fill(serial);
        serial[0] = (byte)(serial[0] & 0x7F | 0x40); // positive and of full length (RFC 5280 §4.1.2.2)
        return request.Create(Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(_key), start, end, serial);
    }

    private void AddLeafExtensions(CertificateRequest request, string purpose)
    {
        var extensions = request.CertificateExtensions;
        extensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        extensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        extensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], critical: false));
        extensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Certificate, true, false));
    }

    private static void AddAuthorityExtensions(CertificateRequest request, int? pathLength)
    {
        var extensions = request.CertificateExtensions;
        extensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, pathLength is not null, pathLength ?? 0, critical: true));
        extensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        extensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
    }
}
