using System.Text.Json.Serialization;

namespace Gatehouse.Objects.Kinds;

/// <summary>(public address, protocol, port) on a gateway host to a service address and port. Declared at root or at the cluster.</summary>
public sealed record Exposure : ApiObject, IKind<Exposure>
{
    /// <summary>The finalizer by which the cluster holds an exposure until it is drained.</summary>
    public const string DrainFinalizer = "gatehouse.dev/drain";

    public ExposureSpec Spec { get; set; } = new();

    public ExposureStatus? Status { get; set; }

    public static KindInfo<Exposure> Info { get; } = new()
    {
        Group = Groups.Gatehouse,
        Version = "v1",
        Kind = nameof(Exposure),
        Plural = "exposures",
        ShortNames = ["exp"],
        Columns =
        [
            new("GATEWAY", "spec.gateway"), new("PUBLIC", "status.publicAddresses"), new("PROTOCOL", "spec.protocol"), new("PORT", "spec.port"),
            new("SERVICE", "spec.serviceAddress"), new("SERVICE-PORT", "spec.servicePort"), new("PHASE", "status.phase"),
        ],
        SelectableFields = ["spec.gateway", "spec.cluster", "status.worker"],
        Json = ObjectsJson.Default.Exposure,
        Check = static e => FieldChecks.Required("spec.gateway", e.Spec.Gateway)
            .Concat(ExposureRules.CheckAddresses(e.Spec))
            .Concat(FieldChecks.Range("spec.port", e.Spec.Port, 1, 65_535))
            .Concat(FieldChecks.Range("spec.servicePort", e.Spec.ServicePort, 1, 65_535))
            .Concat(FieldChecks.Range("spec.drainSeconds", e.Spec.DrainSeconds, 0, 86_400)),
    };
}

/// <summary>What to expose where. The families of public and service address must agree.</summary>
public sealed record ExposureSpec
{
    /// <summary>Name of the <see cref="GatewayHost"/>.</summary>
    public string Gateway { get; set; } = "";

    /// <summary>Name of the gateway's cluster; filled by root.</summary>
    public string? Cluster { get; set; }

    /// <summary>One public address; null for every one of the gateway's that has the service address's family.</summary>
    public string? PublicAddress { get; set; }

    public Protocol Protocol { get; set; } = Protocol.Tcp;

    /// <summary>1 to 65535.</summary>
    public int Port { get; set; }

    /// <summary>A service or instance address.</summary>
    public string ServiceAddress { get; set; } = "";

    /// <summary>1 to 65535.</summary>
    public int ServicePort { get; set; }

    /// <summary>Whether the service sees the client's own address. Default: it sees the gateway's internal address.</summary>
    public bool KeepClientAddress { get; set; }

    /// <summary>Set on withdrawal: refuses new flows and lets the running ones end, up to the deadline; then the object goes.</summary>
    public bool Withdraw { get; set; }

    /// <summary>How long running flows may go on after withdrawal, in seconds: 0 to 86400. Default 60.</summary>
    public int DrainSeconds { get; set; } = 60;
}

/// <summary>Where the exposure is served. Written by the cluster, but for <see cref="Programmed"/> and <see cref="Flows"/>, which are the worker's.</summary>
public sealed record ExposureStatus
{
    public ExposurePhase Phase { get; set; }

    /// <summary>The worker that serves it, or will once the phase is <see cref="ExposurePhase.Active"/>.</summary>
    public string? Worker { get; set; }

    public IReadOnlyList<string> PublicAddresses { get; set; } = [];

    /// <summary>A number for the kernel's marks, unique in the cluster, 1 to 16,777,215.</summary>
    public int? Id { get; set; }

    /// <summary>When the draining began; its deadline is <see cref="ExposureSpec.DrainSeconds"/> later.</summary>
    public DateTimeOffset? DrainingSince { get; set; }

    /// <summary>What the worker's kernel holds of it. Written by the worker; null until it said something.</summary>
    public ProgrammedExposure? Programmed { get; set; }

    /// <summary>
    /// Flows that are still open. Written by the worker once its kernel lets no new one in, and by nobody else; null until it has counted. 0: nothing of the
    /// exposure is left there.
    /// </summary>
    public int? Flows { get; set; }

    /// <summary>Why the phase is what it is, for people.</summary>
    public string? Message { get; set; }
}

/// <summary>A worker's word about its kernel tables. It counts for one worker, one generation of the object and one set of public addresses: whatever changes needs a new one.</summary>
public sealed record ProgrammedExposure
{
    /// <summary>Who says it.</summary>
    public string Worker { get; set; } = "";

    /// <summary>The object's <c>metadata.generation</c> that is meant.</summary>
    public long Generation { get; set; }

    /// <summary>The public addresses that are meant.</summary>
    public IReadOnlyList<string> PublicAddresses { get; set; } = [];

    /// <summary>Why the tables do not hold it yet, for people; null: they hold it.</summary>
    public string? Missing { get; set; }

    /// <summary>Whether it is said of this state of an exposure, and that its worker's tables hold it.</summary>
    public bool Holds(ObjectMeta metadata, ExposureStatus status)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        ArgumentNullException.ThrowIfNull(status);
        return Missing is null && Speaks(metadata, status);
    }

    /// <summary>Whether it is said of this state of an exposure.</summary>
    public bool Speaks(ObjectMeta metadata, ExposureStatus status)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        ArgumentNullException.ThrowIfNull(status);
        return Worker == status.Worker && Generation == (metadata.Generation ?? 0) && PublicAddresses.SequenceEqual(status.PublicAddresses, StringComparer.Ordinal);
    }
}

/// <summary>The life of an exposure.</summary>
public enum ExposurePhase
{
    /// <summary>Something is missing that the message names: a worker, its readiness, the service.</summary>
    Pending,

    /// <summary>A worker was chosen and has been told; its kernel tables do not hold it yet, as far as is known.</summary>
    Scheduled,

    /// <summary>The worker said that its kernel tables hold it: packets pass.</summary>
    Active,

    /// <summary>Refused: the message says why, for example who has the port.</summary>
    Refused,

    /// <summary>New flows are refused, running ones end; the worker reports how many are left.</summary>
    Draining,

    /// <summary>Its time is over, open flows are ended; the object goes when the worker said that nothing is left (<see cref="ExposureStatus.Flows"/> 0), or is not heard of.</summary>
    Withdrawn,
}

/// <summary>A transport protocol.</summary>
public enum Protocol
{
    [JsonStringEnumMemberName("TCP")]
    Tcp,

    [JsonStringEnumMemberName("UDP")]
    Udp,
}
