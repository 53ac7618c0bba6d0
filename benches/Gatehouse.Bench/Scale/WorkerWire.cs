using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.Bench.Scale;

/// <summary>
/// A worker's TLS connection with its own certificate. The roles' client has two, one for requests and one for lists and watches; here both go over one, as this one
/// machine is every worker. Answers stay bytes, so that what is measured are the managers and not thousands of parsers.
/// </summary>
internal sealed class WorkerWire : IDisposable
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");
    private static readonly TimeSpan RequestLimit = TimeSpan.FromSeconds(60);
    private readonly Uri _server;
    private readonly HttpMessageInvoker _connection;

    public WorkerWire(Uri server, ServerTrust trust, X509Certificate2? certificate, X509Certificate2Collection chain, TimeSpan pings)
    {
        _server = server;
        var context = certificate is null ? null : SslStreamCertificateContext.Create(certificate, chain, offline: true);
        _connection = new HttpMessageInvoker(NewHandler(trust, context, pings));
    }

    /// <summary>One request and its whole answer.</summary>
    public async Task<Answer> SendAsync(HttpMethod method, string path, byte[]? body, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(RequestLimit);
        using var message = NewMessage(method, path, body);
        using var response = await _connection.SendAsync(message, limit.Token);
        var answer = new Answer(response.StatusCode, await response.Content.ReadAsByteArrayAsync(limit.Token), response.Headers.RetryAfter?.Delta);
        return answer;
    }

    /// <summary>A watch, or a long list, whose head has come.</summary>
    public async Task<Stream> OpenAsync(string path, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(RequestLimit);
        using var message = NewMessage(HttpMethod.Get, path, null);
        var response = await _connection.SendAsync(message, limit.Token);
        if (response.StatusCode == HttpStatusCode.OK) return await response.Content.ReadAsStreamAsync(limit.Token);
        using (response) throw new HttpRequestException($"GET {path}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync(limit.Token)}");
    }

    public void Dispose()
    {
        _connection.Dispose();
    }

    private HttpRequestMessage NewMessage(HttpMethod method, string path, byte[]? body)
    {
        var message = new HttpRequestMessage(method, new Uri(_server, path)) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        if (body is not null) message.Content = new ByteArrayContent(body) { Headers = { ContentType = Json } };
        return message;
    }

    private static SocketsHttpHandler NewHandler(ServerTrust trust, SslStreamCertificateContext? certificate, TimeSpan pings) => new()
    {
        ActivityHeadersPropagator = null,
        UseCookies = false,
        UseProxy = false,
        AllowAutoRedirect = false,
        PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
        KeepAlivePingDelay = pings,
        KeepAlivePingTimeout = TimeSpan.FromSeconds(30),
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always,
        SslOptions = new SslClientAuthenticationOptions
        {
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ClientCertificateContext = certificate,
            RemoteCertificateValidationCallback = trust.Accept,
            CertificateChainPolicy = trust.ForHandshake,
        },
    };
}

/// <summary>A whole answer.</summary>
internal sealed record Answer(HttpStatusCode Code, byte[] Body, TimeSpan? RetryAfter);

/// <summary>Whether a manager's certificate was issued under the fabric's authority. The chain is built once for each certificate, not for each of thousands of handshakes.</summary>
internal sealed class ServerTrust(string authorityPem)
{
    private readonly X509Certificate2 _authority = X509Certificate2.CreateFromPem(authorityPem);
    private volatile byte[]? _known;

    public X509ChainPolicy ForHandshake { get; } = new()
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        RevocationMode = X509RevocationMode.NoCheck,
        DisableCertificateDownloads = true,
    };

    public bool Accept(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is not X509Certificate2 leaf || errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch)) return false;
        var raw = leaf.RawDataMemory;
        if (_known is { } known && raw.Span.SequenceEqual(known)) return true;
        using var own = new X509Chain
        {
            ChainPolicy = { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true },
        };
        own.ChainPolicy.CustomTrustStore.Add(_authority);
        if (chain is not null) own.ChainPolicy.ExtraStore.AddRange(chain.ChainPolicy.ExtraStore);
        if (!own.Build(leaf)) return false;
        _known = raw.ToArray();
        return true;
    }
}
