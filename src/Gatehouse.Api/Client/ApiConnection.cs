using System.Net;
using System.Net.Security;
using System.Security.Authentication;

namespace Gatehouse.Api.Client;

/// <summary>
/// The connections that one set of credentials opens. Small requests and long answers (lists, watches) have a connection each, so that a burst of events does not
/// stand before a request. Ends itself when it was retired and its last request is done.
/// </summary>
internal sealed class ApiConnection : IDisposable
{
    private readonly HttpMessageInvoker _requests;
    private readonly HttpMessageInvoker _streams;
    private readonly ServerTrust _trust;
    private int _users = 1;

    public ApiConnection(HttpObjectClientOptions options, ApiCredentials credentials)
    {
        Credentials = credentials;
        _trust = new ServerTrust(credentials.Trust, options.Time);
        _requests = new HttpMessageInvoker(NewHandler(options));
        _streams = new HttpMessageInvoker(NewHandler(options));
    }

    public ApiCredentials Credentials { get; }

    /// <summary>Why the last handshake was refused by this side; null when none was.</summary>
    public string? TrustFault => _trust.Fault;

    public HttpMessageInvoker Invoker(bool stream) => stream ? _streams : _requests;

    /// <summary>False when it was retired and is gone: take the next one.</summary>
    public bool TryEnter()
    {
        for (var users = Volatile.Read(ref _users); users > 0; users = Volatile.Read(ref _users))
        {
            if (Interlocked.CompareExchange(ref _users, users + 1, users) == users) return true;
        }

        return false;
    }

    /// <summary>Ends one use, or the owner's.</summary>
    public void Leave()
    {
        if (Interlocked.Decrement(ref _users) == 0) Dispose();
    }

    /// <summary>Cuts every request.</summary>
    public void Dispose()
    {
        _requests.Dispose();
        _streams.Dispose();
    }

    private SocketsHttpHandler NewHandler(HttpObjectClientOptions options)
    {
        var certificate = Credentials.Certificate;
        return new SocketsHttpHandler
        {
            ActivityHeadersPropagator = null,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            UseProxy = false,
            ConnectTimeout = options.ConnectTimeout,
            ConnectCallback = options.Connect is { } connect ? (context, cancellation) => connect(context.DnsEndPoint, cancellation) : null,
            EnableMultipleHttp2Connections = true,
            KeepAlivePingDelay = options.PingInterval,
            KeepAlivePingTimeout = options.PingTimeout,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            MaxResponseHeadersLength = 64,
            SslOptions = new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                ClientCertificateContext = certificate is null ? null : SslStreamCertificateContext.Create(certificate, Credentials.Chain, offline: true),
                RemoteCertificateValidationCallback = _trust.Accept,
                CertificateChainPolicy = _trust.ForHandshake,
            },
        };
    }
}
