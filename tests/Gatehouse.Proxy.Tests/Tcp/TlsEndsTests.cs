using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Gatehouse.Proxy.Configuration;
using Gatehouse.TestKit;
using Gatehouse.TestKit.Tls;

namespace Gatehouse.Proxy.Tests.Tcp;

/// <summary>TCP whose TLS ends here, on the side of the client, of the endpoint, or both.</summary>
public sealed class TlsEndsTests : IDisposable
{
    private readonly TestAuthority _authority = new();
    private readonly TestCertificate _certificate;

    public TlsEndsTests() => _certificate = _authority.Issue("app.example", "other.example");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _certificate.Dispose();
        _authority.Dispose();
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Bytes_and_ends_go_both_ways(bool atClient, bool atUpstream)
    {
        using var rig = new TcpRig(c => (atClient ? Ends(c) : c).With(g => atUpstream ? g with { Tls = new UpstreamTls { Authorities = _authority.Pem, ServerName = "app.example" } } : g));
        var (client, upstream) = await MeetAsync(rig, atClient, atUpstream);
        await using (client)
        await using (upstream)
        {
            await client.WriteAsync("ping"u8.ToArray(), Cancellation);
            Assert.Equal("ping"u8.ToArray(), await ReadAsync(upstream, 4));
            await upstream.WriteAsync("pong"u8.ToArray(), Cancellation);
            Assert.Equal("pong"u8.ToArray(), await ReadAsync(client, 4));

            var up = SendAsync(client, 5 << 20);
            var down = SendAsync(upstream, 7 << 20);
            var atTop = HashAsync(upstream, 5 << 20);
            var atBottom = HashAsync(client, 7 << 20);
            await Task.WhenAll(up, down, atTop, atBottom).WaitAsync(Patience.Limit, Cancellation);
            Assert.Equal((await up, await down), (await atTop, await atBottom));

            // The client ends first; the other direction goes on.
            await EndAsync(client);
            Assert.Empty(await ReadAsync(upstream, 1));
            await upstream.WriteAsync("last"u8.ToArray(), Cancellation);
            Assert.Equal("last"u8.ToArray(), await ReadAsync(client, 4));
            await EndAsync(upstream);
            Assert.Empty(await ReadAsync(client, 1));
        }

        var seen = rig.Seen.Next();
        Assert.Equal((atClient ? "tcp~" : "tcp", "--", (5L << 20) + 4, (7L << 20) + 8), (seen.Listener, seen.Flags, seen.BytesIn, seen.BytesOut));
    }

    [Theory]
    [InlineData("app.example", 0)]
    [InlineData("other.example", 1)]
    public async Task The_server_name_leads_to_the_group(string name, int server)
    {
        using var rig = new TcpRig(
            c => Ends(c) with { Upstreams = [.. c.Upstreams[0].Endpoints.Select((e, i) => new UpstreamGroup { Name = i == 0 ? "app" : "second", Endpoints = [e] })] } is var two
                ? two.With(l => l with { ServerNames = [new ServerNameRoute { Host = "other.example", Upstream = "second" }] }) : c,
            servers: 2);
        await using var client = await ClientAsync(rig, name);
        await client.WriteAsync("hello"u8.ToArray(), Cancellation);
        rig.Accept(server).Expect("hello");
    }

    [Fact]
    public async Task A_PROXY_header_comes_before_the_handshake_and_goes_before_the_endpoints()
    {
        const string Header = "PROXY TCP4 192.0.2.1 198.51.100.2 4242 443\r\n";
        using var rig = new TcpRig(c => Ends(c).With(l => l with { ProxyProtocolFrom = [IPNetwork.Parse("127.0.0.0/8")] })
            .With(g => g with { ProxyProtocol = ProxyProtocolVersion.V1, Tls = new UpstreamTls { Verify = false } }));
        rig.Client.Send(Header, byBytes: true);
        var making = ClientAsync(rig, "app.example");
        var upstream = rig.Accept();
        var plain = new NetworkStream(upstream.Socket);
        Assert.Equal(Header, Encoding.ASCII.GetString(await ReadAsync(plain, Header.Length))); // No byte more: the hello may be there already.
        await using var accepted = new SslStream(plain);
        await accepted.AuthenticateAsServerAsync(_certificate.Certificate).WaitAsync(Patience.Limit, Cancellation);
        await using var client = await making;
        await client.WriteAsync("hello"u8.ToArray(), Cancellation);
        Assert.Equal("hello"u8.ToArray(), await ReadAsync(accepted, 5));
    }

