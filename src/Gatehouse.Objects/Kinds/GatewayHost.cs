namespace Gatehouse.Objects.Kinds;

/// <summary>
/// The descriptor of a gateway: public addresses of workers in one cluster, of which one is put to work. Declared at root, handed to the cluster, which
/// chooses the worker and writes the status.
/// </summary>
public sealed record GatewayHost : ApiObject, IKind<GatewayHost>
{
    public GatewayHostSpec Spec { get; set; } = new();

    public GatewayHostStatus? Status { get; set; }

    public static KindInfo<GatewayHost> Info { get; } = new()
    {
        Group = Groups.Gatehouse,
        Version = "v1",
        Kind = nameof(GatewayHost),
        Plural = "gatewayhosts",
        ShortNames = ["gw"],
        Columns =
        [
            new("PHASE", "status.phase"), new("CLUSTER", "spec.cluster"), new("WORKER", "status.worker"), new("PUBLIC", "status.publicAddresses"),
            new("INTERNAL", "status.internal.ipv4", Wide: true),
        ],
        SelectableFields = ["spec.cluster", "status.worker"],
        Json = ObjectsJson.Default.GatewayHost,
        Check = static g => FieldChecks.Required("spec.cluster", g.Spec.Cluster)
            .Concat(PublicAddressRules.Check("spec.publicAddresses", g.Spec.PublicAddresses)),
    };
}

/// <summary>The descriptor's content (Oakestra's gateway architecture, "Registration").</summary>
public sealed record GatewayHostSpec
{
    /// <summary>Name of the cluster.</summary>
    public string Cluster { get; set; } = "";

    /// <summary>Oakestra's <c>customerID</c>. Default <c>Admin</c>.</summary>
    public string Customer { get; set; } = "Admin";

    public string? Description { get; set; }

    /// <summary>The identifier that the operator wants (Oakestra's <c>gateway_ID</c>); null to let the cluster make one.</summary>
    public string? GatewayId { get; set; }

    /// <summary>Candidates: workers that have one of these are tried in this order.</summary>
    public IReadOnlyList<string> PublicAddresses { get; set; } = [];
}

/// <summary>Which worker serves, and how far it is. Written by the cluster.</summary>
public sealed record GatewayHostStatus
{
    public GatewayHostPhase Phase { get; set; }

    /// <summary>The identifier that <c>/api/gateway/register</c> returned.</summary>
    public string? GatewayId { get; set; }

    /// <summary>
    /// The chosen worker. Stays while it is away and nobody else can take over: it may serve on, unheard. Whoever is not named here serves nothing.
    /// </summary>
    public string? Worker { get; set; }

    /// <summary>Addresses of the descriptor that this worker has.</summary>
    public IReadOnlyList<string> PublicAddresses { get; set; } = [];

    /// <summary>The gateway's internal addresses: the first of its worker's subnetwork. The management API listens there.</summary>
    public AddressPair? Internal { get; set; }

    /// <summary>Grows when another worker takes over.</summary>
    public int Takeovers { get; set; }

    /// <summary>What the last takeover was: who from whom, when and why.</summary>
    public string? LastTakeover { get; set; }

    /// <summary>Sockets of the worker's own that outside hosts reach, as its gateway role reported them: an exposure would hide them.</summary>
    public IReadOnlyList<HostListener> Listeners { get; set; } = [];

    /// <summary>How many exposure identifiers were ever set aside when this gateway last needed some; grows. Keeps identifiers from being reused soon.</summary>
    public long? ExposureSequence { get; set; }

    /// <summary>Why the phase is what it is, for people.</summary>
    public string? Message { get; set; }
}

/// <summary>A socket that listens on a gateway's worker.</summary>
/// <param name="Address">The address it is bound to; null for every one of the host's, of both families.</param>
/// <param name="Port">1 to 65535.</param>
public sealed record HostListener(Protocol Protocol, string? Address, int Port);

/// <summary>From descriptor to service.</summary>
public enum GatewayHostPhase
{
    /// <summary>The cluster has not looked at it.</summary>
    Pending,

    /// <summary>No worker of the list is available or online.</summary>
    NoWorker,

    /// <summary>A worker was chosen and has not registered.</summary>
    Scheduled,

    /// <summary>The worker registered and sets itself up.</summary>
    Registered,

    /// <summary>The worker reported that it forwards.</summary>
    Ready,
}
