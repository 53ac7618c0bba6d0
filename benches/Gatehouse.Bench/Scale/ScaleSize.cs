using Gatehouse.Addressing;

namespace Gatehouse.Bench.Scale;

/// <summary>How much is simulated.</summary>
/// <param name="LeaseSeconds">
/// Of a worker's lease, renewed at a third of it. A node's own default is 15 s: 3,072 renewals a second, which 16 machines take. Here one machine is all the managers,
/// and the workers too, so the leases are longer, and pings rarer; what a renewal costs is measured.
/// </param>
/// <param name="PingSeconds">Between the pings of each of a worker's connections. A node's own default is 10 s.</param>
/// <param name="InFlight">Registrations at the same time, over all workers.</param>
/// <param name="AllPeers">Every worker follows all peers of its cluster, as a node does.</param>
internal sealed record ScaleSize(int Clusters, int WorkersOfCluster, int LeaseSeconds, int PingSeconds, int InFlight, bool AllPeers)
{
    public int Workers => Clusters * WorkersOfCluster;

    /// <summary>Subnetworks that are left for others.</summary>
    public int Rest => Subnetworks.Count - Workers;

    public static ScaleSize Full { get; } = new(16, Subnetworks.Count / 16, LeaseSeconds: 600, PingSeconds: 30, InFlight: 256, AllPeers: true);

    public static ScaleSize Quick { get; } = new(16, 40, LeaseSeconds: 60, PingSeconds: 10, InFlight: 128, AllPeers: true);
}
