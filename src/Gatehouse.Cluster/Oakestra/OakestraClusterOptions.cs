using System.Net;

namespace Gatehouse.Cluster.Oakestra;

/// <summary>Oakestra's HTTP surface of the cluster service manager, for its cluster manager.</summary>
public sealed record OakestraClusterOptions
{
    /// <summary>Where to listen in plain HTTP, as Oakestra does on 10110. Default: nowhere. Bind it to an address that only the cluster manager reaches.</summary>
    public IReadOnlyList<IPEndPoint> Listen { get; init; } = [];
}
