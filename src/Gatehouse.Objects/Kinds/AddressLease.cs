namespace Gatehouse.Objects.Kinds;

/// <summary>A lease of one service or instance address pair. Lives at root and is written by root alone; named after pool and index.</summary>
public sealed record AddressLease : ApiObject, IKind<AddressLease>
{
    public AddressLeaseSpec Spec { get; set; } = new();

    public AddressLeaseStatus? Status { get; set; }

    public static KindInfo<AddressLease> Info { get; } = new()
    {
        Group = Groups.Gatehouse,
        Version = "v1",
        Kind = nameof(AddressLease),
        Plural = "addressleases",
        ShortNames = ["al"],
        Columns =
        [
            new("PHASE", "status.phase"), new("IPV4", "spec.ipv4"), new("OWNER", "spec.owner"), new("USE", "spec.use"),
            new("IPV6", "spec.ipv6", Wide: true),
        ],
        Json = ObjectsJson.Default.AddressLease,
    };
}

/// <summary>Who holds which address and for what.</summary>
public sealed record AddressLeaseSpec
{
    /// <summary><c>instance</c>, or a policy's name for service addresses.</summary>
    public string Use { get; set; } = "";

    /// <summary><c>service/NAME</c> or <c>instance/NAME</c>.</summary>
    public string Owner { get; set; } = "";

    public string? Ipv4 { get; set; }

    public string? Ipv6 { get; set; }
}

/// <summary>The lease's life.</summary>
public sealed record AddressLeaseStatus
{
    public AddressPhase Phase { get; set; }

    /// <summary>When <see cref="Phase"/> changed.</summary>
    public DateTimeOffset? Since { get; set; }
}
