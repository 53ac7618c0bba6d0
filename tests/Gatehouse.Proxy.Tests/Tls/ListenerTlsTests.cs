using Gatehouse.Linux.OpenSsl;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Tls;
using Gatehouse.TestKit.Tls;

namespace Gatehouse.Proxy.Tests.Tls;

/// <summary>From the model to what a client meets.</summary>
public sealed class ListenerTlsTests : IDisposable
{
    private readonly TlsBench _bench = new();

    public static TheoryData<string?, string> Names => new()
    {
        { "a.example", "own-a" },
        { "A.Example", "own-a" },
        { "x.wild.example", "own-wild" },
        { "deep.x.wild.example", "default" },
        { "special.wild.example", "listed" },
        { "very.deep.example", "own-deep" },
        { "listed.example", "listed" },
        { "one.star.example", "star" },
        { "one.two.star.example", "default" },
        { "nobody.example", "default" },
        { "missing.example", "default" },
        { null, "default" },
    };

    public void Dispose() => _bench.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void The_virtual_host_decides_then_the_listeners_certificates_then_the_default(string? name, string shown)
    {
        var snapshot = _bench.Compile(Example(fallback: "default"));
        Assert.Equal(["certificate 'broken': "], snapshot.Faults.Select(f => f.ToString()[.."certificate 'broken': ".Length]));
        var met = _bench.Meet(snapshot.Listener("web"), _bench.Client(name));
        Assert.True(met.Established);
        Assert.Equal(shown, met.Shown);
    }

    [Theory]
    [InlineData("a.example", true)]
    [InlineData("nobody.example", false)]
    [InlineData(null, false)]
    public void Without_a_default_unknown_names_are_refused(string? name, bool served)
    {
        var met = _bench.Meet(_bench.Compile(Example(fallback: null)).Listener("web"), _bench.Client(name));
        Assert.Equal(served, met.Established);
        Assert.Equal(served ? TlsFaultKind.None : TlsFaultKind.UnknownName, met.ServerFault.Kind);
    }

    [Fact]
    public void A_virtual_host_of_another_listener_does_not_count()
    {
        var config = Config(TlsBench.Https(new() { DefaultCertificate = "default" }), _bench.Issue("default"), _bench.Issue("own-a", "own-a"))
            with
        { VirtualHosts = [TlsBench.Host("own-a", "a.example") with { Listeners = ["other"] }] };
        Assert.Equal("default", _bench.Meet(_bench.Compile(config).Listener("web"), _bench.Client("a.example")).Shown);
    }

    [Theory]
    [InlineData(ListenerProtocol.Https, "", "http/1.1,h2", "http/1.1")]
    [InlineData(ListenerProtocol.Https, "h2,http/1.1", "http/1.1,h2", "h2")]
    [InlineData(ListenerProtocol.Https, "", "", "")]
    [InlineData(ListenerProtocol.Https, "", "h2", null)]
    [InlineData(ListenerProtocol.Tls, "", "h2", "")]
    [InlineData(ListenerProtocol.Tls, "mqtt", "h2,mqtt", "mqtt")]
    public void Protocols_are_offered(ListenerProtocol protocol, string configured, string offered, string? chosen)
    {
        var listener = TlsBench.Https(new() { DefaultCertificate = "default", Alpn = [.. Words(configured)] }) with { Protocol = protocol };
        var met = _bench.Meet(_bench.Compile(Config(listener, _bench.Issue("default"))).Listener("web"), _bench.Client("a.example", Words(offered)));
        Assert.Equal(chosen is not null, met.Established);
        if (chosen is not null) Assert.Equal(chosen, met.Alpn);
    }

    [Theory]
    [InlineData(TlsVersion.Tls12, TlsVersion.Tls13, TlsProtocol.Tls13, TlsProtocol.Tls13)]
    [InlineData(TlsVersion.Tls12, TlsVersion.Tls12, TlsProtocol.Tls13, TlsProtocol.Tls12)]
    [InlineData(TlsVersion.Tls12, TlsVersion.Tls13, TlsProtocol.Tls12, TlsProtocol.Tls12)]
    [InlineData(TlsVersion.Tls13, TlsVersion.Tls13, TlsProtocol.Tls12, TlsProtocol.None)]
    public void Versions_are_bounded(TlsVersion min, TlsVersion max, TlsProtocol client, TlsProtocol agreed)
    {
        var listener = TlsBench.Https(new() { DefaultCertificate = "default", MinVersion = min, MaxVersion = max });
        Assert.Equal(agreed, _bench.Meet(_bench.Compile(Config(listener, _bench.Issue("default"))).Listener("web"), _bench.Client("a.example", max: client)).Version);
    }

    [Theory]
    [InlineData(ClientCertificateMode.None, false, true)]
    [InlineData(ClientCertificateMode.Optional, false, true)]
    [InlineData(ClientCertificateMode.Optional, true, true)]
    [InlineData(ClientCertificateMode.Required, false, false)]
    [InlineData(ClientCertificateMode.Required, true, true)]
    public void Clients_are_asked_by_default_and_chosen_certificates_alike(ClientCertificateMode mode, bool shows, bool served)
    {
        var tls = new ListenerTls { DefaultCertificate = "default", ClientCertificates = mode, ClientAuthorities = _bench.Authority.Pem };
        var config = Config(TlsBench.Https(tls), _bench.Issue("default"), _bench.Issue("own-a")) with { VirtualHosts = [TlsBench.Host("own-a", "a.example")] };
        var state = _bench.Compile(config).Listener("web");
        var client = shows ? _bench.Keep(_bench.Authority.Issue("client")) : null;
        foreach (var name in new[] { "a.example", "b.example" })
        {
            var met = _bench.Meet(state, _bench.Client(name, certificate: client));
            Assert.Equal(served, met.ServerFault.Kind == TlsFaultKind.None);
            Assert.Equal(shows && mode != ClientCertificateMode.None ? client!.Sha256 : null, met.Client?.Sha256);
        }
    }

