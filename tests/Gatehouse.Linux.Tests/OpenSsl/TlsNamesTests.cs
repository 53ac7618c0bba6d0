using System.Text;
using Gatehouse.Linux.OpenSsl;
using Gatehouse.TestKit.Tls;

namespace Gatehouse.Linux.Tests.OpenSsl;

/// <summary>Choice by name, protocols within TLS, staples, and contexts that change.</summary>
public sealed class TlsNamesTests : IDisposable
{
    private readonly TlsKit _kit = new();

    public static TheoryData<TlsProtocol, string?, string?> Names => new()
    {
        { TlsProtocol.Tls12, "a.example", "a.example" },
        { TlsProtocol.Tls12, "b.example", "b.example" },
        { TlsProtocol.Tls12, null, "a.example" },
        { TlsProtocol.Tls12, "nobody.example", null },
        { TlsProtocol.Tls13, "a.example", "a.example" },
        { TlsProtocol.Tls13, "b.example", "b.example" },
        { TlsProtocol.Tls13, null, "a.example" },
        { TlsProtocol.Tls13, "nobody.example", null },
    };

    public static TheoryData<string[], string[], string?> Protocols => new()
    {
        { ["h2", "http/1.1"], ["http/1.1", "h2"], "h2" },
        { ["http/1.1", "h2"], ["h2", "http/1.1"], "http/1.1" },
        { ["http/1.1"], ["h2", "http/1.1"], "http/1.1" },
        { ["http/1.1"], [], "" },
        { [], ["h2"], "" },
        { ["http/1.1"], ["h2", "http/1.0"], null },
        { ["gatehouse"], ["gatehouse"], "gatehouse" },
    };

    public void Dispose() => _kit.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void The_name_chooses_the_certificate(TlsProtocol version, string? asked, string? shown)
    {
        var other = _kit.Keep(_kit.Authority.Issue("b.example"));
        var found = _kit.Server(o => o with { Certificate = _kit.Read(other) });
        TlsContext? own = null;
        var seen = "";
        own = _kit.Server(o => o with
        {
            MaxVersion = version,
            Names = name =>
            {
                seen = Encoding.ASCII.GetString(name);
                return seen is "a.example" or "" ? own : seen == "b.example" ? found : null;
            },
        });
        var pair = _kit.Pair(own, _kit.Peer(name: asked, checkName: false));
        Assert.Equal(shown is not null, pair.Handshake());
        Assert.Equal(asked ?? "", seen);
        if (shown is null)
        {
            Assert.Equal(TlsFaultKind.UnknownName, pair.Server.Session.LastFault.Kind);
            Assert.Contains("unrecognized name", pair.Client.Session.LastFault.ToString(), StringComparison.Ordinal);
            return;
        }

        Assert.Equal($"CN={shown}", pair.Client.Session.PeerCertificate!.Subject);
        Assert.Equal(shown == "a.example" ? _kit.Certificate.Sha256 : other.Sha256, pair.Client.Session.PeerCertificate.Sha256);
    }

    [Fact]
    public void A_lookup_that_throws_refuses_the_handshake_and_nothing_more()
    {
        var server = _kit.Server(o => o with { Names = _ => throw new InvalidOperationException("a bug") });
        var pair = _kit.Pair(server);
        Assert.False(pair.Handshake());
        Assert.Contains("internal error", pair.Client.Session.LastFault.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public void The_server_chooses_the_protocol(string[] served, string[] offered, string? chosen)
    {
        // Found by name: what is offered is still told by the context that asked.
        var found = _kit.Server();
        var pair = _kit.Pair(_kit.Server(o => o with { Alpn = served, Names = _ => found }), _kit.Peer(o => o with { Alpn = offered }));
        Assert.Equal(chosen is not null, pair.Handshake());
        if (chosen is null)
        {
            Assert.Contains("no application protocol", pair.Client.Session.LastFault.ToString(), StringComparison.Ordinal);
            return;
        }

        Assert.Equal(chosen, Encoding.ASCII.GetString(pair.Server.Session.AlpnName));
        Assert.Equal(chosen, Encoding.ASCII.GetString(pair.Client.Session.AlpnName));
        Assert.Equal(chosen switch { "h2" => TlsAlpn.Http2, "http/1.1" => TlsAlpn.Http11, "" => TlsAlpn.None, _ => TlsAlpn.Other }, pair.Server.Session.Alpn);
    }

    [Fact]
    public void A_replaced_context_serves_new_sessions_and_old_ones_go_on()
    {
        var freed = 0;
        var old = TlsContext.Server(new TlsServerOptions { Certificate = _kit.Read(_kit.Certificate), Unused = () => freed++ });
        var pair = _kit.Pair(old);
        var begun = _kit.Pair(old);
        begun.Client.Turn(0, static s => s.Handshake());
        TlsPair.Move(begun.Client, begun.Server);
        begun.Server.Turn(100, static s => s.Handshake());
        Assert.True(pair.Handshake());

        using var renewed = _kit.Authority.Issue("a.example");
        var next = _kit.Server(o => o with { Certificate = _kit.Read(renewed) });
        old.Dispose();
        Assert.Equal(0, freed);

        // The handshake that had begun ends with the old certificate, the session that ran goes on, and a new one sees the new certificate.
        Assert.True(begun.Handshake());
        Assert.Equal(1, freed);
        Assert.Null(TlsSession.Accept(old, pair.Server.Buffers));
        Assert.Equal(_kit.Certificate.Sha256, begun.Client.Session.PeerCertificate!.Sha256);
        pair.Client.Session.Write("still"u8, out _);
        pair.Settle();
        Assert.Equal("still"u8, pair.Server.Plain);
        var fresh = _kit.Pair(next);
        Assert.True(fresh.Handshake());
        Assert.Equal(renewed.Sha256, fresh.Client.Session.PeerCertificate!.Sha256);
    }

    [Fact]
    public async Task A_staple_reaches_who_asks_for_it()
    {
        var staple = await OcspResponder.AnswerAsync(_kit.Authority, _kit.Certificate);
        var server = _kit.Server(o => o with { Certificate = _kit.Read(_kit.Certificate, staple) });
        foreach (var asks in new[] { true, false })
        {
            var pair = _kit.Pair(server);
            if (asks) Staples.Ask(pair.Client.Session);
            Assert.True(pair.Handshake());
            Assert.Equal(asks ? staple : [], Staples.Of(pair.Client.Session));
        }
    }
}