    [Fact]
    public async Task An_endpoint_whose_certificate_is_not_trusted_is_not_spoken_to()
    {
        using var stranger = new TestAuthority("Stranger");
        using var rig = new TcpRig(c => c.With(g => g with { Tls = new UpstreamTls { Authorities = stranger.Pem, ServerName = "app.example" } }));
        rig.Client.Send("secret");
        await using var accepted = new SslStream(new NetworkStream(rig.Accept().Socket));
        await Assert.ThrowsAnyAsync<Exception>(() => accepted.AuthenticateAsServerAsync(_certificate.Certificate).WaitAsync(Patience.Limit, Cancellation).ContinueWith(
            async _ => Assert.NotEqual(0, await accepted.ReadAsync(new byte[1], Cancellation)), Cancellation, TaskContinuationOptions.None, TaskScheduler.Default).Unwrap());
        Assert.Equal(("SC", "upstream_certificate"), (rig.Seen.Next() is var seen ? seen.Flags : "", seen.Reason));
        rig.Client.ExpectToEnd("<reset>");
    }

    [Fact]
    public void An_endpoint_that_does_not_speak_TLS_is_given_up()
    {
        using var rig = new TcpRig(c => c.With(g => g with { Tls = new UpstreamTls { Verify = false } }));
        _ = rig.Client;
        rig.Accept().Send("220 plain\r\n");
        rig.Client.ExpectToEnd("<reset>");
        Assert.Equal(("SC", "upstream_handshake_failed"), (rig.Seen.Next() is var seen ? seen.Flags : "", seen.Reason));
    }

    [Fact]
    public void A_handshake_that_takes_too_long_is_given_up()
    {
        using var rig = new TcpRig(c => c.With(g => g with { Tls = new UpstreamTls { Verify = false } }));
        _ = rig.Client;
        var upstream = rig.Accept();
        _ = upstream.Read(5); // The hello's record header.
        rig.Engine.Pass(5.1);
        rig.Client.ExpectToEnd("<reset>");
        Assert.Equal(("sC", "connect_timeout"), (rig.Seen.Next() is var seen ? seen.Flags : "", seen.Reason));
    }

    private ProxyConfig Ends(ProxyConfig config) => config.With(l => l with { Protocol = ListenerProtocol.Tls, Tls = new ListenerTls { DefaultCertificate = "own" } }) with { Certificates = [new Certificate { Name = "own", Chain = _certificate.Chain, Key = _certificate.Key }] };

    private async Task<(Stream Client, Stream Upstream)> MeetAsync(TcpRig rig, bool atClient, bool atUpstream)
    {
        var making = atClient ? ClientAsync(rig, "app.example") : Task.FromResult<Stream>(new NetworkStream(rig.Client.Socket));
        var accepted = await Task.Run(() => rig.Accept(), Cancellation);
        if (!atUpstream) return (await making, new NetworkStream(accepted.Socket));
        var upstream = new SslStream(new NetworkStream(accepted.Socket));
        await upstream.AuthenticateAsServerAsync(_certificate.Certificate).WaitAsync(Patience.Limit, Cancellation);
        return (await making, upstream);
    }

    private async Task<Stream> ClientAsync(TcpRig rig, string name)
    {
        var client = new SslStream(new NetworkStream(rig.Client.Socket), leaveInnerStreamOpen: false, (_, shown, _, _) => shown?.Subject == _certificate.Certificate.Subject);
        await client.AuthenticateAsClientAsync(name).WaitAsync(Patience.Limit, Cancellation);
        return client;
    }

    private static async Task EndAsync(Stream stream)
    {
        if (stream is SslStream tls) await tls.ShutdownAsync();
        else ((NetworkStream)stream).Socket.Shutdown(SocketShutdown.Send);
    }

    private static async Task<byte[]> ReadAsync(Stream stream, int count)
    {
        var bytes = new byte[count];
        var read = await stream.ReadAtLeastAsync(bytes, count, throwOnEndOfStream: false, Cancellation).AsTask().WaitAsync(Patience.Limit, Cancellation);
        return bytes[..read];
    }

    private static async Task<string> SendAsync(Stream stream, int length)
    {
        var bytes = RandomNumberGenerator.GetBytes(length);
        await stream.WriteAsync(bytes, Cancellation);
        return Convert.ToHexString(SHA256.HashData(bytes));
    }

    private static async Task<string> HashAsync(Stream stream, int length) => Convert.ToHexString(SHA256.HashData(await ReadAsync(stream, length)));
}
