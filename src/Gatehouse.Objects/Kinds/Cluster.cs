namespace Gatehouse.Objects.Kinds;

/// <summary>A cluster that joined root. Its life sign is the <see cref="Lease"/> <c>gatehouse-clusters/NAME</c> at root.</summary>
public sealed record Cluster : ApiObject, IKind<Cluster>
{
    /// <summary>The namespace of the clusters' leases.</summary>
    public const string LeaseNamespace = "gatehouse-clusters";

    public ClusterSpec Spec { get; set; } = new();

    public ClusterStatus? Status { get; set; }

    public static KindInfo<Cluster> Info { get; } = new()
    {
        Group = Groups.Gatehouse,
        Version = "v1",
        Kind = nameof(Cluster),
        Plural = "clusters",
        ShortNames = ["cl"],
        Columns = [new("PHASE", "status.phase"), new("WORKERS", "status.workers"), new("ADDRESS", "spec.address", Wide: true)],
        Json = ObjectsJson.Default.Cluster,
    };
}

/// <summary>What a cluster says of itself.</summary>
public sealed record ClusterSpec
{
    /// <summary>Where people reach the cluster's API, as <c>host:port</c>; informative, root never connects to it.</summary>
    public string? Address { get; set; }

    /// <summary>Oakestra's identifier of the cluster, where it has one.</summary>
    public string? ExternalId { get; set; }
}

/// <summary>What root sees of a cluster.</summary>
public sealed record ClusterStatus
{
    public PresencePhase Phase { get; set; }

    /// <summary>Workers that the cluster reports as ready.</summary>
    public int? Workers { get; set; }

    /// <summary>When <see cref="Phase"/> changed.</summary>
    public DateTimeOffset? Since { get; set; }
}

/// <summary>Whether a member renews its lease.</summary>
public enum PresencePhase
{
    /// <summary>Known, not seen yet.</summary>
    Pending,

    /// <summary>Its lease is current.</summary>
    Ready,

    /// <summary>Its lease ran out. What it had goes on until its addresses are released.</summary>
    Away,
}

/// <summary>The API groups.</summary>
public static class Groups
{
    public const string Gatehouse = "gatehouse.dev";
    public const string Coordination = "coordination.k8s.io";
}
