using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Api.Identity;

/// <summary>Makes and checks join tokens, which are JoinToken objects on this server: the secret is handed out once and only its hash is kept.</summary>
/// <param name="objects">The server's own client.</param>
/// <param name="authority">Whose pin the tokens carry.</param>
/// <remarks>Safe for any thread. A token can be used until it expires, by its one member or, without one, by any number of members.</remarks>
public sealed class JoinTokens(IObjectClient objects, Func<CertificateAuthority> authority, TimeProvider time)
{
    /// <summary>Default life of a token.</summary>
    public static readonly TimeSpan DefaultLife = TimeSpan.FromHours(1);

    /// <summary>Makes a token.</summary>
    /// <param name="role">One of <see cref="EnrollmentProtocol"/>'s roles.</param>
    /// <param name="member">The one member that may use it; null for any.</param>
    /// <param name="life">Null: <see cref="DefaultLife"/>.</param>
    /// <returns>The whole token; it can't be read again.</returns>
    /// <exception cref="ArgumentException">The role or the member's name is none.</exception>
    public async Task<string> CreateAsync(string role, string? member, TimeSpan? life, CancellationToken cancellation)
    {
        if (role is not (EnrollmentProtocol.ClusterRole or EnrollmentProtocol.WorkerRole or EnrollmentProtocol.OperatorRole))
            throw new ArgumentException($"'{role}' is not valid: cluster, worker or operator", nameof(role));
        if (member is not null && !Names.IsLabel(member)) throw new ArgumentException($"'{member}' is not valid: {Names.LabelRule}", nameof(member));
        var token = TokenText.Generate(authority().Pin);
        await objects.CreateAsync(
            new JoinToken
            {
                ApiVersion = JoinToken.Info.ApiVersion,
                Kind = JoinToken.Info.Kind,
                Metadata = new ObjectMeta { Name = token.Id },
                Spec = new JoinTokenSpec { Hash = token.Hash, Role = role, Member = member, ExpiresAt = time.GetUtcNow() + (life ?? DefaultLife) },
            },
            cancellation);
        return token.ToString();
    }

    /// <summary>Withdraws a token by its id or its whole text.</summary>
    /// <returns>False when it does not exist.</returns>
    public Task<bool> RevokeAsync(string token, CancellationToken cancellation) =>
        objects.DeleteAsync<JoinToken>(TokenText.TryParse(token, out var text) ? text.Id : token, null, cancellation);

    /// <summary>The object behind a token that lets <paramref name="member"/> join as <paramref name="role"/>; null and the reason when it does not.</summary>
    internal async Task<(JoinToken? Token, string? Refusal)> ExamineAsync(string? text, string role, string member, CancellationToken cancellation)
    {
        // One answer for "no such token" and "wrong secret": a caller learns nothing about ids.
        const string Unknown = "the join token is not known";
        if (!TokenText.TryParse(text, out var token)) return (null, "the join token has not the form gh1.ID.SECRET.PIN");
        var stored = await objects.GetAsync<JoinToken>(token.Id, cancellation);
        if (stored is null || !token.Matches(stored.Spec.Hash)) return (null, Unknown);
        if (time.GetUtcNow() >= stored.Spec.ExpiresAt) return (null, $"the join token expired at {stored.Spec.ExpiresAt.UtcDateTime:u}");
        if (stored.Spec.Role != role) return (null, $"the join token is for the role '{stored.Spec.Role}', not '{role}'");
        if (stored.Spec.Member is { } only && only != member) return (null, $"the join token is for '{only}', not '{member}'");
        return (stored, null);
    }
}
