using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Identity;

namespace Gatehouse.Gateway.Tests;

/// <summary>A caller with an operator's certificate from an authority that nobody here knows, but with the right name.</summary>
internal sealed class TestApiForeigner : IDisposable
{
    private readonly X509Certificate2 _certificate;

    public TestApiForeigner(UserInfo user, Uri server)
    {
        using var authority = CertificateAuthority.CreateRoot("test root", TimeProvider.System);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = authority.IssueClient(new PublicKey(key), user);
        using var pair = certificate.CopyWithPrivateKey(key);
        _certificate = X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pkcs12), null);
#pragma warning disable CA5359 // Who the server is does not matter to one who must not be let in.
        Client = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = { ClientCertificates = [_certificate], RemoteCertificateValidationCallback = (_, _, _, _) => true },
        })
        {
            BaseAddress = server,
        };
#pragma warning restore CA5359
    }

    public HttpClient Client { get; }

    public void Dispose()
    {
        Client.Dispose();
        _certificate.Dispose();
    }
}
