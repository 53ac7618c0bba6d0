using System.Security.Cryptography;
using System.Text;

namespace Gatehouse.Api.Identity;

/// <summary>Writes the kubeconfig of an operator: URL, authority, client certificate and key, in one file of mode 0600.</summary>
public static class AdminKubeconfig
{
    /// <summary>Default life of the certificate; the file is written anew with each start of the server.</summary>
    public static readonly TimeSpan DefaultLife = TimeSpan.FromDays(365);

    /// <summary>Replaces the file.</summary>
    /// <param name="server">For example <c>https://10.0.0.1:7443</c>.</param>
    /// <param name="authority">Signs the operator's certificate; the server must accept its operators.</param>
    /// <param name="user">The operator's name. Default <c>admin</c>.</param>
    /// <param name="life">Null: <see cref="DefaultLife"/>.</param>
    public static void Write(string path, Uri server, CertificateAuthority authority, string user = "admin", TimeSpan? life = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = authority.IssueClient(
            new System.Security.Cryptography.X509Certificates.PublicKey(key), new UserInfo(user, [UserInfo.MastersGroup]), life ?? DefaultLife);
        IdentityFiles.Write(path, Text(server, authority.RootPem, certificate.ExportCertificatePem() + "\n" + authority.ChainPem, key.ExportPkcs8PrivateKeyPem() + "\n", user));
    }

    private static string Text(Uri server, string root, string certificate, string key, string user) => $"""
        apiVersion: v1
        kind: Config
        clusters:
        - name: gatehouse
          cluster:
            server: {server.GetLeftPart(UriPartial.Authority)}
            certificate-authority-data: {Base64(root)}
        users:
        - name: {user}
          user:
            client-certificate-data: {Base64(certificate)}
            client-key-data: {Base64(key)}
        contexts:
        - name: gatehouse
          context:
            cluster: gatehouse
            user: {user}
        current-context: gatehouse

        """;

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
