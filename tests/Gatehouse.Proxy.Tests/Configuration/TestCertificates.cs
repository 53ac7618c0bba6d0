using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Proxy.Tests.Configuration;

/// <summary>Certificates made for one run.</summary>
internal static class TestCertificates
{
    private static readonly ECDsa Elliptic = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public static string Key { get; } = Elliptic.ExportPkcs8PrivateKeyPem();

    public static string OtherKey { get; } = ECDsa.Create(ECCurve.NamedCurves.nistP256).ExportPkcs8PrivateKeyPem();

    public static string EncryptedKey { get; } = Elliptic.ExportEncryptedPkcs8PrivateKeyPem("x", new PbeParameters(PbeEncryptionAlgorithm.Aes128Cbc, HashAlgorithmName.SHA256, 1_000));

    /// <summary>Valid for some years around the tests' time.</summary>
    public static string Chain { get; } = Make(Read.Now.AddYears(-1), Read.Now.AddYears(1));

    public static string Expired { get; } = Make(Read.Now.AddYears(-2), Read.Now.AddDays(-1));

    public static string Future { get; } = Make(Read.Now.AddDays(1), Read.Now.AddYears(1));

    public static (string Chain, string Key) Rsa()
    {
        using var key = RSA.Create(2_048);
        using var certificate = new CertificateRequest("CN=rsa.example.com", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(Read.Now.AddYears(-1), Read.Now.AddYears(1));
        return (certificate.ExportCertificatePem(), key.ExportRSAPrivateKeyPem());
    }

    private static string Make(DateTimeOffset begin, DateTimeOffset end)
    {
        using var certificate = new CertificateRequest("CN=shop.example.com", Elliptic, HashAlgorithmName.SHA256).CreateSelfSigned(begin, end);
        return certificate.ExportCertificatePem();
    }
}
