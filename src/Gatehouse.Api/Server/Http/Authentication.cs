using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Identity;
using Gatehouse.Objects;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Api.Server.Http;

/// <summary>Finds out who makes a request: a bearer token where one is sent, else the connection's client certificate.</summary>
internal sealed class Authentication(ClientTrust trust, BearerTokens? tokens, TimeProvider time)
{
    private static readonly object ConnectionKey = new();

    /// <summary>Sets <see cref="Authenticated"/> on the request. Null when it is there; otherwise the 401.</summary>
    public Status? Refuse(HttpContext context)
    {
        var now = time.GetUtcNow();
        var verdict = context.Request.Headers.Authorization is [{ Length: > 0 } header, ..] ? ExamineHeader(header, now) : ExamineConnection(context, now);
        if (verdict.User is null) return Registry.Refusals.Unauthorized(verdict.Refusal!);
        context.Features.Set(new Authenticated(verdict.User, verdict.Until));
        return null;
    }

    private ClientVerdict ExamineHeader(string header, DateTimeOffset now)
    {
        const string Bearer = "Bearer ";
        if (!header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase)) return new ClientVerdict(null, "the Authorization header must be 'Bearer TOKEN'", default);
        return tokens?.Examine(header[Bearer.Length..].Trim(), now) ?? new ClientVerdict(null, "this server knows no bearer tokens", default);
    }

    private ClientVerdict ExamineConnection(HttpContext context, DateTimeOffset now)
    {
        if (context.Connection.ClientCertificate is not { } certificate)
            return new ClientVerdict(null, "a client certificate or a bearer token is needed", default);
        var items = context.Features.Get<IConnectionItemsFeature>()?.Items;
        // The signature is checked once for a connection; the clock for each request.
        if (items is not null && items.TryGetValue(ConnectionKey, out var known) && known is Proof proof && ReferenceEquals(proof.Certificate, certificate)
            && proof.Verdict.User is not null && now < proof.Verdict.Until) return proof.Verdict;
        var verdict = trust.Examine(certificate, now);
        if (items is not null) items[ConnectionKey] = new Proof(certificate, verdict);
        return verdict;
    }

    private sealed record Proof(X509Certificate2 Certificate, ClientVerdict Verdict);
}
