namespace Gatehouse.Objects.Kinds;

/// <summary>Permission to join, once written down by an operator. Holds a hash, never the token.</summary>
public sealed record JoinToken : ApiObject, IKind<JoinToken>
{
    public JoinTokenSpec Spec { get; set; } = new();

    public static KindInfo<JoinToken> Info { get; } = new()
    {
        Group = Groups.Gatehouse,
        Version = "v1",
        Kind = nameof(JoinToken),
        Plural = "jointokens",
        HasStatus = false,
        Columns = [new("ROLE", "spec.role"), new("FOR", "spec.member"), new("EXPIRES", "spec.expiresAt")],
        Json = ObjectsJson.Default.JoinToken,
    };
}

/// <summary>Who may join as what and until when.</summary>
public sealed record JoinTokenSpec
{
    /// <summary>SHA-256 of the secret half, hexadecimal.</summary>
    public string Hash { get; set; } = "";

    /// <summary><c>cluster</c>, <c>worker</c> or <c>operator</c>.</summary>
    public string Role { get; set; } = "";

    /// <summary>The one member that may use it; null for any.</summary>
    public string? Member { get; set; }

    public DateTimeOffset ExpiresAt { get; set; }
}
