using System.Net;

namespace Gatehouse.Root.Oakestra;

/// <summary>Oakestra's HTTP surface, for its system manager.</summary>
public sealed record OakestraOptions
{
    /// <summary>
    /// Where to listen in plain HTTP, as Oakestra does on 10099. Default: nowhere. Takes no credentials, so it serves the system manager's own calls alone, and those only
    /// with <see cref="AllowAnonymousSystemManager"/>. Bind it to an address that only the system manager reaches.
    /// </summary>
    public IReadOnlyList<IPEndPoint> Listen { get; init; } = [];

    /// <summary>The same over TLS, for every call: by client certificate or bearer token. Default: nowhere.</summary>
    public IReadOnlyList<IPEndPoint> ListenTls { get; init; } = [];

    /// <summary>
    /// Whether the system manager's own calls (services, instances, clusters) come without credentials, as Oakestra's do. Default false. What acts for a cluster
    /// or a worker, or asks for information, always needs a certificate or a bearer token.
    /// </summary>
    public bool AllowAnonymousSystemManager { get; init; }
}
