using System.Text.Json;

namespace Gatehouse.Bench.Scale;

/// <summary>Which workers a process simulates: those with the indexes from <paramref name="First"/> on. Index i is worker i / clusters of cluster i % clusters.</summary>
/// <param name="WorkersOfEach">Workers that each cluster has in all.</param>
/// <param name="LeaseSeconds">Of each worker's lease, renewed at a third of it.</param>
/// <param name="PingSeconds">Between the pings of each connection.</param>
/// <param name="InFlight">Registrations at the same time.</param>
/// <param name="AllPeers">Whether each worker follows the peers of its cluster.</param>
internal sealed record FleetOrder(IReadOnlyList<FleetCluster> Clusters, int First, int Count, int WorkersOfEach, int LeaseSeconds, int PingSeconds, int InFlight, bool AllPeers);

/// <summary>Where workers join.</summary>
internal sealed record FleetCluster(string Name, Uri Server, string AuthorityPem, string Token);

/// <summary>A line to the process: <c>register</c>, <c>hear</c> (with what the peers' events must contain), <c>report</c>.</summary>
internal sealed record FleetCommand(string Do, string? Mark = null);

/// <summary>A line from the process.</summary>
internal sealed record FleetNews
{
    public required string About { get; init; }

    /// <summary>Workers that are registered, have a subnetwork and all their watches open.</summary>
    public int Complete { get; init; }

    /// <summary>Workers whose registration failed for good.</summary>
    public int Failed { get; init; }

    /// <summary>Requests that were sent again after 429, 503 or a cut connection.</summary>
    public int Retries { get; init; }

    /// <summary>Watches that ended before they were told to.</summary>
    public int Cut { get; init; }

    /// <summary>Leases that were not renewed in time.</summary>
    public int LateRenewals { get; init; }

    /// <summary>Peers that came in lists and events.</summary>
    public long PeersHeard { get; init; }

    /// <summary>Workers that know as many peers as their cluster has workers.</summary>
    public int Meshed { get; init; }

    /// <summary>Milliseconds from the beginning of each registration until its subnetwork was known.</summary>
    public IReadOnlyList<double> Durations { get; init; } = [];

    /// <summary>Moments (the machine's monotonic clock) at which each worker heard the mark.</summary>
    public IReadOnlyList<long> Heard { get; init; } = [];

    /// <summary>The subnetworks that the workers were told, as indexes.</summary>
    public IReadOnlyList<int> Subnetworks { get; init; } = [];

    public IReadOnlyList<string> Faults { get; init; } = [];

    public string ToLine() => JsonSerializer.Serialize(this);

    public static FleetNews Parse(string line) => JsonSerializer.Deserialize<FleetNews>(line)!;
}
