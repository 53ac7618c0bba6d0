using System.Net;
using System.Net.Sockets;

namespace Gatehouse.Objects.Kinds;

/// <summary>
/// What a worker (at its cluster) or a cluster (at root) wants resolved, and the resolution, which travels with it: an update carries the data and
/// its version, so that order and repetition do not matter. Leased by <see cref="InterestSpec.RenewedAt"/>.
/// </summary>
/// <remarks>The tier that serves it fills the status in the same write that creates it whenever it knows the answer.</remarks>
public sealed record Interest : ApiObject, IKind<Interest>
{
    public InterestSpec Spec { get; set; } = new();

    /// <summary>
    /// The spelling in which queries are compared: the shortest text of an address (RFC 5952), or the name in lower case.
    /// </summary>
    public static string Canonical(string query) => IPAddress.TryParse(query, out var address) ? address.ToString() : query.ToLowerInvariant();

    /// <summary>The name that a holder's interest in a query should have, so that asking twice makes one object: <c>HOLDER.QUERY</c>, and an IPv6 address with '-' and in full.</summary>
    public static string NameFor(string holder, string query) => $"{holder}.{(IPAddress.TryParse(query, out var a) ? Spell(a) : query.ToLowerInvariant())}";

    private static string Spell(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork
        ? address.ToString()
        : string.Join('-', Convert.ToHexStringLower(address.GetAddressBytes()).Chunk(4).Select(c => new string(c)));

    public Resolution? Status { get; set; }

    public static KindInfo<Interest> Info { get; } = new()
    {
        Group = Groups.Gatehouse,
        Version = "v1",
        Kind = nameof(Interest),
        Plural = "interests",
        ShortNames = ["in"],
        Columns = [new("HOLDER", "spec.holder"), new("QUERY", "spec.query"), new("SERVICE", "status.service"), new("OUTCOME", "status.outcome")],
        SelectableFields = ["spec.holder", "spec.query"],
        Json = ObjectsJson.Default.Interest,
        Check = static i => FieldChecks.Required("spec.holder", i.Spec.Holder).Concat(FieldChecks.Required("spec.query", i.Spec.Query)),
    };
}

/// <summary>Who asks for what.</summary>
public sealed record InterestSpec
{
    /// <summary>Name of the worker or cluster.</summary>
    public string Holder { get; set; } = "";

    /// <summary>A service's name, a service address or an instance address, IPv4 or IPv6.</summary>
    public string Query { get; set; } = "";

    /// <summary>Renewed while flows use it; past the lease the server deletes the object.</summary>
    public DateTimeOffset? RenewedAt { get; set; }
}

/// <summary>The instances behind an address or name.</summary>
public sealed record Resolution
{
    public ResolutionOutcome Outcome { get; set; }

    /// <summary>Grows with every change of this resolution; a holder ignores what is not newer.</summary>
    public long Version { get; set; }

    /// <summary>The service's name.</summary>
    public string? Service { get; set; }

    /// <summary>All service addresses of the service.</summary>
    public IReadOnlyList<ServiceAddress> Addresses { get; set; } = [];

    /// <summary>Those that take new connections, by number.</summary>
    public IReadOnlyList<ResolvedInstance> Instances { get; set; } = [];

    /// <summary>Why nothing was found, for people.</summary>
    public string? Message { get; set; }
}

/// <summary>Whether a query found its service.</summary>
public enum ResolutionOutcome
{
    /// <summary>Not known yet: the tier above has been asked, or is away.</summary>
    Pending,

    /// <summary>Found; there may still be no instance.</summary>
    Found,

    /// <summary>There is no such service. A holder remembers that for a while.</summary>
    Unknown,
}

/// <summary>One instance of a resolution: its binding and what policies weigh.</summary>
public sealed record ResolvedInstance
{
    public int Number { get; set; }

    public AddressPair Instance { get; set; } = new(null, null);

    public AddressPair NamespaceAddress { get; set; } = new(null, null);

    public string Cluster { get; set; } = "";

    public string Worker { get; set; } = "";

    public int Weight { get; set; } = 1;

    public int? Load { get; set; }
}
