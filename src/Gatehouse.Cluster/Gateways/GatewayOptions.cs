using Gatehouse.Api.Identity;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Gateways;

/// <summary>Settings of the cluster's part in gateways.</summary>
public sealed record GatewayOptions
{
    /// <summary>This cluster's name: gateway hosts of other clusters are left alone.</summary>
    public required string Cluster { get; init; }

    /// <summary>Ports that no exposure gets. Default: <see cref="ReservedPort.Defaults"/>.</summary>
    public IReadOnlyList<ReservedPort> Reserved { get; init; } = ReservedPort.Defaults;

    /// <summary>Who signs the server certificate of a management API, at the moment of asking: an authority is replaced by its renewal. Null refuses.</summary>
    public Func<CertificateAuthority?> Authority { get; init; } = static () => null;

    /// <summary>Life of such a certificate; the gateway role asks for a new one at two thirds of it. Default 24 hours.</summary>
    public TimeSpan CertificateLife { get; init; } = CertificateAuthority.DefaultLeafLife;

    /// <summary>Pause before a write that failed is tried again. Default 1 s.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long after its deadline a withdrawn exposure waits for its worker's word that nothing of it is left, while the worker is heard of. Default 30 s; then it
    /// goes without, and the worker clears it when it hears of that.
    /// </summary>
    public TimeSpan AckPatience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Status writes under way at a time: they share the store's flush to disk. Default 64.</summary>
    public int ParallelWrites { get; init; } = 64;
}
