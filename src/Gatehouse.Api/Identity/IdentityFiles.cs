using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Api.Identity;

/// <summary>An identity file can't be used. The message names the file and what would help.</summary>
public sealed class IdentityFileException(string path, string fault, Exception? cause = null) : Exception($"{path}: {fault}", cause)
{
    /// <summary>The file.</summary>
    public string Path { get; } = path;
}

/// <summary>The files of an <c>identity/</c> directory, all PEM with mode 0600.</summary>
public static class IdentityFiles
{
    /// <summary>The root authority's certificate.</summary>
    public const string AuthorityCertificate = "ca.pem";

    /// <summary>The root authority's key; at root alone.</summary>
    public const string AuthorityKey = "ca-key.pem";

    /// <summary>A cluster's intermediate.</summary>
    public const string IntermediateCertificate = "issuer.pem";

    /// <summary>The key of a cluster's intermediate.</summary>
    public const string IntermediateKey = "issuer-key.pem";

    /// <summary>A member's client certificate, followed by the intermediate that signed it, if one did.</summary>
    public const string MemberCertificate = "cert.pem";

    /// <summary>The key of <see cref="MemberCertificate"/>.</summary>
    public const string MemberKey = "key.pem";

    /// <summary>Replaces a file whole and durably, readable by its owner alone: temporary file, fsync, rename.</summary>
    /// <remarks>A crash at any point leaves the old content or the new.</remarks>
    public static void Write(string path, string content) => AtomicFile.Replace(path, content);

    /// <summary>The first certificate of a PEM file.</summary>
    /// <exception cref="IdentityFileException">Missing or damaged.</exception>
    public static X509Certificate2 ReadCertificate(string path)
    {
        try
        {
            return X509Certificate2.CreateFromPem(File.ReadAllText(path));
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new IdentityFileException(path, $"is no readable PEM certificate ({e.Message})", e);
        }
    }

    /// <summary>The ECDSA key of a PEM file, which must belong to a certificate.</summary>
    /// <exception cref="IdentityFileException">Missing, damaged, or of another certificate.</exception>
    public static ECDsa ReadKey(string path, X509Certificate2 certificate)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(File.ReadAllText(path));
            if (key.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(certificate.PublicKey.ExportSubjectPublicKeyInfo())) return key;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            key.Dispose();
            throw new IdentityFileException(path, $"is no readable PEM key ({e.Message})", e);
        }

        key.Dispose();
        throw new IdentityFileException(path, $"is not the key of the certificate '{certificate.Subject}' beside it");
    }
}
