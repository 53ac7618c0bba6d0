using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Gatehouse.Api.Client;

namespace Gatehouse.Api.Identity;

/// <summary>
/// The first contact with a server of which nothing is known but the pin in the token. First the authority with that pin is looked for, in the handshake and
/// at <see cref="EnrollmentProtocol.CaPath"/>, over a connection that carries no secret; then the token goes over a second one, to a server whose certificate this
/// authority signed itself.
/// </summary>
internal sealed class JoinExchange(JoinOptions options, TokenText token)
{
    /// <summary>The answer, from the pinned server.</summary>
    /// <exception cref="IdentityException">It is not the pinned server.</exception>
    /// <exception cref="ApiStatusException">It refused.</exception>
    /// <exception cref="ApiUnreachableException">No answer.</exception>
    public async Task<CertificateAnswer> JoinAsync(JoinRequest request, CancellationToken cancellation)
    {
        using var deadline = new CancellationTokenSource(options.RequestTimeout, options.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellation, deadline.Token);
        try
        {
            using var authority = await FindAuthorityAsync(both.Token);
            return await SendTokenAsync(authority, request, both.Token);
        }
        catch (Exception e) when (ApiTransport.IsNetworkFault(e, cancellation))
        {
            var why = deadline.IsCancellationRequested ? $"no answer within {options.RequestTimeout.TotalSeconds:0.###} s" : e.InnerException?.Message ?? e.Message;
            throw new ApiUnreachableException($"joining at {options.Server}: {why}", e);
        }
    }

    private async Task<X509Certificate2> FindAuthorityAsync(CancellationToken cancellation)
    {
        X509Certificate2? shown = null;
        using var handler = NewHandler((_, _, chain, _) =>
        {
            shown = chain?.ChainPolicy.ExtraStore.FirstOrDefault(c => CertificateCheck.PinOf(c) == token.Pin) is { } found ? Copy(found) : null;
            return true; // Nothing secret is sent, and nothing is believed but a certificate with the pin.
        });
        using var invoker = new HttpMessageInvoker(handler);
        using var message = new HttpRequestMessage(HttpMethod.Get, new Uri(options.Server, EnrollmentProtocol.CaPath));
        using var response = await invoker.SendAsync(message, cancellation);
        using var answer = await ApiAnswer.ReadAsync(response, maxBytes: 1 << 20, cancellation);
        if (shown is not null) return shown;
        return (answer.IsSuccess ? PinnedOf(answer.Body) : null)
            ?? throw new IdentityException($"{options.Server} is not the server of this token: it does not show the authority with the pin {token.Pin[..12]}…; nothing was sent to it");
    }

    private async Task<CertificateAnswer> SendTokenAsync(X509Certificate2 authority, JoinRequest request, CancellationToken cancellation)
    {
        string? refusal = null;
        var mayPass = false;
        using var handler = NewHandler((_, certificate, _, errors) =>
        {
            refusal = certificate is not X509Certificate2 leaf ? "shows no certificate"
                : errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) ? $"shows a certificate for another name ({leaf.Subject})"
                : CertificateCheck.Refuse(leaf, authority, CertificateCheck.ServerPurpose, options.Time.GetUtcNow()) is { } fault ? $"shows a certificate that {fault}" : null;
            mayPass = refusal is not null && certificate is X509Certificate2 shown && !errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch)
                && CertificateCheck.IsOnlyOutOfTime(shown, authority, CertificateCheck.ServerPurpose);
            return refusal is null;
        });
        using var invoker = new HttpMessageInvoker(handler);
        using var message = new HttpRequestMessage(HttpMethod.Post, new Uri(options.Server, EnrollmentProtocol.JoinPath));
        message.Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(request, EnrollmentJson.Default.JoinRequest));
        message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        try
        {
            using var response = await invoker.SendAsync(message, cancellation);
            using var answer = await ApiAnswer.ReadAsync(response, maxBytes: 1 << 20, cancellation);
            return ReadAnswer(answer, options);
        }
        catch (HttpRequestException e) when (refusal is not null)
        {
            throw mayPass
                ? new IdentityException($"joining at {options.Server}: it {refusal}, and the clock here says {options.Time.GetUtcNow():u}: do the clocks agree? The token was not sent", e) { MayPass = true }
                : new IdentityException($"{options.Server} is not the server of this token: it {refusal}; the token was not sent", e);
        }
    }

    /// <summary>A join's or a renewal's answer.</summary>
    public static CertificateAnswer ReadAnswer(ApiAnswer answer, JoinOptions options)
    {
        if (!answer.IsSuccess) throw new ApiStatusException(answer.ToStatus(new ApiRequest(HttpMethod.Post, EnrollmentProtocol.JoinPath, options.Role, options.Name)));
        try
        {
            return JsonSerializer.Deserialize(answer.Body, EnrollmentJson.Default.CertificateAnswer) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new IdentityException($"{options.Server} answered with something else than a certificate: {e.Message}", e);
        }
    }

    private X509Certificate2? PinnedOf(ReadOnlySpan<byte> pem)
    {
        try
        {
            return MemberFiles.ParseAll(Encoding.UTF8.GetString(pem)).FirstOrDefault(c => CertificateCheck.PinOf(c) == token.Pin);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <summary>The handshake's own copies are disposed with it.</summary>
    private static X509Certificate2 Copy(X509Certificate2 certificate) => X509CertificateLoader.LoadCertificate(certificate.RawDataMemory.Span);

    private static SocketsHttpHandler NewHandler(RemoteCertificateValidationCallback accept) => new()
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        SslOptions = new SslClientAuthenticationOptions
        {
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            RemoteCertificateValidationCallback = accept,
        },
    };
}
