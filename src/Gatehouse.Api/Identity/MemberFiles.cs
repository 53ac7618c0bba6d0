using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Gatehouse.Api.Client;

namespace Gatehouse.Api.Identity;

/// <summary>
/// A member's identity on disk. Certificate and key are two files that must change together: the new key is written beside (<c>key.pem.next</c>), then the
/// certificate is replaced, which is the moment at which the new pair counts, then the key is renamed. A reader takes whichever key fits the certificate.
/// </summary>
internal sealed class MemberFiles(string directory)
{
    private string CertificatePath => Path.Combine(directory, IdentityFiles.MemberCertificate);

    private string KeyPath => Path.Combine(directory, IdentityFiles.MemberKey);

    private string NextKeyPath => KeyPath + ".next";

    private string TrustPath => Path.Combine(directory, IdentityFiles.AuthorityCertificate);

    private string NextAuthorityKeyPath => Path.Combine(directory, IdentityFiles.IntermediateKey + ".next");

    /// <summary>Whether there is an identity, usable or not.</summary>
    public bool Exists => File.Exists(CertificatePath);

    /// <exception cref="IdentityFileException">A file is missing or damaged, or they don't belong together.</exception>
    public ApiCredentials Load()
    {
        var certificates = ReadAll(CertificatePath);
        var trust = ReadAll(TrustPath);
        var leaf = certificates[0];
        certificates.RemoveAt(0);
        using var key = ReadFittingKey(leaf);
        return new ApiCredentials { Trust = trust, Certificate = WithKey(leaf, key), Chain = certificates };
    }

    /// <summary>The key for the next request: the one that an interrupted attempt left, so that its server knows it again, or a new one.</summary>
    public ECDsa NextKey() => OpenOrCreate(NextKeyPath);

    /// <summary>The key of a cluster's authority: the one in use, so that what it signed stays good, or that of an interrupted join, or a new one.</summary>
    public ECDsa AuthorityKey()
    {
        var certificate = Path.Combine(directory, IdentityFiles.IntermediateCertificate);
        return File.Exists(certificate)
            ? IdentityFiles.ReadKey(Path.Combine(directory, IdentityFiles.IntermediateKey), IdentityFiles.ReadCertificate(certificate))
            : OpenOrCreate(NextAuthorityKeyPath);
    }

    /// <summary>Makes an answer the identity. A crash at any point leaves the old identity or the new.</summary>
    public void Save(CertificateAnswer answer, CertificateAuthority? authority)
    {
        authority?.SaveIntermediate(directory);
        File.Delete(NextAuthorityKeyPath);
        IdentityFiles.Write(TrustPath, answer.Ca);
        IdentityFiles.Write(CertificatePath, answer.Certificate.TrimEnd() + "\n" + answer.Chain);
        File.Move(NextKeyPath, KeyPath, overwrite: true);
    }

    /// <summary>A certificate with its key, in the one form that every TLS stack takes.</summary>
    public static X509Certificate2 WithKey(X509Certificate2 certificate, ECDsa key) => certificate.HasPrivateKey ? certificate : certificate.CopyWithPrivateKey(key);

    /// <summary>All certificates of a PEM text; at least one.</summary>
    /// <exception cref="CryptographicException">None, or a damaged one.</exception>
    public static X509Certificate2Collection ParseAll(string pem)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPem(pem);
        return certificates.Count > 0 ? certificates : throw new CryptographicException("there is no certificate in it");
    }

    private static X509Certificate2Collection ReadAll(string path)
    {
        try
        {
            return ParseAll(File.ReadAllText(path, Encoding.UTF8));
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new IdentityFileException(path, $"is no readable PEM certificate ({e.Message})", e);
        }
    }

    private ECDsa ReadFittingKey(X509Certificate2 leaf)
    {
        try
        {
            return IdentityFiles.ReadKey(KeyPath, leaf);
        }
        catch (IdentityFileException) when (File.Exists(NextKeyPath))
        {
            // The machine stopped between the certificate and the key.
            var key = IdentityFiles.ReadKey(NextKeyPath, leaf);
            File.Move(NextKeyPath, KeyPath, overwrite: true);
            return key;
        }
    }

    private static ECDsa OpenOrCreate(string path)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        try
        {
            if (!File.Exists(path)) throw new FileNotFoundException(path);
            key.ImportFromPem(File.ReadAllText(path));
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or IOException)
        {
            key.Dispose();
            key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            IdentityFiles.Write(path, key.ExportPkcs8PrivateKeyPem() + "\n");
        }

        return key;
    }
}
