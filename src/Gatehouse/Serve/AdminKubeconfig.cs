using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Gatehouse.Access;
using Gatehouse.Api.Identity;
using Gatehouse.Output;

namespace Gatehouse.Serve;

/// <summary>
/// The operator's way in: <c>admin.kubeconfig</c> in the state directory, mode 0600, with a client certificate that this API server alone accepts. Written at start and
/// again at two thirds of the certificate's life.
/// </summary>
internal sealed class AdminKubeconfig(string path, IPEndPoint listen, TimeProvider time)
{
    private static readonly TimeSpan Life = TimeSpan.FromDays(30);
    private static readonly TimeSpan Retry = TimeSpan.FromMinutes(1);
    private static readonly UserInfo Operator = new("admin", [UserInfo.MastersGroup]);

    private bool _written;

    /// <summary>Writes the file whenever it gets old.</summary>
    /// <param name="authority">Asked each time, because a cluster's authority is renewed.</param>
    public async Task RunAsync(Func<CertificateAuthority> authority, CancellationToken cancellation)
    {
        while (true)
        {
            await Task.Delay(_written ? Life / 3 * 2 : Retry, time, cancellation);
            Write(authority());
        }
    }

    /// <summary>Writes the file; leaves it as it is, until <see cref="RunAsync"/> can, when the authority is over: a cluster goes on without.</summary>
    public void Write(CertificateAuthority authority)
    {
        _written = time.GetUtcNow() < new DateTimeOffset(authority.Certificate.NotAfter);
        if (!_written) return;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = authority.IssueClient(new PublicKey(key), Operator, Life);
        var cluster = new JsonObject
        {
            ["server"] = $"https://{Reachable(listen)}",
            ["certificate-authority-data"] = Base64(authority.RootPem),
            ["extensions"] = new JsonArray(new JsonObject { ["name"] = Kubeconfig.PinExtension, ["extension"] = authority.Pin }),
        };
        var user = new JsonObject
        {
            ["client-certificate-data"] = Base64(certificate.ExportCertificatePem() + "\n" + authority.ChainPem),
            ["client-key-data"] = Base64(key.ExportPkcs8PrivateKeyPem() + "\n"),
        };
        var config = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Config",
            ["clusters"] = new JsonArray(new JsonObject { ["name"] = "gatehouse", ["cluster"] = cluster }),
            ["users"] = new JsonArray(new JsonObject { ["name"] = Operator.Name, ["user"] = user }),
            ["contexts"] = new JsonArray(new JsonObject { ["name"] = "gatehouse", ["context"] = new JsonObject { ["cluster"] = "gatehouse", ["user"] = Operator.Name } }),
            ["current-context"] = "gatehouse",
        };
        IdentityFiles.Write(path, YamlText.Write(config));
    }

    /// <summary>Where a client on this host reaches a listener, also one on all addresses.</summary>
    public static IPEndPoint Reachable(IPEndPoint listen) =>
        !listen.Address.Equals(IPAddress.Any) && !listen.Address.Equals(IPAddress.IPv6Any) ? listen
        : new IPEndPoint(listen.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Loopback : IPAddress.IPv6Loopback, listen.Port);

    private static string Base64(string text) => Convert.ToBase64String(Encoding.ASCII.GetBytes(text));
}
