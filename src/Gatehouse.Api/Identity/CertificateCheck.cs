using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Api.Identity;

/// <summary>
/// Whether a certificate was issued directly by one known authority and holds now. Not a general path validation on purpose: identities depend on who
/// signed, so exactly one signature by exactly one key counts, and neither the system's trust store nor what the peer sends along has a say.
/// </summary>
public static class CertificateCheck
{
    /// <summary>Extended key usage of clients (RFC 5280 §4.2.1.12).</summary>
    public const string ClientPurpose = "1.3.6.1.5.5.7.3.2";

    /// <summary>Extended key usage of servers.</summary>
    public const string ServerPurpose = "1.3.6.1.5.5.7.3.1";

    private const string EcdsaWithSha256 = "1.2.840.10045.4.3.2";
    private const string BasicConstraints = "2.5.29.19";
    private const string KeyUsage = "2.5.29.15";

    /// <summary>SHA-256 of a certificate's SubjectPublicKeyInfo, lower-case hexadecimal.</summary>
    public static string PinOf(X509Certificate2 certificate) =>
        Convert.ToHexStringLower(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));

    /// <summary>Null when <paramref name="leaf"/> is good, otherwise why not.</summary>
    /// <param name="issuer">The authority, which the caller trusts; its own life is checked as well.</param>
    /// <param name="purpose"><see cref="ClientPurpose"/> or <see cref="ServerPurpose"/>.</param>
    public static string? Refuse(X509Certificate2 leaf, X509Certificate2 issuer, string purpose, DateTimeOffset now)
    {
        if (!IsSignedBy(leaf, issuer)) return $"was not issued by '{issuer.Subject}'";
        var (first, last, end) = (leaf.NotBefore.ToUniversalTime(), leaf.NotAfter.ToUniversalTime(), issuer.NotAfter.ToUniversalTime());
        if (now.UtcDateTime < first) return $"is not valid before {first:u}";
        if (now.UtcDateTime >= last) return $"expired at {last:u}";
        if (now.UtcDateTime >= end) return $"its authority expired at {end:u}";
        return RefuseExtensions(leaf, purpose);
    }

    /// <summary>Whether nothing but the time speaks against a certificate that was refused.</summary>
    public static bool IsOnlyOutOfTime(X509Certificate2 leaf, X509Certificate2 issuer, string purpose) => IsSignedBy(leaf, issuer) && RefuseExtensions(leaf, purpose) is null;

    /// <summary>Whether the issuer's key signed it, with ECDSA over SHA-256, the one algorithm that Gatehouse's authorities use.</summary>
    public static bool IsSignedBy(X509Certificate2 leaf, X509Certificate2 issuer)
    {
        if (!leaf.IssuerName.RawData.AsSpan().SequenceEqual(issuer.SubjectName.RawData)) return false;
        try
        {
            // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue } (RFC 5280 §4.1)
            var certificate = new AsnReader(leaf.RawDataMemory, AsnEncodingRules.DER).ReadSequence();
            var signed = certificate.ReadEncodedValue();
            if (certificate.ReadSequence().ReadObjectIdentifier() != EcdsaWithSha256) return false;
            var signature = certificate.ReadBitString(out _);
            using var key = issuer.GetECDsaPublicKey();
            return key is not null && key.VerifyData(signed.Span, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException)
        {
            return false;
        }
    }

    private static string? RefuseExtensions(X509Certificate2 leaf, string purpose)
    {
        var purposes = false;
        foreach (var extension in leaf.Extensions)
        {
            switch (extension)
            {
                case X509BasicConstraintsExtension basic when Own(basic).CertificateAuthority: return "is an authority, not a member";
                case X509EnhancedKeyUsageExtension usage: purposes = Own(usage).EnhancedKeyUsages.Cast<Oid>().Any(o => o.Value == purpose); break;
                case { Critical: true, Oid.Value: not (BasicConstraints or KeyUsage) }: return $"has the critical extension {extension.Oid?.Value}, which is not known";
                default: break;
            }
        }

        return purposes ? null : $"is not for {(purpose == ClientPurpose ? "clients" : "servers")}";
    }

    // The streams of a connection share its certificate, and the runtime's extensions decode themselves at the first look, into fields that another
    // thread reads half filled. A copy is one caller's alone.
    private static X509BasicConstraintsExtension Own(X509BasicConstraintsExtension shared) => new(shared, shared.Critical);

    private static X509EnhancedKeyUsageExtension Own(X509EnhancedKeyUsageExtension shared) => new(shared, shared.Critical);
}
