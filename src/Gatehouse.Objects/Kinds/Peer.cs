namespace Gatehouse.Objects.Kinds;

/// <summary>
/// A worker as other workers see it: where its tunnel ends and which inner addresses may come out of it. Made by the cluster for each of its workers, and for
/// those of other clusters that serve or call its services. Named <c>CLUSTER.WORKER</c>. Every worker watches all of them.
/// </summary>
public sealed record Peer : ApiObject, IKind<Peer>
{
    /// <summary>At root: labels with this prefix and a cluster's name behind it stand on the peers that the cluster has to know. Root alone sets them.</summary>
    public const string ReachPrefix = "reach.gatehouse.dev/";

    public PeerSpec Spec { get; set; } = new();

    /// <summary>Selects, at root, the peers of other clusters that a cluster has to know.</summary>
    public static string ReachSelector(string cluster) => ReachPrefix + cluster;

    public static KindInfo<Peer> Info { get; } = new()
    {
        Group = Groups.Gatehouse,
        Version = "v1",
        Kind = nameof(Peer),
        Plural = "peers",
        HasStatus = false,
        Columns = [new("CLUSTER", "spec.cluster"), new("WORKER", "spec.worker"), new("UNDERLAY", "spec.underlay"), new("SUBNETWORK", "spec.subnetwork.ipv4")],
        SelectableFields = ["spec.cluster", "spec.worker"],
        Json = ObjectsJson.Default.Peer,
        Check = static p => [.. PublicAddressRules.CheckUnderlay("spec.underlay", p.Spec.Underlay), .. FieldChecks.Range("spec.tunnelPort", p.Spec.TunnelPort, 1, 65_535)],
    };
}

/// <summary>A tunnel end and its inner addresses.</summary>
public sealed record PeerSpec
{
    public string Cluster { get; set; } = "";

    public string Worker { get; set; } = "";

    public string Underlay { get; set; } = "";

    public int TunnelPort { get; set; } = 4789;

    public SubnetworkRange? Subnetwork { get; set; }

    /// <summary>Public addresses it serves as gateway host, which it may forward clients for; empty for private workers.</summary>
    public IReadOnlyList<string> PublicAddresses { get; set; } = [];

    /// <summary>The instances attached there.</summary>
    public IReadOnlyList<PeerBinding> Bindings { get; set; } = [];

    /// <summary>At root alone: the other clusters whose instances the worker asked for, by name. Null for none.</summary>
    public IReadOnlyList<string>? Calls { get; set; }
}

/// <summary>An instance address and the namespace address behind it.</summary>
public sealed record PeerBinding(AddressPair Instance, AddressPair NamespaceAddress);
