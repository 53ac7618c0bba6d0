using Gatehouse.Proxy.Configuration.Validation;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>The form of a certificate.</summary>
internal static class CertificateForm
{
    private static readonly Field<Certificate, string> Name = new("name", Shapes.Name, c => c.Name, "", "Its name; what refers to it does it by this.") { Required = true };

    private static readonly Field<Certificate, string> Chain = new("chain", Shapes.Pem, c => c.Chain, "", "The certificate and then its chain, in PEM.") { Required = true, Group = "chain" };

    private static readonly Field<Certificate, string> Key = new("key", Shapes.Pem, c => c.Key, "", "The key, in PEM, not encrypted.") { Required = true, Group = "key" };

    private static readonly Field<Certificate, string?> Ocsp = new("ocspResponse", new TextShape("DER in base64", t => TextRules.IsBase64(t, null) ? null : "DER in base64", secret: true)!, c => c.OcspResponse, null,
        "An OCSP response to staple, DER in base64. Without it: none.")
    { Group = "ocspResponse" };

    public static ObjectShape<Certificate> Shape { get; } = new(
        "certificate",
        "A certificate with its key.",
        [
            Name,
            Chain,
            Shapes.File("chainFile", Chain, "The file that holds the certificate and then its chain, in PEM.", Shapes.PemText),
            Key,
            Shapes.File("keyFile", Key, "The file that holds the key, in PEM, not encrypted.", Shapes.PemText),
            Ocsp,
            Shapes.File("ocspFile", Ocsp, "The file that holds an OCSP response to staple, in DER.", static bytes => bytes.Length > 0 ? (Convert.ToBase64String(bytes), null) : (null, "is empty")),
        ],
        static v => new Certificate { Name = Name.From(v), Chain = Chain.From(v), Key = Key.From(v), OcspResponse = Ocsp.From(v) })
    {
        Rule = CertificateRules.Check,
    };
}
