using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Gatehouse.Linux.OpenSsl;
using Gatehouse.TestKit;

namespace Gatehouse.Linux.Tests.OpenSsl;

/// <summary>Against OpenSSL's own programs and against .NET, over loopback.</summary>
public sealed class TlsInteropTests : IDisposable
{
    private readonly TlsKit _kit = new();
    private readonly TemporaryDirectory _folder = new();
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public TlsInteropTests()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        File.WriteAllText(_folder["ca.pem"], _kit.Authority.Pem);
        File.WriteAllText(_folder["server.pem"], _kit.Certificate.Chain);
        File.WriteAllText(_folder["server.key"], _kit.Certificate.Key);
    }

    private string Address => _listener.LocalEndPoint!.ToString()!;

    public void Dispose()
    {
        _listener.Dispose();
        _folder.Dispose();
        _kit.Dispose();
    }

    [Theory]
    [InlineData("-tls1_2", TlsProtocol.Tls12)]
    [InlineData("-tls1_3", TlsProtocol.Tls13)]
    public async Task The_openssl_client_is_served(string version, TlsProtocol agreed)
    {
        var staple = await OcspResponder.AnswerAsync(_kit.Authority, _kit.Certificate);
        var echo = TlsPump.EchoAsync(_listener, _kit.Server(o => o with { Certificate = _kit.Read(_kit.Certificate, staple), Alpn = ["http/1.1"] }));
        await using var client = RunningCommand.Start("openssl",
            ["s_client", "-connect", Address, "-servername", "a.example", "-CAfile", "ca.pem", "-verify_return_error", "-verify_hostname", "a.example", "-status", "-alpn", "h2,http/1.1", version],
            _folder.Path);
        await client.LineAsync("OCSP Response Status: successful (0x0)");
        await client.LineAsync("Cert Status: good");
        await client.LineAsync("ALPN protocol: http/1.1");
        await client.LineAsync("Verify return code: 0 (ok)");
        await client.WriteLineAsync("there and back");
        await client.LineAsync("there and back");
        await client.WriteLineAsync("Q");
        using var served = await echo.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        Assert.Equal(TlsStatus.Closed, served.End);
        Assert.Equal(agreed, served.Session.Version);
        Assert.Equal("a.example"u8, served.Session.ServerName);
    }

    [Fact]
    public async Task The_openssl_client_resumes()
    {
        var server = _kit.Server(o => o with { TicketKeys = new TlsTicketKeys(TlsKit.RandomKeys()) });
        foreach (var (option, expected) in new[] { ("-sess_out", "New, TLSv1.3"), ("-sess_in", "Reused, TLSv1.3") })
        {
            var echo = TlsPump.EchoAsync(_listener, server);
            await using var client = RunningCommand.Start("openssl", ["s_client", "-connect", Address, option, "session", "-ign_eof"], _folder.Path);
            await client.LineAsync(expected);
            await client.WriteLineAsync("there and back");
            await client.LineAsync("there and back");
            client.Kill();
            using var served = await echo.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
            Assert.Equal(option == "-sess_in", served.Session.Resumed);
            Assert.Equal(TlsFaultKind.Truncated, served.Session.LastFault.Kind);
        }
    }

    [Fact]
    public async Task Renegotiation_is_refused()
    {
        var echo = TlsPump.EchoAsync(_listener, _kit.Server());
        await using var client = RunningCommand.Start("openssl", ["s_client", "-connect", Address, "-tls1_2"], _folder.Path);
        await client.LineAsync("Secure Renegotiation IS supported");
        await client.LineAsync("Verify return code");
        await client.WriteLineAsync("R");
        await client.LineAsync("no renegotiation");
        using var served = await echo.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        Assert.Equal(0, served.Read);
    }

    [Fact]
    public async Task Versions_before_1_2_are_refused()
    {
        var echo = TlsPump.EchoAsync(_listener, _kit.Server());
        var client = await ShellCommand.RunAsync("openssl", ["s_client", "-connect", Address, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], _folder.Path);
        Assert.NotEqual(0, client.ExitCode);
        Assert.Contains("alert protocol version", client.Errors, StringComparison.Ordinal);
        using var served = await echo.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        Assert.Equal("unsupported protocol", served.Session.LastFault.ToString());
    }

    [Theory]
    [InlineData("-tls1_2", true)]
    [InlineData("-tls1_3", true)]
    [InlineData("-tls1_3", false)]
    public async Task The_openssl_server_is_spoken_to(string version, bool shows)
    {
        await using var server = RunningCommand.Start("openssl",
            ["s_server", "-accept", "127.0.0.1:0", "-cert", "server.pem", "-cert_chain", "server.pem", "-key", "server.key", "-CAfile", "ca.pem", "-Verify", "3", "-verify_return_error", "-rev", "-alpn", "http/1.1", version],
            _folder.Path);
        var place = IPEndPoint.Parse((await server.LineAsync("ACCEPT")).Split(' ')[1]);
        var client = _kit.Keep(_kit.Authority.Issue("client"));
        var taken = new StringBuilder();
        using var asked = await TlsPump.AskAsync(place, _kit.Peer(o => o with { Alpn = ["http/1.1"], Certificate = shows ? _kit.Read(client) : null }), "abc\n"u8.ToArray(), 4, t => taken.Append(Encoding.ASCII.GetString(t.Span)))
            .WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        Assert.Equal(shows ? "cba\n" : "", taken.ToString());
        if (shows) Assert.Equal(TlsAlpn.Http11, asked.Session.Alpn);
        else Assert.Equal(TlsFaultKind.PeerAlert, asked.Session.LastFault.Kind);
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Megabytes_go_to_dotnet_and_back(SslProtocols version)
    {
        var echo = TlsPump.EchoAsync(_listener, _kit.Server(o => o with { Alpn = ["h2"] }));
        using var tcp = new TcpClient();
        await tcp.ConnectAsync((IPEndPoint)_listener.LocalEndPoint!, TestContext.Current.CancellationToken);
        await using var stream = new SslStream(tcp.GetStream());
        await stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "a.example",
                EnabledSslProtocols = version,
                ApplicationProtocols = [SslApplicationProtocol.Http2],
                CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { _kit.Authority.Certificate }, RevocationMode = X509RevocationMode.NoCheck },
            },
            TestContext.Current.CancellationToken);
        Assert.Equal(SslApplicationProtocol.Http2, stream.NegotiatedApplicationProtocol);
        var sent = RandomNumberGenerator.GetBytes(2_000_000);
        var got = new byte[sent.Length];
        var writing = stream.WriteAsync(sent, TestContext.Current.CancellationToken).AsTask();
        await stream.ReadExactlyAsync(got, TestContext.Current.CancellationToken);
        await writing;
        Assert.Equal(sent, got);
        await stream.ShutdownAsync();
        Assert.Equal(0, await stream.ReadAsync(got, TestContext.Current.CancellationToken));
        using var served = await echo.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        Assert.Equal(TlsStatus.Closed, served.End);
    }

    [Fact]
    public async Task A_dotnet_server_is_spoken_to()
    {
        var serving = Task.Run(async () =>
        {
            using var accepted = await _listener.AcceptAsync();
            await using var stream = new SslStream(new NetworkStream(accepted));
            await stream.AuthenticateAsServerAsync(_kit.Certificate.Certificate);
            var question = new byte[300_000];
            await stream.ReadExactlyAsync(question);
            await stream.WriteAsync(question);
            await stream.ShutdownAsync();
            return question;
        });
        var question = RandomNumberGenerator.GetBytes(300_000);
        var answer = new MemoryStream();
        using var asked = await TlsPump.AskAsync(_listener.LocalEndPoint!, _kit.Peer(), question, question.Length, t => answer.Write(t.Span)).WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        Assert.Equal(question, await serving.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken));
        Assert.Equal(question, answer.ToArray());
        Assert.Equal(TlsStatus.Closed, asked.End);
    }

    [Fact]
    public async Task Secrets_are_written_when_a_setting_asks_for_them()
    {
        var log = _folder["keys"];
        var echo = TlsPump.EchoAsync(_listener, _kit.Server(o => o with { KeyLog = log }));
        await ShellCommand.RunAsync("openssl", ["s_client", "-connect", Address, "-tls1_3"], _folder.Path);
        using var served = await echo.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        var lines = await File.ReadAllLinesAsync(log, TestContext.Current.CancellationToken);
        Assert.Contains(lines, l => l.StartsWith("SERVER_TRAFFIC_SECRET_0 ", StringComparison.Ordinal));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(log));
    }
}
