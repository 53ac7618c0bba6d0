using System.Net;

namespace Gatehouse.Cluster.Oakestra;

/// <summary>Oakestra's HTTP surface of the cluster service manager, for its cluster manager.</summary>
public sealed record OakestraClusterOptions
{
    /// <summary>
    /// Where to listen in plain HTTP, as Oakestra does on 10110. Default: nowhere. Takes no credentials, so it serves nothing without
    /// <see cref="AllowAnonymousClusterManager"/>. Bind it to an address that only the cluster manager reaches.
    /// </summary>
    public IReadOnlyList<IPEndPoint> Listen { get; init; } = [];

    /// <summary>The same over TLS: by an operator's client certificate or bearer token. Default: nowhere.</summary>
    public IReadOnlyList<IPEndPoint> ListenTls { get; init; } = [];

    /// <summary>Whether the cluster manager's calls come without credentials, as Oakestra's do. Default false: an operator's are needed.</summary>
    public bool AllowAnonymousClusterManager { get; init; }
}
