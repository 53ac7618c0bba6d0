using Gatehouse.Linux.OpenSsl;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tls;

/// <summary>A context that several states use. Counted by the compiler alone, under its lock.</summary>
internal sealed class SharedContext(TlsContext context, Action<SharedContext> forget)
{
    private int _leases;

    public TlsContext Context { get; } = context;

    /// <summary>One more user.</summary>
    public SharedContext Lease()
    {
        _leases++;
        return this;
    }

    /// <summary>One less; after the last it is disposed.</summary>
    public void Release()
    {
        if (--_leases > 0) return;
        forget(this);
        Context.Dispose();
    }
}

/// <summary>What all contexts of a listener have in common beside their certificates.</summary>
internal sealed record ServerSettings(string? Ciphers, ClientCertificateMode ClientCertificates, string? ClientAuthorities)
{
    public static ServerSettings Of(ListenerTls tls) =>
        new(tls.Ciphers, tls.ClientCertificates, tls.ClientCertificates == ClientCertificateMode.None ? null : tls.ClientAuthorities);
}

/// <summary>Contexts of one <see cref="ServerSettings"/>, one for each certificate: listeners with equal settings share them, as do configurations that follow each other.</summary>
internal sealed class ServerContexts : IDisposable
{
    private readonly Dictionary<CertificateEntry, SharedContext> _contexts = [];
    private readonly ServerSettings _settings;
    private readonly TlsAuthorities? _authorities;

    /// <exception cref="OpenSslException">The authorities cannot be read.</exception>
    public ServerContexts(ServerSettings settings)
    {
        _settings = settings;
        _authorities = settings.ClientAuthorities is { } pem ? TlsAuthorities.Read(pem) : null;
    }

    /// <summary>How many there are.</summary>
    public int Count => _contexts.Count;

    /// <summary>The settings as OpenSSL has them; versions, protocols and tickets are told by the context that asks for names.</summary>
    public TlsServerOptions Options => new()
    {
        Ciphers = _settings.Ciphers,
        ClientAuthorities = _authorities,
        ClientCertificates = _settings.ClientCertificates switch
        {
            ClientCertificateMode.Optional => TlsClientCertificates.Optional,
            ClientCertificateMode.Required => TlsClientCertificates.Required,
            _ => TlsClientCertificates.None,
        },
    };

    /// <summary>The context of a certificate, leased.</summary>
    /// <exception cref="OpenSslException">OpenSSL does not serve it, for example because its key is too small.</exception>
    public SharedContext Lease(CertificateEntry certificate)
    {
        if (!_contexts.TryGetValue(certificate, out var shared))
        {
            shared = new SharedContext(TlsContext.Server(Options with { Certificate = certificate.Tls }), _ => _contexts.Remove(certificate));
            _contexts.Add(certificate, shared);
        }

        return shared.Lease();
    }

    /// <summary>The contexts keep what they need of the authorities.</summary>
    public void Dispose() => _authorities?.Dispose();
}
