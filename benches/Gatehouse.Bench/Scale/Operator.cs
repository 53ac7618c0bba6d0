using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Bench.Scale;

/// <summary>The operator of one API server, let in by the <c>admin.kubeconfig</c> that the server wrote.</summary>
internal sealed partial class Operator : IDisposable
{
    private readonly string _pin;

    public Operator(string kubeconfig, Uri server)
    {
        var text = File.ReadAllText(kubeconfig);
        Server = server;
        _pin = Value(text, "extension");
        AuthorityPem = Pem(text, "certificate-authority-data");
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(Pem(text, "client-certificate-data"));
        using var paired = X509Certificate2.CreateFromPem(chain[0].ExportCertificatePem(), Pem(text, "client-key-data"));
        var trust = new X509Certificate2Collection();
        trust.ImportFromPem(AuthorityPem);
        Objects = new HttpObjectClient(new HttpObjectClientOptions
        {
            Server = server,
            RequestTimeout = TimeSpan.FromMinutes(1),
            Credentials = new FixedCredentials(new ApiCredentials
            {
                Trust = trust,
                Certificate = X509CertificateLoader.LoadPkcs12(paired.Export(X509ContentType.Pkcs12), null),
                Chain = [.. chain.Skip(1)],
            }),
        });
    }

    public Uri Server { get; }

    public string AuthorityPem { get; }

    public HttpObjectClient Objects { get; }

    /// <summary>A token for any number of members.</summary>
    public async Task<string> TokenAsync(string role, CancellationToken cancellation)
    {
        var token = TokenText.Generate(_pin);
        var spec = new JoinTokenSpec { Hash = token.Hash, Role = role, ExpiresAt = TimeProvider.System.GetUtcNow().AddHours(4) };
        await Objects.CreateAsync(new JoinToken { Metadata = new ObjectMeta { Name = token.Id }, Spec = spec }, cancellation);
        return token.ToString();
    }

    public void Dispose() => Objects.Dispose();

    private static string Pem(string text, string field) => Encoding.ASCII.GetString(Convert.FromBase64String(Value(text, field)));

    private static string Value(string text, string field) =>
        Scalar().Matches(text).FirstOrDefault(m => m.Groups[1].Value == field)?.Groups[2].Value ?? throw new InvalidDataException($"the kubeconfig has no {field}");

    [GeneratedRegex("""([\w-]+): ["']?([A-Za-z0-9+/=]+)["']?\s*$""", RegexOptions.Multiline)]
    private static partial Regex Scalar();
}
