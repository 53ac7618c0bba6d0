using Gatehouse.Api.Identity;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Api.Server;

/// <summary>The caller of a request, for roles' own endpoints.</summary>
public static class RequestUser
{
    /// <summary>Who makes the request; null on endpoints that allow anonymous, when the caller showed nothing.</summary>
    public static UserInfo? GetUser(this HttpContext context) => context.Features.Get<Authenticated>()?.User;
}

/// <summary>A proven identity.</summary>
/// <param name="Until">When the certificate or token that proves it ends.</param>
internal sealed record Authenticated(UserInfo User, DateTimeOffset Until);
