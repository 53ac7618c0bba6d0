using System.Security.Cryptography;
using Gatehouse.Linux.OpenSsl;
using Gatehouse.TestKit.Tls;

namespace Gatehouse.Linux.Tests.OpenSsl;

/// <summary>Certificates and contexts that most tests need. Disposes what it made.</summary>
internal sealed class TlsKit : IDisposable
{
    private readonly List<IDisposable> _made = [];

    public TlsKit()
    {
        Authority = Keep(new TestAuthority());
        Certificate = Keep(Authority.Issue("a.example", "*.wild.example", "127.0.0.1"));
        Authorities = Keep(TlsAuthorities.Read(Authority.Pem));
    }

    public TestAuthority Authority { get; }

    public TestCertificate Certificate { get; }

    public TlsAuthorities Authorities { get; }

    public static byte[] RandomKeys(int count = 1) => RandomNumberGenerator.GetBytes(count * TlsTicketKeys.KeyBytes);

    public T Keep<T>(T made)
        where T : IDisposable
    {
        _made.Add(made);
        return made;
    }

    public TlsCertificate Read(TestCertificate certificate, ReadOnlySpan<byte> staple = default) => Keep(TlsCertificate.Read(certificate.Chain, certificate.Key, staple));

    public TlsContext Server(Func<TlsServerOptions, TlsServerOptions>? change = null)
    {
        var options = new TlsServerOptions { Certificate = Read(Certificate) };
        return Keep(TlsContext.Server(change is null ? options : change(options)));
    }

    public TlsContext Client(Func<TlsClientOptions, TlsClientOptions>? change = null)
    {
        var options = new TlsClientOptions { Authorities = Authorities };
        return Keep(TlsContext.Client(change is null ? options : change(options)));
    }

    public TlsPeer Peer(Func<TlsClientOptions, TlsClientOptions>? change = null, string? name = "a.example", bool checkName = true) =>
        Keep(new TlsPeer(Client(change), name, checkName));

    public TlsPair Pair(TlsContext? server = null, TlsPeer? peer = null, int outgoing = 128 * 1024) =>
        Keep(new TlsPair(server ?? Server(), peer ?? Peer(), outgoing));

    public void Dispose()
    {
        for (var i = _made.Count - 1; i >= 0; i--) _made[i].Dispose();
    }
}
