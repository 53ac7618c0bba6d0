using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Gateways;

/// <summary>
/// What each gateway host of this cluster has: its descriptor's addresses and its worker. An address, and a worker, serves one gateway host.
/// Owned by the reconciler's loop.
/// </summary>
internal sealed class GatewayClaims
{
    private readonly Dictionary<string, GatewayHost> _hosts = new(StringComparer.Ordinal);

    /// <summary>All gateway hosts.</summary>
    public IReadOnlyCollection<GatewayHost> Hosts => _hosts.Values;

    /// <summary>One gateway host, or null.</summary>
    public GatewayHost? Find(string name) => _hosts.GetValueOrDefault(name);

    /// <summary>Takes in a gateway host's state.</summary>
    public void Put(GatewayHost host) => _hosts[host.Metadata.Name] = host;

    /// <summary>Forgets a gateway host.</summary>
    public bool Remove(string name) => _hosts.Remove(name);

    /// <summary>The older gateway host that lists an address too, or null.</summary>
    public string? HolderOfAddress(string normalised, GatewayHost asking) =>
        _hosts.Values.Where(h => IsAhead(h, asking) && h.Spec.PublicAddresses.Any(a => ExposureRules.Normalise(a) == normalised))
            .Select(h => h.Metadata.Name).Order(StringComparer.Ordinal).FirstOrDefault();

    /// <summary>The other gateway host that a worker serves, or null.</summary>
    public string? GatewayOnWorker(string worker, GatewayHost asking) =>
        _hosts.Values.FirstOrDefault(h => h.Status?.Worker == worker && h.Metadata.Name != asking.Metadata.Name)?.Metadata.Name;

    private static bool IsAhead(GatewayHost other, GatewayHost asking)
    {
        if (other.Metadata.Name == asking.Metadata.Name) return false;
        var byAge = Nullable.Compare<DateTimeOffset>(
            other.Metadata.CreationTimestamp ?? DateTimeOffset.MaxValue,
            asking.Metadata.CreationTimestamp ?? DateTimeOffset.MaxValue);
        return byAge != 0 ? byAge < 0 : string.CompareOrdinal(other.Metadata.Name, asking.Metadata.Name) < 0;
    }
}
