using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Identity;
using Gatehouse.Objects;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Api.Server.Http;

/// <summary>Finds out who makes a request: a bearer token where one is sent, else the connection's client certificate.</summary>
internal sealed class Authentication(ClientTrust trust, BearerTokens? tokens, TimeProvider time)
{
    // Not the connection's items: they are a plain dictionary, and a connection's streams are served at the same time.
    private readonly ConditionalWeakTable<X509Certificate2, Proof> _known = [];

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
        // The signature is checked once for a connection, which shows one and the same certificate for all its life; the clock for each request.
        if (_known.TryGetValue(certificate, out var known) && now < known.Verdict.Until) return known.Verdict;
        var verdict = trust.Examine(certificate, now);
        if (verdict.User is not null) _known.AddOrUpdate(certificate, new Proof(verdict));
        return verdict;
    }

    private sealed record Proof(ClientVerdict Verdict);
}
