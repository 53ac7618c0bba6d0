using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Tests.Http1;
using Gatehouse.TestKit;
using Gatehouse.TestKit.Tls;

namespace Gatehouse.Proxy.Tests.Tls;

/// <summary>TLS toward endpoints that other people wrote, through the whole engine.</summary>
public sealed class PassedOnTlsTests : IDisposable
{
    private readonly TestAuthority _authority = new();
    private readonly List<IDisposable> _made = [];

    public void Dispose()
    {
        foreach (var made in _made) made.Dispose();
        _authority.Dispose();
    }

    [Theory]
    [InlineData(null, "shop.example", "shop.example")]
    [InlineData("inner.example", "shop.example", "inner.example")]
    public async Task The_requests_host_or_the_configured_name_is_asked_for(string? configured, string host, string asked)
    {
        using var rig = Rig(new UpstreamTls { ServerName = configured });
        rig.Client.Send($"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        var (stream, name) = await AcceptAsync(rig, asked);
        Assert.Equal(asked, name);
        Assert.Contains($"Host: {host}\r\n", TlsRig.ReadHead(stream), StringComparison.Ordinal);
        stream.Write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"u8);
        rig.Client.ReadUntil("hi");
    }

    [Theory]
    [InlineData("other.example", true)]
    [InlineData("shop.example", false)]
    public async Task A_wrong_name_and_a_wrong_authority_are_answered_with_502(string shown, bool rightAuthority)
    {
        using var stranger = new TestAuthority();
        using var rig = Rig(new UpstreamTls());
        rig.Client.Send("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            // What a client refuses in TLS 1.3 the server reads after its handshake.
            var (stream, _) = await AcceptAsync(rig, shown, rightAuthority ? _authority : stranger);
            if (stream.ReadByte() < 0) throw new IOException("closed");
        });
        Assert.StartsWith("HTTP/1.1 502 ", rig.Client.ReadHead(), StringComparison.Ordinal);
        Assert.Equal(1, rig.Engine.Refused(Refusal.UpstreamCertificate));
    }

    [Fact]
    public async Task A_certificate_is_shown_to_who_asks_for_one()
    {
        var own = Keep(_authority.Issue("gateway"));
        using var rig = Rig(new UpstreamTls { Certificate = "own" }, c => c with { Certificates = [new Certificate { Name = "own", Chain = own.Chain, Key = own.Key }] });
        rig.Client.Send("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        var (stream, _) = await AcceptAsync(rig, "shop.example", asksForCertificate: true);
        TlsRig.ReadHead(stream);
        Assert.Equal("CN=gateway", stream.RemoteCertificate?.Subject);
        stream.Write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"u8);
        rig.Client.ReadUntil("hi");
    }

    [Fact]
    public async Task A_connection_is_used_again_for_the_same_name_alone()
    {
        using var rig = Rig(new UpstreamTls());
        async Task<SslStream> NewAsync(string host)
        {
            rig.Client.Send($"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
            var (stream, name) = await AcceptAsync(rig, host);
            Assert.Equal(host, name);
            Answer(stream);
            return stream;
        }

        void Answer(SslStream stream)
        {
            TlsRig.ReadHead(stream);
            stream.Write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"u8);
            rig.Client.ReadUntil("hi");
        }

        var first = await NewAsync("one.example");
        var second = await NewAsync("two.example");
        rig.Client.Send("GET / HTTP/1.1\r\nHost: one.example\r\n\r\n");
        Answer(first);
        rig.Client.Send("GET / HTTP/1.1\r\nHost: two.example\r\n\r\n");
        Answer(second);
        Assert.True(rig.Server.IsQuiet);
    }

    [Fact]
    public async Task The_PROXY_header_goes_before_TLS()
    {
        using var rig = Rig(new UpstreamTls(), c => c.With((UpstreamGroup u) => u with { ProxyProtocol = ProxyProtocolVersion.V1 }));
        rig.Client.Send("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        var peer = rig.Accept();
        var line = new StringBuilder();
        var one = new byte[1];
        while (!line.ToString().EndsWith("\r\n", StringComparison.Ordinal) && await peer.Socket.ReceiveAsync(one, TestContext.Current.CancellationToken) == 1) line.Append((char)one[0]);
        Assert.StartsWith("PROXY TCP4 127.0.0.1 127.0.0.1 ", line.ToString(), StringComparison.Ordinal);
        var (stream, _) = await ShakeAsync(peer, "shop.example", _authority, asksForCertificate: false);
        TlsRig.ReadHead(stream);
        stream.Write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"u8);
        rig.Client.ReadUntil("hi");
    }

    [Fact]
    public async Task The_authorities_change_while_a_connection_is_being_made()
    {
        using var rig = Rig(new UpstreamTls());
        rig.Client.Send("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
        var peer = rig.Accept();
        for (var i = 0; i < 3; i++) rig.Engine.Apply(rig.Engine.Config.With((UpstreamGroup u) => u with { Tls = u.Tls! with { MinVersion = i % 2 == 0 ? TlsVersion.Tls13 : TlsVersion.Tls12 } }));
        var (stream, _) = await ShakeAsync(peer, "shop.example", _authority, asksForCertificate: false);
        TlsRig.ReadHead(stream);
        stream.Write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"u8);
        rig.Client.ReadUntil("hi");
    }

    private Rig Rig(UpstreamTls tls, Func<ProxyConfig, ProxyConfig>? change = null) => new(c =>
    {
        c = c.With((UpstreamGroup u) => u with { Tls = tls with { Authorities = _authority.Pem }, Retries = 0 });
        return change?.Invoke(c) ?? c;
    });

    private Task<(SslStream Stream, string? Name)> AcceptAsync(Rig rig, string shown, TestAuthority? authority = null, bool asksForCertificate = false) =>
        ShakeAsync(rig.Accept(), shown, authority ?? _authority, asksForCertificate);

    private async Task<(SslStream Stream, string? Name)> ShakeAsync(RawPeer peer, string shown, TestAuthority authority, bool asksForCertificate)
    {
        string? name = null;
        var certificate = Keep(authority.Issue(shown));
        var stream = Keep(new SslStream(new NetworkStream(peer.Socket)) { ReadTimeout = (int)Patience.Limit.TotalMilliseconds });
        await stream.AuthenticateAsServerAsync(
            (_, hello, _, _) =>
            {
                name = hello.ServerName;
                return ValueTask.FromResult(new SslServerAuthenticationOptions
                {
                    ServerCertificateContext = SslStreamCertificateContext.Create(certificate.Certificate, [], offline: true),
                    ClientCertificateRequired = asksForCertificate,
                    RemoteCertificateValidationCallback = (_, client, _, _) => !asksForCertificate || client?.Issuer == "CN=Test authority",
                });
            }, null, TestContext.Current.CancellationToken);
        return (stream, name);
    }

    private T Keep<T>(T made)
        where T : IDisposable
    {
        _made.Add(made);
        return made;
    }
}
