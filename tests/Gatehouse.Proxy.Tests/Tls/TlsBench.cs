using System.Net;
using System.Text;
using Gatehouse.Linux.OpenSsl;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Tls;
using Gatehouse.TestKit.Tls;

namespace Gatehouse.Proxy.Tests.Tls;

/// <summary>How a handshake between a compiled state and a client ended.</summary>
internal sealed record Meeting(bool Established, string? Shown, bool Resumed, string Alpn, TlsProtocol Version, TlsFault ServerFault, TlsFault ClientFault, TlsPeerCertificate? Client);

/// <summary>An authority, a compiler, and handshakes in memory.</summary>
internal sealed class TlsBench : IDisposable
{
    public static readonly DateTimeOffset Start = new(2026, 11, 20, 8, 0, 0, TimeSpan.Zero);

    private readonly List<IDisposable> _made = [];
    private readonly Dictionary<string, TestCertificate> _certificates = new(StringComparer.Ordinal);

    public TestAuthority Authority { get; } = new();

    public TlsCompiler Compiler { get; } = new(Start);

    public static Listener Https(ListenerTls tls, string name = "web") => new() { Name = name, Address = new IPEndPoint(IPAddress.Loopback, 443), Protocol = ListenerProtocol.Https, Tls = tls };

    public static VirtualHost Host(string? certificate, params string[] hosts) => new() { Name = hosts[0], Hosts = [.. hosts], Certificate = certificate };

    public static UpstreamGroup Group(UpstreamTls tls, string name = "app") => new() { Name = name, Tls = tls };

    /// <summary>A certificate of that name; its first DNS name is its subject.</summary>
    public Certificate Issue(string name, params string[] names)
    {
        var issued = Keep(Authority.Issue(names.Length > 0 ? names : [name]));
        _certificates[name] = issued;
        return new Certificate { Name = name, Chain = issued.Chain, Key = issued.Key };
    }

    public TlsSnapshot Compile(ProxyConfig config) => Keep(Compiler.Compile(config));

    /// <summary>A peer of a client that believes the authority and looks at no name.</summary>
    public TlsPeer Client(string? name, string[]? alpn = null, TestCertificate? certificate = null, TlsProtocol max = TlsProtocol.Tls13)
    {
        using var authorities = TlsAuthorities.Read(Authority.Pem);
        using var shown = certificate is null ? null : TlsCertificate.Read(certificate.Chain, certificate.Key);
        return Keep(new TlsPeer(Keep(TlsContext.Client(new TlsClientOptions { Authorities = authorities, Alpn = alpn ?? [], Certificate = shown, MaxVersion = max })), name, checkName: false));
    }

    public Meeting Meet(ListenerTlsState? listener, TlsPeer client, Action? between = null) => Meet(listener!.Context, client, between);

    public T Keep<T>(T made)
        where T : IDisposable
    {
        _made.Add(made);
        return made;
    }

    public static Meeting Meet(TlsContext server, TlsPeer client, Action? between = null)
    {
        using var serverBuffers = new TlsBuffers();
        using var clientBuffers = new TlsBuffers();
        using var accepted = TlsSession.Accept(server, serverBuffers) ?? throw new InvalidOperationException("the listener's context is disposed");
        using var made = TlsSession.Connect(client, clientBuffers) ?? throw new InvalidOperationException("the upstream's context is disposed");
        between?.Invoke();
        var plain = new byte[80 * 1024];
        for (var turn = 0; turn < 5; turn++)
        {
            made.Read(plain, out _);
            Pass(clientBuffers, serverBuffers);
            accepted.Read(plain, out _);
            Pass(serverBuffers, clientBuffers);
        }

        return new(accepted.Established && made.Established, made.PeerCertificate?.Subject[3..], accepted.Resumed, Encoding.ASCII.GetString(accepted.AlpnName), made.Version,
            accepted.LastFault, made.LastFault, accepted.PeerCertificate);
    }

    public void Dispose()
    {
        for (var i = _made.Count - 1; i >= 0; i--) _made[i].Dispose();
        Compiler.Dispose();
        Authority.Dispose();
    }

    private static void Pass(TlsBuffers from, TlsBuffers to)
    {
        var bytes = from.Outgoing;
        bytes.CopyTo(to.Incoming);
        to.Received(bytes.Length);
        from.Sent(bytes.Length);
    }
}
