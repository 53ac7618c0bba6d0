using System.Buffers.Text;
using System.Text;
using Gatehouse.Proxy.Configuration.Validation;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>The form of how a listener ends TLS.</summary>
internal static class ListenerTlsForm
{
    private const int TicketKeyBytes = 80;

    private static readonly ListenerTls Standard = new();

    private static readonly Field<ListenerTls, string?> Default = new("defaultCertificate", Shapes.Reference!, t => t.DefaultCertificate, null,
        "The name of the certificate for clients that name no server, or one that nothing else has. Without it such a handshake is refused (unrecognized_name).");

    private static readonly Field<ListenerTls, EquatableArray<string>> Certificates = new("certificates", new ListShape<string>(Shapes.Reference, 100_000), t => t.Certificates, [], "Names of more certificates, each for the names that stand in it.");

    private static readonly Field<ListenerTls, TlsVersion> Min = new("minVersion", Shapes.Version, t => t.MinVersion, Standard.MinVersion, "The oldest version.");

    private static readonly Field<ListenerTls, TlsVersion> Max = new("maxVersion", Shapes.Version, t => t.MaxVersion, Standard.MaxVersion, "The newest version.");

    private static readonly Field<ListenerTls, string?> Ciphers = new("ciphers", new TextShape("cipher suites", TextRules.Ciphers)!, t => t.Ciphers, null, "Cipher suites of TLS 1.2 as OpenSSL writes them. Without it: OpenSSL's default.");

    private static readonly Field<ListenerTls, EquatableArray<string>> Alpn = new("alpn", new ListShape<string>(new TextShape("a protocol", TextRules.Alpn), 16), t => t.Alpn, [], "Protocols offered, best first. Default for https: http/1.1.");

    private static readonly Field<ListenerTls, ClientCertificateMode> Mode = new(
        "clientCertificates", new WordShape<ClientCertificateMode>((ClientCertificateMode.None, "none"), (ClientCertificateMode.Optional, "optional"), (ClientCertificateMode.Required, "required")), t => t.ClientCertificates, ClientCertificateMode.None,
        "none: not asked for; optional: asked for, and one that is shown must be valid; required: without a valid one there is no connection.");

    private static readonly Field<ListenerTls, string?> Authorities = new("clientAuthorities", Shapes.Pem!, t => t.ClientAuthorities, null, "Who may have signed clients' certificates, in PEM. Required unless clientCertificates is none.") { Group = "clientAuthorities" };

    private static readonly Field<ListenerTls, EquatableArray<string>> TicketKeys = new("ticketKeys", new ListShape<string>(new TextShape("80 bytes in base64", TextRules.TicketKey, secret: true), 16), t => t.TicketKeys, [],
        "Keys of session tickets, 80 bytes each in base64; the first encrypts, all decrypt. Share them between machines and rotate them. Without them: a key of the process, renewed each 12 hours.")
    { Group = "ticketKeys" };

    private static readonly Field<ListenerTls, bool> Resumption = new("resumption", Shapes.Truth, t => t.Resumption, standard: true, "Whether sessions are resumed.");

    public static ObjectShape<ListenerTls> Shape { get; } = new(
        "listenerTls",
        "How a listener ends TLS.",
        [
            Default, Certificates, Min, Max, Ciphers, Alpn, Mode, Authorities,
            Shapes.File("clientAuthoritiesFile", Authorities, "The file that holds them, in PEM.", Shapes.PemText),
            TicketKeys,
            Shapes.File("ticketKeysFile", TicketKeys, "The file that holds them: a line of base64 for each, or one key of 80 bytes as it is.", ReadTicketKeys),
            Resumption,
        ],
        static v => new ListenerTls
        {
            DefaultCertificate = Default.From(v),
            Certificates = Certificates.From(v),
            MinVersion = Min.From(v),
            MaxVersion = Max.From(v),
            Ciphers = Ciphers.From(v),
            Alpn = Alpn.From(v),
            ClientCertificates = Mode.From(v),
            ClientAuthorities = Authorities.From(v),
            TicketKeys = TicketKeys.From(v),
            Resumption = Resumption.From(v),
        })
    {
        Rule = ListenerRules.CheckTls,
    };

    /// <summary>HAProxy's files have lines of base64, nginx's the bytes.</summary>
    private static (object? Value, string? Problem) ReadTicketKeys(byte[] bytes)
    {
        if (bytes.Length == TicketKeyBytes && !Base64.IsValid(bytes)) return (new EquatableArray<string>([Convert.ToBase64String(bytes)]), null);
        EquatableArray<string> keys = [.. Encoding.ASCII.GetString(bytes).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];
        return keys.Count > 0 ? (keys, null) : (null, "holds no key");
    }
}
