using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Gateways;
using Gatehouse.Api.Identity;

namespace Gatehouse.Gateway.Management;

/// <summary>
/// The management API's server certificate: asked for at the cluster, which alone says which addresses it names; kept on disk, so that the API comes up without the
/// cluster; asked for anew at two thirds of its life. The worker's own certificate is for clients, and clients that check the purpose refuse it on a server.
/// </summary>
/// <remarks>Used by the role's loop; <see cref="Current"/> by any thread.</remarks>
internal sealed class ManagementCertificate(string directory, TimeProvider time) : IDisposable
{
    private const string CertificateFile = "management.pem";
    private const string KeyFile = "management-key.pem";
    private volatile Material? _current;

    /// <summary>The certificate with its key and what stands above it; null before there is one.</summary>
    public Material? Current => _current;

    /// <summary>Takes what is on disk, if it is good for the addresses and not over.</summary>
    /// <returns>False when there is nothing to use.</returns>
    public bool Load(IReadOnlyList<string> addresses)
    {
        var (certificate, key) = (Path.Combine(directory, CertificateFile), Path.Combine(directory, KeyFile));
        if (!File.Exists(certificate) || !File.Exists(key)) return false;
        try
        {
            var material = Material.Of(File.ReadAllText(certificate), File.ReadAllText(key));
            if (!material.Covers(addresses) || time.GetUtcNow() >= material.Until) return false;
            _current = material;
            return true;
        }
        catch (Exception e) when (e is CryptographicException or IOException or ArgumentException)
        {
            // Cut or flipped on disk: a new one replaces it.
            return false;
        }
    }

    /// <summary>Whether a new one should be asked for.</summary>
    public bool IsDue(IReadOnlyList<string> addresses) =>
        _current is not { } material || !material.Covers(addresses) || time.GetUtcNow() >= material.RenewAt;

    /// <summary>Asks the cluster for a certificate under a new key.</summary>
    public async Task RenewAsync(GatewayClient cluster, string gatewayId, CancellationToken cancellation)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var csr = new CertificateRequest("CN=gateway", key, HashAlgorithmName.SHA256).CreateSigningRequestPem();
        var answer = await cluster.CertificateAsync(gatewayId, csr, cancellation);
        var (certificate, secret) = (answer.Certificate + "\n" + answer.Chain, key.ExportPkcs8PrivateKeyPem() + "\n");
        var material = Material.Of(certificate, secret);
        Directory.CreateDirectory(directory);
        IdentityFiles.Write(Path.Combine(directory, KeyFile), secret);
        IdentityFiles.Write(Path.Combine(directory, CertificateFile), certificate);
        _current = material;
    }

    /// <inheritdoc/>
    public void Dispose() => _current?.Leaf.Dispose();

    /// <summary>A certificate with its key, and its chain.</summary>
    internal sealed record Material(X509Certificate2 Leaf, X509Certificate2Collection Chain)
    {
        /// <summary>When it ends.</summary>
        public DateTimeOffset Until => new(Leaf.NotAfter);

        /// <summary>Two thirds of its life.</summary>
        public DateTimeOffset RenewAt => new DateTimeOffset(Leaf.NotBefore) + ((Leaf.NotAfter - Leaf.NotBefore) * 2 / 3);

        /// <summary>Reads PEM: the leaf first, then what signed it.</summary>
        public static Material Of(string certificates, string key)
        {
            var all = new X509Certificate2Collection();
            all.ImportFromPem(certificates);
            if (all.Count == 0) throw new CryptographicException("the file holds no certificate");
            using var pair = X509Certificate2.CreateFromPem(all[0].ExportCertificatePem(), key);

            // A key that lives in memory alone is not found by every TLS path; a PKCS#12 round trip binds it.
            var leaf = X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pkcs12), null);
            return new Material(leaf, [.. all.Skip(1)]);
        }

        /// <summary>Whether it names every address.</summary>
        public bool Covers(IReadOnlyList<string> addresses) =>
            Leaf.Extensions.OfType<X509SubjectAlternativeNameExtension>().FirstOrDefault() is { } names
            && addresses.All(a => names.EnumerateIPAddresses().Any(n => n.ToString() == a));
    }
}
