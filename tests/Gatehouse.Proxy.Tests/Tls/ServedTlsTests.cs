using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Configuration;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Tls;

/// <summary>TLS of clients that other people wrote, through the whole engine.</summary>
public sealed class ServedTlsTests
{
    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public void Requests_follow_each_other_on_one_connection(SslProtocols version)
    {
        using var rig = new TlsRig();
        var client = rig.Client(change: o => o.EnabledSslProtocols = version);
        Assert.Equal(version, client.SslProtocol);
        for (var i = 0; i < 3; i++) Assert.StartsWith("HTTP/1.1 200 OK\r\n", rig.Exchange(client), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("own.example", "own.example")]
    [InlineData("x.wild.example", "*.wild.example")]
    [InlineData("other.example", "a.example")]
    [InlineData(null, "a.example")]
    public void The_name_chooses_the_certificate(string? name, string shown)
    {
        using var rig = new TlsRig((r, c) => Names(r, c));
        Assert.Equal(shown, TlsRig.Shown(rig.Client(name)));
    }

    [Fact]
    public void Without_a_default_a_name_that_nobody_has_is_refused()
    {
        using var rig = new TlsRig((r, c) => Names(r, c).With(l => l with { Tls = new ListenerTls() }));
        Assert.True(rig.Refuses("other.example"));
        rig.Engine.Settle(); // The client may hear of it before it is counted.
        Assert.Equal(1, rig.Engine.Refused(Refusal.ServerNameUnknown));
        Assert.Equal("own.example", TlsRig.Shown(rig.Client("own.example")));
    }

    [Fact]
    public void The_protocol_within_is_chosen()
    {
        using var rig = new TlsRig();
        Assert.Equal(SslApplicationProtocol.Http11, rig.Client(change: o => o.ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11]).NegotiatedApplicationProtocol);
        Assert.Equal(default, rig.Client().NegotiatedApplicationProtocol);
    }

    [Theory]
    [InlineData(ClientCertificateMode.Optional, null, false)]
    [InlineData(ClientCertificateMode.Optional, "right", false)]
    [InlineData(ClientCertificateMode.Optional, "wrong", true)]
    [InlineData(ClientCertificateMode.Required, null, true)]
    [InlineData(ClientCertificateMode.Required, "right", false)]
    [InlineData(ClientCertificateMode.Required, "wrong", true)]
    public void Clients_show_certificates(ClientCertificateMode mode, string? shown, bool refused)
    {
        using var other = new TestKit.Tls.TestAuthority();
        using var rig = new TlsRig((r, c) => c.With(l => l with { Tls = l.Tls! with { ClientCertificates = mode, ClientAuthorities = r.Authority.Pem } }));
        var certificate = shown is null ? null : rig.Keep((shown == "right" ? rig.Authority : other).Issue("client"));
        void Show(SslClientAuthenticationOptions o)
        {
            if (certificate is null) return;
            o.ClientCertificateContext = SslStreamCertificateContext.Create(certificate.Certificate, [], offline: true);
        }

        if (!refused) Assert.Contains("hello", rig.Exchange(rig.Client(change: Show)), StringComparison.Ordinal);
        else Assert.True(rig.Refuses(change: Show));
        rig.Engine.Settle(); // The client may hear of it before it is counted.
        Assert.Equal(refused ? 1 : 0, rig.Engine.Refused(Refusal.ClientCertificate));
    }

    [Fact]
    public void A_certificate_changes_while_connections_live()
    {
        using var rig = new TlsRig();
        var before = rig.Client();
        rig.Exchange(before);
        rig.Engine.Apply(rig.Engine.Config with { Certificates = [rig.Issue("default", "changed.example")] });
        Assert.Equal("changed.example", TlsRig.Shown(rig.Client("x.example", o => o.AllowTlsResume = false)));
        rig.Exchange(before);
        Assert.Equal("a.example", TlsRig.Shown(before));
    }

    [Fact]
    public void What_does_not_shake_hands_is_closed_in_time_and_counted()
    {
        var time = new ManualTimeProvider();
        using var rig = new TlsRig(time: time);
        var silent = rig.Engine.Connect();
        var half = rig.Engine.Connect();
        half.Send("\x16\x03\x01");
        rig.Engine.Settle();
        rig.Engine.Pass(61);
        silent.ExpectToEnd("");
        half.ReadToEnd();
        rig.Engine.Settle(); // The client may hear of it before it is counted.
        Assert.Equal(2, rig.Engine.Refused(Refusal.HandshakeTimeout));
    }

