using System.Security.Cryptography;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Configuration.Validation;
using Gatehouse.Proxy.Configuration.Yaml;
using Gatehouse.TestKit;
using Gatehouse.TestKit.Tls;

namespace Gatehouse.Proxy.Tests.Configuration;

/// <summary>Certificates, keys and authorities: in the file, beside it, and wrong.</summary>
public sealed class CertificateTests : IDisposable
{
    private readonly TestAuthority _authority = new();

    public void Dispose() => _authority.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_certificate_of_an_authority_with_its_key_is_right(bool rsa)
    {
        using var issued = rsa ? _authority.IssueRsa("a.example.com") : _authority.Issue("a.example.com");

        Assert.Empty(Check(issued.Chain, issued.Key).Faults);
        Assert.Empty(Check(issued.Chain, issued.Key).Warnings);
    }

    [Fact]
    public void Keys_in_their_older_forms_are_read()
    {
        var (chain, pkcs1) = TestCertificates.Rsa();
        using var elliptic = ECDsa.Create();
        elliptic.ImportFromPem(TestCertificates.Key);

        Assert.Empty(Check(chain, pkcs1).Faults);
        Assert.Empty(Check(TestCertificates.Chain, "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + elliptic.ExportECPrivateKeyPem()).Faults);
    }

    public static TheoryData<string, string, string> Wrong => new()
    {
        { "", TestCertificates.Key, "chain: is required: text in PEM" },
        { TestCertificates.Chain, "", "key: is required: text in PEM" },
        { "nonsense", TestCertificates.Key, "chain: holds no certificate in PEM (-----BEGIN CERTIFICATE-----)" },
        { TestCertificates.Key, TestCertificates.Key, "chain: holds 'PRIVATE KEY' and no certificate" },
        { TestCertificates.Chain + "\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", TestCertificates.Key, "chain: certificate 2 in it cannot be read" },
        { TestCertificates.Chain + "\n" + TestCertificates.Chain + TestCertificates.Chain, TestCertificates.Key, "chain: of its certificates, 1 can be read and others not: each begins and ends on lines of its own" },
        { TestCertificates.Chain, "nonsense", "key: holds no key in PEM (-----BEGIN PRIVATE KEY-----)" },
        { TestCertificates.Chain, TestCertificates.Chain, "key: holds 'CERTIFICATE' and no key" },
        { TestCertificates.Chain, TestCertificates.EncryptedKey, "key: is encrypted: nobody could type its password when an engine starts; `openssl pkey` takes the encryption away" },
        { TestCertificates.Chain, TestCertificates.OtherKey, "key: is not the key of the certificate (CN=shop.example.com)" },
        { TestCertificates.Chain, TestCertificates.Rsa().Key, "key: cannot be read, or is not the key of the certificate (CN=shop.example.com)" },
        { TestCertificates.Chain, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "key: cannot be read, or is not the key of the certificate (CN=shop.example.com)" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_can_not_be_served_is_a_fault_that_shows_no_key(string chain, string key, string fault) =>
        Assert.Equal([$"certificates[0].{fault}"], Check(chain, key).Faults.Select(f => f.ToString()));

    [Fact]
    public void What_clients_will_refuse_is_a_warning()
    {
        using var issued = _authority.Issue("a.example.com");
        using var other = new TestAuthority("Another");

        Assert.Equal(["certificates[0].chain: expired at 2026-11-19 12:00:00Z: clients will refuse it"], Warnings(TestCertificates.Expired, TestCertificates.Key));
        Assert.Equal(["certificates[0].chain: is not valid before 2026-11-21 12:00:00Z: clients will refuse it"], Warnings(TestCertificates.Future, TestCertificates.Key));
        Assert.Equal(
            ["certificates[0].chain: certificate 2 (CN=Another) did not issue certificate 1 (CN=a.example.com): clients may refuse it"],
            Warnings(issued.Certificate.ExportCertificatePem() + "\n" + other.Pem, issued.Key));
    }

    [Fact]
    public void Files_are_read_beside_the_file_that_names_them_and_are_listed()
    {
        using var folder = new TemporaryDirectory();
        using var issued = _authority.Issue("shop.example.com");
        Directory.CreateDirectory(folder["tls"]);
        File.WriteAllText(folder["tls", "c.pem"], issued.Chain);
        File.WriteAllText(folder["tls", "k.pem"], issued.Key);
        File.WriteAllText(folder["ca.pem"], _authority.Pem);
        File.WriteAllBytes(folder["ocsp.der"], [1, 2, 3]);
        var keys = Enumerable.Range(0, 2).Select(i => Convert.ToBase64String(Enumerable.Repeat((byte)i, 80).ToArray())).ToList();
        File.WriteAllText(folder["tickets"], string.Join('\n', keys) + "\n");
        File.WriteAllBytes(folder["ticket.bin"], Convert.FromBase64String(keys[1]));
        File.WriteAllText(folder["routes.yaml"], """
            listeners:
              - name: a
                address: 127.0.0.1:443
                protocol: https
                tls: { defaultCertificate: c, clientCertificates: required, clientAuthoritiesFile: ca.pem, ticketKeysFile: tickets }
              - { name: b, address: 127.0.0.1:444, protocol: https, tls: { certificates: c, ticketKeysFile: ticket.bin } }
            upstreams:
              - { name: u, tls: { authoritiesFile: ca.pem, certificate: c } }
            certificates:
              - { name: c, chainFile: tls/c.pem, keyFile: tls/k.pem, ocspFile: ocsp.der }
            """);

        var outcome = RoutesFile.Load(folder["routes.yaml"], new ManualTimeProvider(Read.Now));

        Assert.Empty(outcome.Faults);
        var config = outcome.Config!;
        Assert.Equal(new Certificate { Name = "c", Chain = issued.Chain, Key = issued.Key, OcspResponse = "AQID" }, Assert.Single(config.Certificates));
        Assert.Equal((_authority.Pem, ClientCertificateMode.Required), (config.Listeners[0].Tls!.ClientAuthorities, config.Listeners[0].Tls!.ClientCertificates));
        Assert.Equal(keys, config.Listeners[0].Tls!.TicketKeys);
        Assert.Equal([keys[1]], config.Listeners[1].Tls!.TicketKeys);
        Assert.Equal(_authority.Pem, config.Upstreams[0].Tls!.Authorities);
        Assert.Equal(
            [folder["ca.pem"], folder["ocsp.der"], folder["routes.yaml"], folder["ticket.bin"], folder["tickets"], folder["tls", "c.pem"], folder["tls", "k.pem"]],
            outcome.Files.Order(StringComparer.Ordinal));
        Assert.DoesNotContain("PRIVATE", config.Certificates[0].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_with_a_fault_is_told_at_the_key_that_names_it()
    {
        using var folder = new TemporaryDirectory();
        File.WriteAllText(folder["k.pem"], TestCertificates.OtherKey);
        File.WriteAllText(folder["c.pem"], TestCertificates.Chain);
        File.WriteAllBytes(folder["c.der"], [0x30, 0x82, 0xFF]);

        var faults = Read.Yaml("""
            certificates:
              - name: a
                chainFile: c.pem
                keyFile: k.pem
              - name: b
                chainFile: c.der
                keyFile: nowhere.pem
              - name: c
                chain: x
                chainFile: c.pem
                key: |
                  nonsense
            """, folder.Path).Faults.Select(f => f.ToString()).ToList();

        Assert.Equal("routes.yaml:4:14: certificates[0].key: is not the key of the certificate (CN=shop.example.com)", faults[0]);
        Assert.Equal("routes.yaml:6:16: certificates[1].chain: 'c.der' is no text: the file must be in PEM; `openssl x509 -inform DER` makes one of DER", faults[1]);
        Assert.StartsWith("routes.yaml:7:14: certificates[1].key: 'nowhere.pem' cannot be read: Could not find file", faults[2], StringComparison.Ordinal);
        Assert.Equal("routes.yaml:10:5: certificates[2].chainFile: stands here besides chain: only one of chain or chainFile", faults[4]);
        Assert.Equal(5, faults.Count);
    }

    [Fact]
    public void Ticket_keys_have_80_bytes_and_authorities_are_PEM() => Assert.Equal(
        [
            "listeners[0].tls.clientAuthorities: holds no certificate in PEM (-----BEGIN CERTIFICATE-----)",
            "listeners[0].tls.ticketKeys[0]: 80 bytes in base64; `openssl rand -base64 80` makes them",
        ],
        Read.Yaml($"""
            listeners:
              - name: a
                address: 127.0.0.1:443
                protocol: https
                tls:
                  defaultCertificate: c
                  clientCertificates: optional
                  clientAuthorities: none
                  ticketKeys: AAAA
            certificates: [{CertificateJson()}]
            """).Faults.Select(f => $"{f.Path}: {f.Message}"));

    private static string CertificateJson() =>
        $"{{ name: c, chain: \"{TestCertificates.Chain.ReplaceLineEndings("\\n")}\", key: \"{TestCertificates.Key.ReplaceLineEndings("\\n")}\" }}";

    private static IEnumerable<string> Warnings(string chain, string key) => Check(chain, key).Warnings.Select(w => w.ToString()).Where(w => w.StartsWith("certificates", StringComparison.Ordinal));

    private static ConfigOutcome Check(string chain, string key) => ConfigValidator.Check(
        new ProxyConfig { Listeners = [new Listener { Name = "l", Address = new(System.Net.IPAddress.Loopback, 80) }], Certificates = [new Certificate { Name = "c", Chain = chain, Key = key }] }, new ManualTimeProvider(Read.Now));
}
