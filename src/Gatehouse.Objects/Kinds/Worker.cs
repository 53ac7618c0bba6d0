namespace Gatehouse.Objects.Kinds;

/// <summary>A machine that runs a node role. Lives at its cluster; its life sign is the <see cref="Lease"/> <c>gatehouse-workers/NAME</c> there.</summary>
public sealed record Worker : ApiObject, IKind<Worker>
{
    /// <summary>The namespace of the workers' leases.</summary>
    public const string LeaseNamespace = "gatehouse-workers";

    public WorkerSpec Spec { get; set; } = new();

    public WorkerStatus? Status { get; set; }

    public static KindInfo<Worker> Info { get; } = new()
    {
        Group = Groups.Gatehouse,
        Version = "v1",
        Kind = nameof(Worker),
        Plural = "workers",
        ShortNames = ["wk"],
        Columns =
        [
            new("PHASE", "status.phase"), new("SUBNETWORK", "status.subnetwork.ipv4"), new("UNDERLAY", "spec.underlay"),
            new("PUBLIC", "spec.publicAddresses"), new("SUBNETWORK6", "status.subnetwork.ipv6", Wide: true),
        ],
        Json = ObjectsJson.Default.Worker,
        Check = static w =>
        [
            .. PublicAddressRules.CheckUnderlay("spec.underlay", w.Spec.Underlay),
            .. FieldChecks.Range("spec.tunnelPort", w.Spec.TunnelPort, 1, 65_535),
            .. w.Spec.PublicAddresses.Count == 0 ? [] : PublicAddressRules.Check("spec.publicAddresses", w.Spec.PublicAddresses),
        ],
    };
}

/// <summary>What a worker says of itself when it registers.</summary>
public sealed record WorkerSpec
{
    /// <summary>
    /// The address that other workers reach: source and target of tunnel packets. IPv4 or IPv6, of one host, outside of the overlay's ranges, and held by no other
    /// worker of the cluster.
    /// </summary>
    public string Underlay { get; set; } = "";

    /// <summary>UDP port of the tunnel, 1 to 65535. Default 4789.</summary>
    public int TunnelPort { get; set; } = 4789;

    /// <summary>Addresses that are reachable from outside, at most 64 and held by no other worker of the cluster; empty for a private worker.</summary>
    public IReadOnlyList<string> PublicAddresses { get; set; } = [];

    /// <summary>Whether a gateway role runs there and may take a gateway host's duty.</summary>
    public bool Gateway { get; set; }

    /// <summary>Whether the node runs <see cref="FabricInstanceSpec.Process"/>.</summary>
    public bool RunsProcesses { get; set; }
}

/// <summary>What the cluster gave and sees. Written by the cluster alone.</summary>
public sealed record WorkerStatus
{
    public PresencePhase Phase { get; set; }

    /// <summary>When <see cref="Phase"/> changed.</summary>
    public DateTimeOffset? Since { get; set; }

    /// <summary>Null until root has leased one.</summary>
    public SubnetworkRange? Subnetwork { get; set; }

    /// <summary>Why there is no subnetwork yet, for people.</summary>
    public string? Message { get; set; }
}