    [Fact]
    public void Plain_bytes_at_a_TLS_port_and_TLS_at_a_plain_one_are_refused()
    {
        using var rig = new TlsRig((_, c) => c with { Listeners = [c.Listeners[0], new Listener { Name = "plain", Address = c.Listeners[0].Address, DefaultUpstream = "app" }] });
        var plain = rig.Engine.Connect("web");
        plain.Send(TlsRig.Request);
        Assert.DoesNotContain("200", plain.ReadToEnd(), StringComparison.Ordinal);
        rig.Engine.Settle(); // The client may hear of it before it is counted.
        Assert.Equal(1, rig.Engine.Refused(Refusal.HandshakeFailed));
        using var stream = new SslStream(new System.Net.Sockets.NetworkStream(rig.Engine.Connect("plain").Socket));
        Assert.ThrowsAny<Exception>(() => stream.AuthenticateAsClient("a.example"));
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Large_bodies_go_both_ways_in_bounded_memory(SslProtocols version)
    {
        const int length = 20_000_000;
        using var rig = new TlsRig((_, c) => c.With(l => l with { Limits = l.Limits with { BodyBytes = 0 } }));
        var client = rig.Client(change: o => o.EnabledSslProtocols = version);
        client.Write(Encoding.ASCII.GetBytes($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"));
        var upstream = rig.Keep(rig.Server.Accept());
        upstream.ReadHead();
        var chunk = new byte[1_000_000];
        for (var i = 0; i < chunk.Length; i++) chunk[i] = (byte)(i * 7);
        var sending = Task.Factory.StartNew(
            () =>
            {
                for (var sent = 0; sent < length; sent += chunk.Length) client.Write(chunk);
            }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        // However much faster the client is than the endpoint: what is under way is bounded by buffers, not by the body.
        for (var read = 0; read < length; read += chunk.Length)
        {
            Assert.InRange(RunningEngine.OnLoop(rig.Engine.Engine.Loops[0], static l => l.Loop.Buffers.InUse), 0, 2 << 20);
            Assert.Equal(Encoding.Latin1.GetString(chunk), upstream.Read(chunk.Length));
        }

        await sending;

        var answering = Task.Factory.StartNew(
            () =>
            {
                upstream.Send($"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
                for (var sent = 0; sent < length; sent += chunk.Length) upstream.Socket.Send(chunk);
            }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        TlsRig.ReadHead(client);
        var got = new byte[chunk.Length];
        for (var read = 0; read < length; read += got.Length)
        {
            Assert.InRange(RunningEngine.OnLoop(rig.Engine.Engine.Loops[0], static l => l.Loop.Buffers.InUse), 0, 2 << 20);
            client.ReadExactly(got);
            Assert.True(chunk.AsSpan().SequenceEqual(got));
        }

        await answering;
    }

    [Fact]
    public async Task A_client_that_ends_its_side_gets_its_answer_and_the_end_is_said()
    {
        using var rig = new TlsRig();
        var client = rig.Client();
        client.Write(Encoding.ASCII.GetBytes(TlsRig.Request.Replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")));
        var upstream = rig.Keep(rig.Server.Accept());
        upstream.ReadHead();
        await client.ShutdownAsync();
        rig.Engine.Settle();
        upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        Assert.EndsWith("hi", TlsRig.ReadUntil(client, "hi"), StringComparison.Ordinal);
        Assert.Equal(0, client.Read(new byte[1])); // close_notify: SslStream would throw for a mere end of the stream in the middle of a record.
    }

    [Fact]
    public void Engines_that_share_ticket_keys_resume_each_others_sessions()
    {
        var key = Convert.ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(80));
        ProxyConfig Shared(ProxyConfig c) => c.With(l => l with { Tls = l.Tls! with { TicketKeys = [key] } });
        using var first = new TlsRig((_, c) => Shared(c));
        using var second = new TlsRig((_, c) => Shared(c) with { Certificates = [.. c.Certificates] });
        using var folder = new TemporaryDirectory();
        var session = folder["session"];
        Assert.Contains("New, TLSv1.3", OpenSsl(first, "-sess_out", session), StringComparison.Ordinal);
        Assert.Contains("Reused, TLSv1.3", OpenSsl(second, "-sess_in", session), StringComparison.Ordinal);
        using var stranger = new TlsRig();
        Assert.Contains("New, TLSv1.3", OpenSsl(stranger, "-sess_in", session), StringComparison.Ordinal);
    }

    private static string OpenSsl(TlsRig rig, params string[] more)
    {
        // It ends by itself once the answer is there, which asks for the end of the connection.
        var asked = Task.Run(() => ShellCommand.RunAsync("sh", ["-c", $"printf 'GET / HTTP/1.1\\r\\nHost: a.example\\r\\nConnection: close\\r\\n\\r\\n' | openssl s_client -connect {rig.Engine.Address()} -servername a.example -ign_eof {string.Join(' ', more)}"]));
        var upstream = rig.Keep(rig.Server.Accept());
        upstream.ReadHead();
        upstream.Send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return asked.GetAwaiter().GetResult().Output;
    }

    private static ProxyConfig Names(TlsRig rig, ProxyConfig config) => config with
    {
        Certificates = [.. config.Certificates, rig.Issue("own", "own.example"), rig.Issue("wild", "*.wild.example")],
        VirtualHosts =
        [
            new VirtualHost { Name = "own", Hosts = ["own.example"], Certificate = "own", Routes = [new Route { Name = "r", Upstream = "app" }] },
            new VirtualHost { Name = "wild", Hosts = ["*.wild.example"], Certificate = "wild", Routes = [new Route { Name = "r", Upstream = "app" }] },
        ],
    };
}
