using System.Net;
using Gatehouse.Cluster.Gateways;
using Gatehouse.Cluster.Oakestra;

namespace Gatehouse.Cluster;

/// <summary>What an operator can set of a cluster service manager.</summary>
public sealed record ClusterOptions
{
    /// <summary>The cluster's name, a DNS label: that of its certificate.</summary>
    public required string Name { get; init; }

    /// <summary>Where people reach this cluster's API, as <c>host:port</c>; told to root for information. Null: not told.</summary>
    public string? Address { get; init; }

    /// <summary>The addresses that this cluster's API listens on, as far as they are certain ones. Only a worker itself may say that it is there too. Default: none.</summary>
    public IReadOnlyList<IPAddress> Listens { get; init; } = [];

    /// <summary>Oakestra's identifier of this cluster; null when it has none.</summary>
    public string? ExternalId { get; init; }

    /// <summary>Where what root said is kept (<c>STATE/mirror</c>); null: in memory alone, and a restart without root knows nothing of it.</summary>
    public string? MirrorDirectory { get; init; }

    /// <summary>From the end of a worker's lease until its instances count as dead and leave all resolutions. Default 10 s.</summary>
    public TimeSpan WorkerGrace { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>From the end of a worker's lease until its subnetwork is given back. Default 24 hours. A worker that comes back later gets another one.</summary>
    public TimeSpan ReleaseAfter { get; init; } = TimeSpan.FromHours(24);

    /// <summary>
    /// How long an undeployed instance may finish its flows after it left all resolutions. Default 30 s; ends early when its worker says that it is gone, which it is
    /// with its last flow, or when its worker is away.
    /// </summary>
    public TimeSpan DrainTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>An interest that its worker did not renew for this long is deleted. Default 10 minutes.</summary>
    public TimeSpan InterestLease { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How often an interest at root is renewed while a worker here needs it. Default 30 minutes: half of root's lease.</summary>
    public TimeSpan UpstreamRenewal { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Interests that one worker may hold; beyond: 429. Default 70,000: more than there are service addresses.</summary>
    public int InterestsPerWorker { get; init; } = 70_000;

    /// <summary>The lease that this cluster keeps at root. Renewed at a third of it. Default 30 s.</summary>
    public TimeSpan ClusterLease { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest pause between attempts to reach root. Default 5 s.</summary>
    public TimeSpan RootRetry { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Steps at the same time, for each kind of work. Default 32: they share the store's fsync and root's connection.</summary>
    public int Parallel { get; init; } = 32;

    /// <summary>Gateway hosts and exposures.</summary>
    public GatewayOptions? Gateways { get; init; }

    /// <summary>Oakestra's HTTP surface.</summary>
    public OakestraClusterOptions Oakestra { get; init; } = new();
}
