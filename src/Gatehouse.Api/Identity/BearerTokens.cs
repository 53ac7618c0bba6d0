using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Gatehouse.Api.Identity;

/// <summary>A table of bearer tokens (RFC 6750). Holds hashes: neither a dump nor the time of a look-up tells a token.</summary>
/// <remarks>Safe for any thread. As large as the operator makes it; nothing that a client sends adds to it.</remarks>
public sealed class BearerTokens
{
    private readonly ConcurrentDictionary<string, (UserInfo User, DateTimeOffset? ExpiresAt)> _users = new(StringComparer.Ordinal);

    /// <summary>Adds or replaces a token.</summary>
    /// <param name="token">At least 16 characters.</param>
    /// <param name="expiresAt">Null: never.</param>
    public void Add(string token, UserInfo user, DateTimeOffset? expiresAt)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(token.Length, 16, nameof(token));
        _users[HashOf(token)] = (user, expiresAt);
    }

    /// <summary>Forgets a token.</summary>
    /// <returns>False when it was not known.</returns>
    public bool Remove(string token) => _users.TryRemove(HashOf(token), out _);

    /// <summary>Whose token this is and until when; the refusal says why it is nobody's.</summary>
    public ClientVerdict Examine(string token, DateTimeOffset now)
    {
        if (!_users.TryGetValue(HashOf(token), out var entry)) return new ClientVerdict(null, "the bearer token is not known", default);
        if (entry.ExpiresAt is { } end && now >= end) return new ClientVerdict(null, $"the bearer token expired at {end.UtcDateTime:u}", default);
        return new ClientVerdict(entry.User, null, entry.ExpiresAt ?? DateTimeOffset.MaxValue);
    }

    private static string HashOf(string token) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
}
