using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gatehouse.Objects.Kinds;

/// <summary>
/// A service with its service addresses, one for each policy. Declared at root; clusters hold a copy of those they need.
/// Named <c>app.appns.service.servicens</c> in lower case (Oakestra's job name).
/// </summary>
public sealed record FabricService : ApiObject, IKind<FabricService>
{
    public FabricServiceSpec Spec { get; set; } = new();

    public FabricServiceStatus? Status { get; set; }

    public static KindInfo<FabricService> Info { get; } = new()
    {
        Group = Groups.Gatehouse,
        Version = "v1",
        Kind = nameof(FabricService),
        Plural = "fabricservices",
        ShortNames = ["fs", "svc"],
        Columns = [new("POLICIES", "spec.policies"), new("ADDRESSES", "status.addresses[*].ipv4"), new("ADDRESSES6", "status.addresses[*].ipv6", Wide: true)],
        Json = ObjectsJson.Default.FabricService,
        Check = static s => s.Spec.Chosen.SelectMany((c, i) =>
            FieldChecks.OptionalAddress($"spec.chosen[{i}].ipv4", c.Ipv4).Concat(FieldChecks.OptionalAddress($"spec.chosen[{i}].ipv6", c.Ipv6))),
    };
}

/// <summary>What the operator declares of a service.</summary>
public sealed record FabricServiceSpec
{
    /// <summary>The name as Oakestra writes it, upper case kept. Default: the object's name.</summary>
    public string? JobName { get; set; }

    /// <summary>Oakestra's <c>_id</c> of the job, where it came from there.</summary>
    public string? JobId { get; set; }

    /// <summary>One service address is allocated for each. Default: round robin.</summary>
    public IReadOnlyList<BalancingPolicy> Policies { get; set; } = [BalancingPolicy.RoundRobin];

    /// <summary>Addresses that the operator wants in place of allocated ones (Oakestra's <c>RR_ip</c>).</summary>
    public IReadOnlyList<ServiceAddress> Chosen { get; set; } = [];

    /// <summary>Oakestra's deployment descriptor, given back as it came.</summary>
    public JsonElement? Descriptor { get; set; }
}

/// <summary>What root allocated.</summary>
public sealed record FabricServiceStatus
{
    public IReadOnlyList<ServiceAddress> Addresses { get; set; } = [];

    /// <summary>Why an address is missing, for people.</summary>
    public string? Message { get; set; }
}

/// <summary>A service address pair and the policy that it stands for.</summary>
/// <param name="Policy">How an instance is chosen.</param>
/// <param name="Ipv4">In 10.30.0.0/16.</param>
/// <param name="Ipv6">In the policy's /21 of fdff::/16.</param>
public sealed record ServiceAddress(BalancingPolicy Policy, string? Ipv4, string? Ipv6);

/// <summary>How an instance is chosen for a new connection.</summary>
public enum BalancingPolicy
{
    /// <summary>Every connection the next instance.</summary>
    [JsonStringEnumMemberName("roundRobin")]
    RoundRobin,

    /// <summary>The instance on the worker with the shortest measured round trip.</summary>
    [JsonStringEnumMemberName("closest")]
    Closest,

    /// <summary>Instances with fewer open connections get more of the new ones.</summary>
    [JsonStringEnumMemberName("leastLoaded")]
    LeastLoaded,

    /// <summary>In proportion to the instances' weights.</summary>
    [JsonStringEnumMemberName("weighted")]
    Weighted,

    /// <summary>A client's address always the same instance, as long as the instances stay.</summary>
    [JsonStringEnumMemberName("sticky")]
    Sticky,
}
