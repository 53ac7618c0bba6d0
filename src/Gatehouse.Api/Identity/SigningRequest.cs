using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Api.Identity;

/// <summary>Reads PKCS#10 requests. Only the public key counts, and the proof that the sender has the private one.</summary>
public static class SigningRequest
{
    private const int TextLimit = 16 * 1024;
    private const string EcKey = "1.2.840.10045.2.1";

    /// <summary>Makes a request for a key, as PEM.</summary>
    public static string Create(ECDsa key) =>
        new CertificateRequest(SubjectName.Of("gatehouse", []), key, HashAlgorithmName.SHA256).CreateSigningRequestPem() + "\n";

    /// <summary>Reads a request and checks its signature.</summary>
    /// <param name="fault">What would be right; null when it is.</param>
    public static bool TryRead(string? pem, [NotNullWhen(true)] out PublicKey? key, [NotNullWhen(false)] out string? fault)
    {
        key = null;
        fault = null;
        if (string.IsNullOrWhiteSpace(pem) || pem.Length > TextLimit)
        {
            fault = $"must be a PKCS#10 request in PEM of at most {TextLimit} characters";
            return false;
        }

        try
        {
            var request = CertificateRequest.LoadSigningRequestPem(pem, HashAlgorithmName.SHA256);
            using var ec = request.PublicKey.Oid.Value == EcKey ? request.PublicKey.GetECDsaPublicKey() : null;
            if (ec is not { KeySize: >= 256 }) fault = "must be for an ECDSA key of at least 256 bits";
            else key = request.PublicKey;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or NotSupportedException)
        {
            fault = $"is no PKCS#10 request in PEM, or its signature is wrong ({e.Message})";
        }

        return key is not null;
    }
}
