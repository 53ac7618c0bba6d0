using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Bench.Proxy;

/// <summary>A certificate with a key on P-256, the same for every contender.</summary>
/// <param name="Chain">PEM file of the certificate.</param>
/// <param name="Key">PEM file of its key.</param>
/// <param name="Both">PEM file of both, as HAProxy wants it.</param>
internal sealed record TestCertificate(string Chain, string Key, string Both)
{
    public static TestCertificate Create(string folder)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=shop.example.com", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("*.shop.example.com");
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(7));
        var (chain, secret) = (certificate.ExportCertificatePem() + "\n", key.ExportPkcs8PrivateKeyPem() + "\n");
        return new(Write("chain.pem", chain), Write("key.pem", secret), Write("both.pem", chain + secret));

        string Write(string name, string text)
        {
            var path = Path.Combine(folder, name);
            File.WriteAllText(path, text);
            return path;
        }
    }
}
