namespace Gatehouse.Objects.Kinds;

/// <summary>
/// A lease of one of the 15,360 subnetworks to one worker. Lives at root, named <c>CLUSTER.WORKER</c>; a cluster creates it without ranges
/// and root fills them in the same write.
/// </summary>
public sealed record Subnetwork : ApiObject, IKind<Subnetwork>
{
    public SubnetworkSpec Spec { get; set; } = new();

    /// <summary>The one name that a worker's subnetwork, and its <see cref="Peer"/>, may have.</summary>
    public static string NameFor(string cluster, string worker) => $"{cluster}.{worker}";

    public SubnetworkStatus? Status { get; set; }

    public static KindInfo<Subnetwork> Info { get; } = new()
    {
        Group = Groups.Gatehouse,
        Version = "v1",
        Kind = nameof(Subnetwork),
        Plural = "subnetworks",
        ShortNames = ["sn"],
        Columns =
        [
            new("PHASE", "status.phase"), new("IPV4", "status.range.ipv4"), new("CLUSTER", "spec.cluster"), new("WORKER", "spec.worker"),
            new("IPV6", "status.range.ipv6", Wide: true),
        ],
        SelectableFields = ["spec.cluster", "spec.worker"],
        Json = ObjectsJson.Default.Subnetwork,
        Check = static s => FieldChecks.Required("spec.cluster", s.Spec.Cluster).Concat(FieldChecks.Required("spec.worker", s.Spec.Worker)),
    };
}

/// <summary>Who holds the subnetwork.</summary>
public sealed record SubnetworkSpec
{
    public string Cluster { get; set; } = "";

    public string Worker { get; set; } = "";

    /// <summary>Set when the worker is gone: the quarantine starts. Taken back by the same owner while the quarantine runs.</summary>
    public bool Released { get; set; }
}

/// <summary>What root leased.</summary>
public sealed record SubnetworkStatus
{
    public AddressPhase Phase { get; set; }

    /// <summary>When <see cref="Phase"/> changed.</summary>
    public DateTimeOffset? Since { get; set; }

    public SubnetworkRange? Range { get; set; }
}

/// <summary>The ranges of one subnetwork.</summary>
/// <param name="Index">0 to 15,359, in the order of allocation; MAC addresses and marks derive from it.</param>
/// <param name="Ipv4">A /26, for example <c>10.18.0.0/26</c>.</param>
/// <param name="Ipv6">A /120, for example <c>fc00::/120</c>.</param>
public sealed record SubnetworkRange(int Index, string Ipv4, string Ipv6)
{
    /// <summary>The first addresses of the ranges: the bridge's, and a gateway's internal ones.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public AddressPair Internal => new(First(Ipv4), First(Ipv6));

    private static string First(string range)
    {
        var bytes = System.Net.IPNetwork.Parse(range).BaseAddress.GetAddressBytes();
        bytes[^1]++;
        return new System.Net.IPAddress(bytes).ToString();
    }
}

/// <summary>The life of an address or range.</summary>
public enum AddressPhase
{
    /// <summary>Somebody's.</summary>
    Leased,

    /// <summary>Given back; nobody gets it until the quarantine ends.</summary>
    Quarantined,

    /// <summary>In the queue of those to hand out next, first in first out by <c>since</c>.</summary>
    Free,
}
