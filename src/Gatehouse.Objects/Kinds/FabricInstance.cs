namespace Gatehouse.Objects.Kinds;

/// <summary>
/// One instance of a service and its binding. Declared at root, or at a cluster by its node engine; named <c>SERVICE.NUMBER</c>.
/// The cluster chooses the worker, the worker reports the namespace address.
/// </summary>
public sealed record FabricInstance : ApiObject, IKind<FabricInstance>
{
    /// <summary>The finalizer by which a cluster keeps a deleted instance until it left every map and drained.</summary>
    public const string UndeployFinalizer = "gatehouse.dev/undeploy";

    public FabricInstanceSpec Spec { get; set; } = new();

    /// <summary>The one name that an instance may have.</summary>
    public static string NameFor(string service, int number) => $"{service}.{number}";

    public FabricInstanceStatus? Status { get; set; }

    public static KindInfo<FabricInstance> Info { get; } = new()
    {
        Group = Groups.Gatehouse,
        Version = "v1",
        Kind = nameof(FabricInstance),
        Plural = "fabricinstances",
        ShortNames = ["fi"],
        Columns =
        [
            new("PHASE", "status.phase"), new("INSTANCE-ADDRESS", "status.instance.ipv4"), new("NAMESPACE-ADDRESS", "status.namespaceAddress.ipv4"),
            new("CLUSTER", "spec.cluster"), new("WORKER", "spec.worker"), new("INSTANCE-ADDRESS6", "status.instance.ipv6", Wide: true),
        ],
        SelectableFields = ["spec.cluster", "spec.worker", "spec.service"],
        Json = ObjectsJson.Default.FabricInstance,
        Check = static i => FieldChecks.Required("spec.service", i.Spec.Service)
            .Concat(FieldChecks.Range("spec.number", i.Spec.Number, 0, 999_999))
            .Concat(FieldChecks.Range("spec.weight", i.Spec.Weight, 0, 256))
            .Concat(i.Status?.Load is { } load ? FieldChecks.Range("status.load", load, 0, int.MaxValue) : [])
            .Concat(i.Spec.Process?.ReadyPort is { } port ? FieldChecks.Range("spec.process.readyPort", port, 1, 65_535) : []),
    };
}

/// <summary>What is wanted of an instance.</summary>
public sealed record FabricInstanceSpec
{
    /// <summary>Name of the <see cref="FabricService"/>.</summary>
    public string Service { get; set; } = "";

    public int Number { get; set; }

    /// <summary>The cluster that runs it.</summary>
    public string? Cluster { get; set; }

    /// <summary>The worker that runs it; null until the cluster has chosen one.</summary>
    public string? Worker { get; set; }

    /// <summary>Share under <see cref="BalancingPolicy.Weighted"/>: 0 (none) to 256. Default 1.</summary>
    public int Weight { get; set; } = 1;

    /// <summary>Set on undeploy: the instance leaves every worker's maps, then drains, then stops.</summary>
    public bool Undeploy { get; set; }

    /// <summary>Oakestra's <c>80:8080/tcp;53:53/udp</c>: host port to instance port.</summary>
    public string? PortMappings { get; set; }

    /// <summary>A program that the worker runs in a network namespace of its own; null when a node engine brings the instance.</summary>
    public InstanceProcess? Process { get; set; }
}

/// <summary>A program to run.</summary>
/// <param name="Command">Program and arguments; the program <c>gatehouse</c> means the worker's own binary.</param>
public sealed record InstanceProcess(IReadOnlyList<string> Command)
{
    /// <summary>TCP port on which the program listens when it can serve: the instance takes no traffic before. 1 to 65535; null: it takes traffic at once.</summary>
    public int? ReadyPort { get; set; }
}

/// <summary>What root (instance address), cluster and worker (the rest) observed.</summary>
public sealed record FabricInstanceStatus
{
    public InstancePhase Phase { get; set; }

    /// <summary>When <see cref="Phase"/> changed; the cluster fills it in. Draining ends some time after.</summary>
    public DateTimeOffset? Since { get; set; }

    /// <summary>The instance address; given by root, stays for life.</summary>
    public AddressPair? Instance { get; set; }

    /// <summary>The namespace address; given by the worker.</summary>
    public AddressPair? NamespaceAddress { get; set; }

    /// <summary>Open connections as the worker counts them; null when unknown.</summary>
    public int? Load { get; set; }

    /// <summary>Why the phase is what it is, for people.</summary>
    public string? Message { get; set; }
}

/// <summary>An IPv4 and an IPv6 address of the same thing.</summary>
public sealed record AddressPair(string? Ipv4, string? Ipv6);

/// <summary>The life of an instance.</summary>
public enum InstancePhase
{
    /// <summary>Waits for an address, a worker, or its start.</summary>
    Pending,

    /// <summary>Takes traffic.</summary>
    Running,

    /// <summary>Out of the maps; its flows may end.</summary>
    Draining,

    /// <summary>Gone without notice, or its worker is away.</summary>
    Dead,
}
