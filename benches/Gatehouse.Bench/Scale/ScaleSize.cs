using Gatehouse.Addressing;

namespace Gatehouse.Bench.Scale;

/// <summary>How much is simulated.</summary>
/// <param name="LeaseSeconds">
/// Of a worker's lease. A node's own default is 15 s, renewed every 5 s: 3,072 renewals a second over 16 managers' machines. Here one machine is all of them, and the
/// workers too, so the leases are longer; what a renewal costs is measured.
/// </param>
/// <param name="InFlight">Registrations at the same time, over all workers.</param>
/// <param name="AllPeers">Every worker follows all peers of its cluster, as a node does.</param>
internal sealed record ScaleSize(int Clusters, int WorkersOfCluster, int LeaseSeconds, int InFlight, bool AllPeers)
{
    public int Workers => Clusters * WorkersOfCluster;

    /// <summary>Subnetworks that are left for others.</summary>
    public int Rest => Subnetworks.Count - Workers;

    public static ScaleSize Full { get; } = new(16, Subnetworks.Count / 16, 120, 64, AllPeers: true);

    public static ScaleSize Quick { get; } = new(16, 60, 60, 64, AllPeers: true);
}
