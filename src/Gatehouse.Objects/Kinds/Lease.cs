namespace Gatehouse.Objects.Kinds;

/// <summary>A life sign (coordination.k8s.io/v1 Lease).</summary>
public sealed record Lease : ApiObject, IKind<Lease>
{
    public LeaseSpec Spec { get; set; } = new();

    public static KindInfo<Lease> Info { get; } = new()
    {
        Group = Groups.Coordination,
        Version = "v1",
        Kind = nameof(Lease),
        Plural = "leases",
        Scope = KindScope.Namespaced,
        HasStatus = false,
        Columns = [new("HOLDER", "spec.holderIdentity")],
        Json = ObjectsJson.Default.Lease,
    };
}

/// <summary>Who holds the lease and since when.</summary>
public sealed record LeaseSpec
{
    public string? HolderIdentity { get; set; }

    /// <summary>Seconds after <see cref="RenewTime"/> at which the lease is over.</summary>
    public int? LeaseDurationSeconds { get; set; }

    public DateTimeOffset? AcquireTime { get; set; }

    public DateTimeOffset? RenewTime { get; set; }

    public int? LeaseTransitions { get; set; }
}
