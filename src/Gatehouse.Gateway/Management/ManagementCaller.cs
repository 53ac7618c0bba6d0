using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Objects;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Gateway.Management;

/// <summary>
/// Who calls the management API: an operator, by a client certificate that the root authority signed itself, or by a bearer token. Nobody else may; the
/// source address counts for nothing.
/// </summary>
internal sealed class ManagementCaller(ICredentialSource credentials, BearerTokens tokens, TimeProvider time)
{
    private const string Scheme = "Bearer ";

    // The authorities are read for each call: a renewal may have replaced them.
    private readonly ClientTrust _trust = new(() => [.. credentials.Current.Trust.Select(a => new TrustedIssuer(a, [UserInfo.MastersGroup]))]);

    /// <summary>The caller, or the refusal: 401 without credentials that hold, 403 for somebody who is no operator.</summary>
    public (UserInfo? User, Status? Refusal) Identify(HttpContext context)
    {
        var verdict = Examine(context);
        if (verdict.User is not { } user)
            return (null, Statuses.Refused(StatusCodes.Status401Unauthorized, StatusReason.Unauthorized, $"{verdict.Refusal}: a client certificate of an operator, or a bearer token, is needed"));
        return user.IsMaster
            ? (user, null)
            : (null, Statuses.Refused(StatusCodes.Status403Forbidden, StatusReason.Forbidden, $"{user.Name} is no operator and may not see or change exposures"));
    }

    private ClientVerdict Examine(HttpContext context)
    {
        var now = time.GetUtcNow();
        if (context.Request.Headers.Authorization.ToString() is { Length: > 0 } header)
        {
            if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return new ClientVerdict(null, "the Authorization header is no bearer token", default);
            return tokens.Examine(header[Scheme.Length..].Trim(), now);
        }

        if (context.Connection.ClientCertificate is not { } certificate) return new ClientVerdict(null, "no credentials were shown", default);
        return _trust.Examine(certificate, now);
    }
}
