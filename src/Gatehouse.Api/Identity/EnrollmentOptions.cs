using Gatehouse.Api.Client;
using Gatehouse.Objects;

namespace Gatehouse.Api.Identity;

/// <summary>Who may join at this server, and what they get.</summary>
public sealed record EnrollmentOptions
{
    /// <summary>Root: cluster and operator. A cluster: worker.</summary>
    public required IReadOnlyList<string> Roles { get; init; }

    /// <summary>Namespace of the members' leases (<c>gatehouse-workers</c>, <c>gatehouse-clusters</c>); null when members keep none.</summary>
    public string? LeaseNamespace { get; init; }

    /// <summary>
    /// Since when there is an object of a member's name (Cluster, Worker); null when there is none. A name belongs to a member from its first lease on, for as long as its object is there: deleting the
    /// object gives the name free. Null: the lease alone decides.
    /// </summary>
    public Func<IObjectClient, string, CancellationToken, Task<DateTimeOffset?>>? MemberSince { get; init; }

    /// <summary>How long after its end a certificate still proves that a machine had the name. Default 30 days.</summary>
    public TimeSpan ProofLife { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Life of a member's certificate. Default 24 hours.</summary>
    public TimeSpan CertificateLife { get; init; } = CertificateAuthority.DefaultLeafLife;

    /// <summary>Life of a cluster's intermediate. Default 90 days.</summary>
    public TimeSpan IntermediateLife { get; init; } = CertificateAuthority.IntermediateLife;

    /// <summary>
    /// How long after a join the same name can't join again with a token for any member, unless with the same key: covers the time until the member's
    /// first lease. Default 60 s.
    /// </summary>
    public TimeSpan NameHold { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Failed joins from one address in a minute, after which it gets 429. Default 30.</summary>
    public int FailuresPerMinute { get; init; } = 30;

    /// <summary>Asked before a renewal, and before a return without a token; a text refuses it (the member was removed). Null: every valid certificate is renewed.</summary>
    public Func<UserInfo, CancellationToken, ValueTask<string?>>? RefuseRenewal { get; init; }

    /// <summary>When an object was made; one that does not say it was made just now, so that nothing older counts.</summary>
    public static DateTimeOffset? SinceOf(ObjectMeta? metadata) => metadata is null ? null : metadata.CreationTimestamp ?? DateTimeOffset.MaxValue;
}
