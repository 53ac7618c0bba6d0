using System.Net;

namespace Gatehouse.Root.Oakestra;

/// <summary>Oakestra's HTTP surface, for its system manager.</summary>
public sealed record OakestraOptions
{
    /// <summary>Where to listen in plain HTTP, as Oakestra does on 10099. Default: nowhere. Bind it to an address that only the system manager reaches.</summary>
    public IReadOnlyList<IPEndPoint> Listen { get; init; } = [];

    /// <summary>The same over TLS, where client certificates work too.</summary>
    public IReadOnlyList<IPEndPoint> ListenTls { get; init; } = [];

    /// <summary>
    /// Whether the system manager's own calls (services, instances, clusters) come without credentials, as Oakestra's do. Default true. What acts for a cluster
    /// or a worker always needs a certificate or a bearer token.
    /// </summary>
    public bool AllowAnonymousSystemManager { get; init; } = true;
}
