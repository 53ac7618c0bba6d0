using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Gatehouse.Api.Identity;

/// <summary>
/// Shows that whoever joins under a name had it before: a signature under the key of the member's last certificate over the join, new key included, so that it is of
/// no use to anybody else.
/// </summary>
public static class OldKeyProof
{
    private const int TextLimit = 16 * 1024;

    /// <summary>The proof: ECDSA with SHA-256 (RFC 3279 form) in base64.</summary>
    /// <param name="previous">The last certificate, with its key.</param>
    public static string Make(X509Certificate2 previous, string role, string name, string csr)
    {
        using var key = previous.GetECDsaPrivateKey() ?? throw new CryptographicException("the certificate has no ECDSA key");
        return Convert.ToBase64String(key.SignData(Signed(role, name, csr), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
    }

    /// <summary>Null when the proof holds; otherwise why not.</summary>
    /// <param name="user">Whom the certificate has to name.</param>
    /// <param name="authority">Who has to have signed it.</param>
    /// <param name="oldest">A certificate that ended before is too old.</param>
    internal static string? Refuse(JoinRequest request, UserInfo user, X509Certificate2 authority, DateTimeOffset oldest)
    {
        if (request.Previous is not { Length: > 0 and <= TextLimit } || request.Proof is not { Length: > 0 and <= TextLimit }) return "previous and proof must both be given";
        try
        {
            using var previous = X509Certificate2.CreateFromPem(request.Previous);
            if (!CertificateCheck.IsSignedBy(previous, authority)) return "the previous certificate was not issued here";
            if (SubjectName.Read(previous.SubjectName) is not { } named || named.Name != user.Name || !named.Groups.SequenceEqual(user.Groups, StringComparer.Ordinal)) return "the previous certificate names somebody else";
            if (previous.NotAfter.ToUniversalTime() < oldest.UtcDateTime) return $"the previous certificate ended at {previous.NotAfter.ToUniversalTime():u}, which is too long ago";
            using var key = previous.GetECDsaPublicKey();
            var signature = Convert.FromBase64String(request.Proof);
            return key?.VerifyData(Signed(request.Role!, request.Name!, request.Csr!), signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence) == true
                ? null : "the proof is no signature under the previous certificate's key";
        }
        catch (Exception e) when (e is CryptographicException or FormatException or ArgumentException)
        {
            return $"previous or proof can't be read ({e.Message})";
        }
    }

    /// <summary>When the previous certificate of a request that was not refused starts.</summary>
    internal static DateTimeOffset StartOf(JoinRequest request)
    {
        using var previous = X509Certificate2.CreateFromPem(request.Previous);
        return new DateTimeOffset(previous.NotBefore);
    }

    private static byte[] Signed(string role, string name, string csr) => Encoding.UTF8.GetBytes($"gatehouse/v1/join\n{role}\n{name}\n{csr}");
}