    [Fact]
    public void All_faults_are_told_and_the_rest_is_served()
    {
        using var stranger = _bench.Authority.Issue("stranger");
        var good = _bench.Issue("good");
        var config = new ProxyConfig
        {
            Certificates =
            [
                good,
                good with { Name = "no-chain", Chain = "nonsense" },
                good with { Name = "other-key", Key = stranger.Key },
                good with { Name = "no-staple", OcspResponse = "%%%" },
                good with { Name = "bad-staple", OcspResponse = "AAEC" },
            ],
            Listeners =
            [
                TlsBench.Https(new() { DefaultCertificate = "no-staple", Certificates = ["no-chain", "bad-staple"], TicketKeys = ["AAAA"] }, "served"),
                TlsBench.Https(new() { DefaultCertificate = "good", Ciphers = "NONE-SUCH" }, "ciphers"),
                TlsBench.Https(new() { DefaultCertificate = "good", ClientCertificates = ClientCertificateMode.Required, ClientAuthorities = "nonsense" }, "authorities"),
            ],
            Upstreams = [TlsBench.Group(new() { Certificate = "other-key" }, "shows"), TlsBench.Group(new() { Authorities = "nonsense" }, "believes")],
        };
        var snapshot = _bench.Compile(config);
        string[] expected =
        [
            "listener 'served': tls.ticketKeys[0]: not 80 bytes in base64",
            "listener 'ciphers': tls: setting the ciphers 'NONE-SUCH'",
            "listener 'authorities': tls: reading the authorities (at least one PEM certificate)",
            "upstream 'shows': tls: the certificate 'other-key' is not there, or can't be read",
            "upstream 'believes': tls: reading the authorities (at least one PEM certificate)",
            "certificate 'no-chain': reading the certificate (at least one PEM certificate)",
            "certificate 'other-key': matching the key with the certificate",
            "certificate 'no-staple': ocspResponse: not base64",
            "certificate 'bad-staple': ocspResponse: reading the OCSP response (DER)",
        ];
        Assert.Equal(expected.Length, snapshot.Faults.Count);
        Assert.All(expected, (beginning, i) => Assert.StartsWith(beginning, snapshot.Faults[i].ToString(), StringComparison.Ordinal));
        Assert.True(_bench.Meet(snapshot.Listener("served"), _bench.Client("good")).Established);
        Assert.Null(snapshot.Listener("ciphers"));
        Assert.Null(snapshot.Listener("authorities"));
        Assert.Null(snapshot.Upstream("shows"));
        Assert.Null(snapshot.Upstream("believes"));

        // The same faults again, though nothing was read again.
        Assert.Equal(snapshot.Faults.Count, _bench.Compile(config).Faults.Count);
    }

    [Fact]
    public void A_listener_that_becomes_bad_is_served_as_before()
    {
        var good = Config(TlsBench.Https(new() { DefaultCertificate = "default" }), _bench.Issue("default"));
        var before = _bench.Compile(good);
        var after = _bench.Compile(good with { Listeners = [TlsBench.Https(new() { DefaultCertificate = "default", Ciphers = "NONE-SUCH" })] });
        Assert.Contains("it is served as before", Assert.Single(after.Faults).ToString(), StringComparison.Ordinal);
        Assert.Same(before.Listener("web"), after.Listener("web"));
        before.Dispose();
        Assert.True(_bench.Meet(after.Listener("web"), _bench.Client("a.example")).Established);
    }

    [Fact]
    public void Messages_contain_no_secret()
    {
        var broken = _bench.Issue("broken") with { Key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n" };
        var config = Config(TlsBench.Https(new() { DefaultCertificate = "broken", TicketKeys = ["c2VjcmV0"] }), broken);
        Assert.All(_bench.Compile(config).Faults, f => Assert.DoesNotContain("c2VjcmV0", f.ToString(), StringComparison.Ordinal));
    }

    private static string[] Words(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries);

    private static ProxyConfig Config(Listener listener, params Certificate[] certificates) => new() { Listeners = [listener], Certificates = [.. certificates] };

    private ProxyConfig Example(string? fallback) => new()
    {
        Certificates =
        [
            _bench.Issue("default", "default"), _bench.Issue("own-a"), _bench.Issue("own-wild"), _bench.Issue("own-deep"),
            _bench.Issue("listed", "listed", "listed.example", "special.wild.example", "a.example"), _bench.Issue("star", "star", "*.star.example", "listed.example"),
            _bench.Issue("broken") with { Key = "nonsense" },
        ],
        Listeners = [TlsBench.Https(new() { DefaultCertificate = fallback, Certificates = ["listed", "star"] })],
        VirtualHosts =
        [
            TlsBench.Host("own-a", "a.example"), TlsBench.Host(null, "a.example", "special.wild.example"), TlsBench.Host("own-wild", "*.wild.example"),
            TlsBench.Host("own-deep", "**.deep.example"), TlsBench.Host("broken", "missing.example"),
        ],
    };
}
