using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Api.Identity;

/// <summary>A server's own certificate: made on first use, replaced at two thirds of its life by the handshake that finds it due. Never on disk.</summary>
/// <remarks>Safe for any thread. Connections that stand keep what they began with.</remarks>
internal sealed class ServerCertificate(Func<CertificateAuthority> source, IReadOnlyList<string> names, TimeSpan life, TimeProvider time)
{
    private readonly Lock _lock = new();
    private volatile Issued? _current;

    /// <summary>The certificate with its chain.</summary>
    public SslStreamCertificateContext Current
    {
        get
        {
            var current = _current;
            if (current is not null && current.Holds(time.GetUtcNow())) return current.Context;
            lock (_lock)
            {
                current = _current;
                if (current is null || !current.Holds(time.GetUtcNow())) _current = current = Issue();
                return current.Context;
            }
        }
    }

    private Issued Issue()
    {
        var authority = source();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var bare = authority.IssueServer(new PublicKey(key), names, life);
        var certificate = bare.CopyWithPrivateKey(key);
        X509Certificate2Collection chain = authority.IsRoot ? [] : [authority.Certificate];
        var (now, end) = (time.GetUtcNow(), new DateTimeOffset(certificate.NotAfter));
        // Offline: nothing is fetched, whatever addresses a certificate may name.
        return new Issued(SslStreamCertificateContext.Create(certificate, chain, offline: true), new DateTimeOffset(certificate.NotBefore), now + ((end - now) * 2 / 3));
    }

    /// <param name="RenewAt">By the certificate's own end: an authority near its end signs for less than was asked.</param>
    private sealed record Issued(SslStreamCertificateContext Context, DateTimeOffset From, DateTimeOffset RenewAt)
    {
        /// <summary>False also when the clock was set back to before the certificate's start.</summary>
        public bool Holds(DateTimeOffset now) => now >= From && now < RenewAt;
    }
}
