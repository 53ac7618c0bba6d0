using Gatehouse.Linux.OpenSsl;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Tls;

namespace Gatehouse.Proxy.Tests.Tls;

public sealed class UpstreamTlsTests : IDisposable
{
    private readonly TlsBench _bench = new();
    private readonly TlsContext _server;

    public UpstreamTlsTests()
    {
        var issued = _bench.Keep(_bench.Authority.Issue("app.example", "10.0.0.1", "::1"));
        using var certificate = TlsCertificate.Read(issued.Chain, issued.Key);
        using var authorities = TlsAuthorities.Read(_bench.Authority.Pem);
        _server = _bench.Keep(TlsContext.Server(new TlsServerOptions
        {
            Certificate = certificate,
            ClientCertificates = TlsClientCertificates.Optional,
            ClientAuthorities = authorities,
            TicketKeys = new TlsTicketKeys(new byte[80]),
        }));
    }

    public static TheoryData<string?, string, string?> Names => new()
    {
        { null, "app.example", null },
        { null, "APP.example", null },
        { null, "10.0.0.1", null },
        { null, "[::1]", null },
        { null, "::1", null },
        { null, "", null },
        { "app.example", "anything.example", null },
        { "app.example", "", null },
        { null, "other.example", "certificate verify failed: hostname mismatch" },
        { null, "10.0.0.2", "certificate verify failed: IP address mismatch" },
        { "other.example", "app.example", "certificate verify failed: hostname mismatch" },
    };

    public void Dispose() => _bench.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void The_name_is_the_configured_one_or_the_requests(string? configured, string host, string? fault)
    {
        var state = State(new() { Authorities = _bench.Authority.Pem, ServerName = configured });
        var met = TlsBench.Meet(_server, state.Peer(0, Bytes(host))!);
        Assert.Equal(fault ?? "", met.ClientFault.ToString());
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void Without_authorities_the_systems_count_unless_nothing_is_checked(bool verify, bool refused)
    {
        var met = TlsBench.Meet(_server, State(new() { Verify = verify, ServerName = "other.example" }).Peer(0, default)!);
        Assert.Equal(refused ? TlsFaultKind.Certificate : TlsFaultKind.None, met.ClientFault.Kind);
    }

    [Fact]
    public void A_certificate_is_shown_when_one_is_configured()
    {
        var own = _bench.Issue("own");
        var snapshot = _bench.Compile(new ProxyConfig
        {
            Certificates = [own],
            Upstreams = [TlsBench.Group(new() { Authorities = _bench.Authority.Pem, Certificate = "own" }, "shows"), TlsBench.Group(new() { Authorities = _bench.Authority.Pem }, "hides")],
        });
        Assert.Equal("CN=own", TlsBench.Meet(_server, snapshot.Upstream("shows")!.Peer(0, "app.example"u8)!).Client?.Subject);
        Assert.Null(TlsBench.Meet(_server, snapshot.Upstream("hides")!.Peer(0, "app.example"u8)!).Client);
    }

    [Fact]
    public void Sessions_are_kept_for_each_endpoint_and_name()
    {
        var state = State(new() { Authorities = _bench.Authority.Pem });
        Assert.False(TlsBench.Meet(_server, state.Peer(1, "app.example"u8)!).Resumed);
        Assert.True(TlsBench.Meet(_server, state.Peer(1, "App.Example"u8)!).Resumed);
        Assert.False(TlsBench.Meet(_server, state.Peer(2, "app.example"u8)!).Resumed);
        Assert.False(TlsBench.Meet(_server, state.Peer(65_537, "app.example"u8)!).Resumed);

        // What was checked for one name is never resumed for another.
        Assert.Equal(TlsFaultKind.Certificate, TlsBench.Meet(_server, state.Peer(1, "other.example"u8)!).ClientFault.Kind);
        Assert.Equal(4, state.Peers);
    }

    [Fact]
    public void A_known_peer_is_found_without_allocation()
    {
        var state = State(new());
        var peer = state.Peer(3, "app.example"u8);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++) peer = state.Peer(3, "APP.example"u8) == peer ? peer : null;
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.NotNull(peer);
    }

    [Fact]
    public void Peers_are_bounded_and_those_beyond_work_and_keep_nothing()
    {
        var state = State(new() { Verify = false });
        for (var i = 0; i < UpstreamTlsState.MaxPeers + 50; i++) Assert.NotNull(state.Peer(0, Bytes($"h{i}.example")));
        Assert.Equal(UpstreamTlsState.MaxPeers, state.Peers);
        var beyond = state.Peer(0, "beyond.example"u8)!;
        Assert.Equal((true, false), (TlsBench.Meet(_server, beyond).Established, beyond.HasSession));
        Assert.NotSame(beyond, state.Peer(0, "beyond.example"u8));
        Assert.Same(state.Peer(0, "h5.example"u8), state.Peer(0, "h5.example"u8));
    }

    [Theory]
    [InlineData("with space")]
    [InlineData("a\0b")]
    [InlineData("ümlaut")]
    public void What_is_no_name_has_no_peer(string host) => Assert.Null(State(new()).Peer(0, Bytes(host)));

    [Fact]
    public void A_name_that_is_too_long_has_no_peer() => Assert.Null(State(new()).Peer(0, Bytes(new string('a', 256))));

    [Fact]
    public void A_group_that_does_not_change_keeps_its_sessions()
    {
        var tls = new UpstreamTls { Authorities = _bench.Authority.Pem };
        var config = new ProxyConfig { Upstreams = [TlsBench.Group(tls), TlsBench.Group(tls with { ServerName = "app.example" }, "named")] };
        var first = _bench.Compile(config);
        Assert.Equal(1, _bench.Compiler.Contexts);
        Assert.False(TlsBench.Meet(_server, first.Upstream("app")!.Peer(0, "app.example"u8)!).Resumed);
        var second = _bench.Compile(config with { Upstreams = [TlsBench.Group(tls with { Authorities = new string(_bench.Authority.Pem.AsSpan()) })] });
        Assert.Same(first.Upstream("app"), second.Upstream("app"));
        first.Dispose();
        Assert.True(TlsBench.Meet(_server, second.Upstream("app")!.Peer(0, "app.example"u8)!).Resumed);

        // One that changes does not; and what is disposed is refused, not used.
        var third = _bench.Compile(new ProxyConfig { Upstreams = [TlsBench.Group(tls with { MinVersion = TlsVersion.Tls13 })] });
        var late = second.Upstream("app")!;
        second.Dispose();
        Assert.Equal(1, _bench.Compiler.Contexts);
        Assert.False(TlsBench.Meet(_server, third.Upstream("app")!.Peer(0, "app.example"u8)!).Resumed);
        using var buffers = new TlsBuffers();
        Assert.Null(TlsSession.Connect(late.Peer(0, "app.example"u8)!, buffers));
        Assert.Null(TlsSession.Connect(late.Peer(9, "late.example"u8)!, buffers));
    }

    private static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    private UpstreamTlsState State(UpstreamTls tls)
    {
        var snapshot = _bench.Compile(new ProxyConfig { Upstreams = [TlsBench.Group(tls)] });
        Assert.Empty(snapshot.Faults);
        return snapshot.Upstream("app")!;
    }
}
