using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Proxy.Configuration.Form;

namespace Gatehouse.Proxy.Configuration.Validation;

/// <summary>What must hold for certificates, keys and authorities.</summary>
internal static class CertificateRules
{
    private const string CertificateLabel = "CERTIFICATE";

    /// <summary>Chain and key are PEM and belong together.</summary>
    public static void Check(Certificate certificate, ConfigCheck check)
    {
        if (string.IsNullOrEmpty(certificate.Chain) || string.IsNullOrEmpty(certificate.Key)) return; // Told as missing.
        if (ReadAll(certificate.Chain, check, "chain") is not { } chain) return;
        try
        {
            CheckLife(chain[0], check);
            CheckOrder(chain, check);
            CheckKey(certificate, chain[0], check);
        }
        finally
        {
            Dispose(chain);
        }
    }

    /// <summary>The authorities are PEM, if there are any.</summary>
    public static void CheckAuthorities(string? pem, ConfigCheck check, string field)
    {
        if (pem is null) return;
        if (ReadAll(pem, check, field) is { } found) Dispose(found);
    }

    /// <summary>Null: there is none, or one of them is wrong, which was told.</summary>
    private static X509Certificate2Collection? ReadAll(string pem, ConfigCheck check, string field)
    {
        var found = new X509Certificate2Collection();
        string? other = null;
        for (var rest = pem.AsSpan(); PemEncoding.TryFind(rest, out var block); rest = rest[block.Location.End..])
        {
            if (!rest[block.Label].SequenceEqual(CertificateLabel))
            {
                other ??= rest[block.Label].ToString();
                continue;
            }

            try
            {
                found.Add(X509CertificateLoader.LoadCertificate(Convert.FromBase64String(rest[block.Base64Data].ToString())));
            }
            catch (CryptographicException)
            {
                check.Fault(field, $"certificate {found.Count + 1} in it cannot be read");
                Dispose(found);
                return null;
            }
        }

        if (found.Count > 0 && found.Count == pem.AsSpan().Count($"BEGIN {CertificateLabel}-----")) return found;
        check.Fault(field, found.Count > 0 ? $"of its certificates, {found.Count} can be read and others not: each begins and ends on lines of its own"
            : other is not null ? $"holds '{other}' and no certificate"
            : $"holds no certificate in PEM (-----BEGIN {CertificateLabel}-----)");
        Dispose(found);
        return null;
    }

    private static void CheckLife(X509Certificate2 leaf, ConfigCheck check)
    {
        if (new DateTimeOffset(leaf.NotAfter).ToUniversalTime() is var end && end < check.Now) check.Warn("chain", $"expired at {end:yyyy-MM-dd HH:mm:ss}Z: clients will refuse it");
        else if (new DateTimeOffset(leaf.NotBefore).ToUniversalTime() is var begin && begin > check.Now) check.Warn("chain", $"is not valid before {begin:yyyy-MM-dd HH:mm:ss}Z: clients will refuse it");
    }

    /// <summary>Clients get the chain as it stands; one in another order is refused by some of them (RFC 8446 §4.4.2 for 1.3, RFC 5246 §7.4.2 for 1.2).</summary>
    private static void CheckOrder(X509Certificate2Collection chain, ConfigCheck check)
    {
        for (var i = 1; i < chain.Count; i++)
        {
            if (chain[i - 1].IssuerName.RawData.AsSpan().SequenceEqual(chain[i].SubjectName.RawData)) continue;
            check.Warn("chain", $"certificate {i + 1} ({chain[i].Subject}) did not issue certificate {i} ({chain[i - 1].Subject}): clients may refuse it");
            return;
        }
    }

    private static void CheckKey(Certificate certificate, X509Certificate2 leaf, ConfigCheck check)
    {
        var pem = certificate.Key;
        if (!FindKey(pem, out var label))
        {
            check.Fault("key", label is null ? "holds no key in PEM (-----BEGIN PRIVATE KEY-----)" : $"holds '{label}' and no key");
            return;
        }

        if (label == "ENCRYPTED PRIVATE KEY" || pem.Contains("Proc-Type: 4,ENCRYPTED", StringComparison.Ordinal))
        {
            check.Fault("key", "is encrypted: nobody could type its password when an engine starts; `openssl pkey` takes the encryption away");
            return;
        }

        try
        {
            using var key = Import(leaf, pem);
            if (key is null) check.Fault("key", $"{leaf.PublicKey.Oid.FriendlyName ?? leaf.PublicKey.Oid.Value} is no kind of key that is served: RSA or ECDSA");
            else if (!leaf.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo())) check.Fault("key", $"is not the key of the certificate ({leaf.Subject})");
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            check.Fault("key", $"cannot be read, or is not the key of the certificate ({leaf.Subject})");
        }
    }

    /// <summary>The first block that is a key; before it, parameters of a curve may stand.</summary>
    private static bool FindKey(string pem, out string? label)
    {
        label = null;
        for (var rest = pem.AsSpan(); PemEncoding.TryFind(rest, out var found); rest = rest[found.Location.End..])
        {
            label = rest[found.Label].ToString();
            if (label.EndsWith("PRIVATE KEY", StringComparison.Ordinal)) return true;
        }

        return false;
    }

    private static AsymmetricAlgorithm? Import(X509Certificate2 leaf, string pem)
    {
        const string Rsa = "1.2.840.113549.1.1.1", Elliptic = "1.2.840.10045.2.1";
        AsymmetricAlgorithm? key = leaf.PublicKey.Oid.Value switch
        {
            Rsa => RSA.Create(),
            Elliptic => ECDsa.Create(),
            _ => null,
        };
        key?.ImportFromPem(pem);
        return key;
    }

    private static void Dispose(X509Certificate2Collection all)
    {
        foreach (var one in all) one.Dispose();
    }
}
