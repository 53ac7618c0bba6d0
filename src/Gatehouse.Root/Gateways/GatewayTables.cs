using Gatehouse.Objects;
using Gatehouse.Objects.Exposures;
using Gatehouse.Objects.Kinds;
using KindCluster = Gatehouse.Objects.Kinds.Cluster;

namespace Gatehouse.Root.Gateways;

/// <summary>
/// Gateway hosts, exposures and clusters as root knows them, and the gateway hosts and exposures that are being written: what one write takes, the next one
/// sees at once. Any thread. Bounded by the objects in the store and the writes under way.
/// </summary>
internal sealed class GatewayTables
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, GatewayHost> _hosts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, GatewayHost> _hostsBeingWritten = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Exposure> _exposuresBeingWritten = new(StringComparer.Ordinal);
    private readonly Dictionary<string, KindCluster> _clusters = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Peer> _peersByAddress = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IReadOnlyList<string>> _addressesOfPeer = new(StringComparer.Ordinal);
    private readonly ExposureTable _exposures = new();

    /// <summary>Takes in a gateway host; null for one that is gone.</summary>
    public void OnHost(string name, GatewayHost? host)
    {
        lock (_lock)
        {
            _hostsBeingWritten.Remove(name);
            if (host is null) _hosts.Remove(name);
            else _hosts[name] = host;
        }
    }

    /// <summary>Takes in an exposure; null for one that is gone.</summary>
    public void OnExposure(string name, Exposure? exposure)
    {
        lock (_lock)
        {
            _exposuresBeingWritten.Remove(name);
            if (exposure is null) _exposures.Remove(name);
            else _exposures.Put(exposure);
        }
    }

    /// <summary>Takes in a cluster; null for one that is gone.</summary>
    public void OnCluster(string name, KindCluster? cluster)
    {
        lock (_lock)
        {
            if (cluster is null) _clusters.Remove(name);
            else _clusters[name] = cluster;
        }
    }

    /// <summary>Takes in a worker as its cluster published it; null for one that is gone.</summary>
    public void OnPeer(string name, Peer? peer)
    {
        lock (_lock)
        {
            foreach (var address in _addressesOfPeer.GetValueOrDefault(name) ?? []) _peersByAddress.Remove(address);
            _addressesOfPeer.Remove(name);
            if (peer is null) return;
            string[] addresses = [.. peer.Spec.PublicAddresses.Append(peer.Spec.Underlay).Where(a => a.Length > 0).Select(ExposureRules.Normalise).Distinct(StringComparer.Ordinal)];
            _addressesOfPeer[name] = addresses;
            foreach (var address in addresses) _peersByAddress[address] = peer;
        }
    }

    /// <summary>One gateway host, or null.</summary>
    public GatewayHost? FindHost(string name)
    {
        lock (_lock) return _hostsBeingWritten.GetValueOrDefault(name) ?? _hosts.GetValueOrDefault(name);
    }

    /// <summary>Clusters by name, in any case, or by identifier (Oakestra's or ours).</summary>
    public IReadOnlyList<KindCluster> FindClusters(Func<KindCluster, bool> matches)
    {
        lock (_lock) return [.. _clusters.Values.Where(matches)];
    }

    /// <summary>Whether a cluster is known.</summary>
    public bool HasCluster(string name)
    {
        lock (_lock) return _clusters.ContainsKey(name);
    }

    /// <summary>Every fault of a gateway host that comes from other objects: its cluster, and who has its addresses and its identifier.</summary>
    /// <param name="name">Its own entries don't count.</param>
    /// <param name="spec">What is wanted.</param>
    /// <param name="fields">How the document at hand names the fields.</param>
    public IReadOnlyList<Fault> Check(string name, GatewayHostSpec spec, GatewayFieldNames fields)
    {
        var faults = new List<Fault>();
        lock (_lock)
        {
            if (spec.Cluster.Length > 0 && fields.Cluster is { } field && !_clusters.ContainsKey(spec.Cluster)) faults.Add(new Fault(field, spec.Cluster, "no cluster of this name has joined"));
            var others = _hostsBeingWritten.Values.Concat(_hosts.Values).Where(h => h.Metadata.Name != name).ToList();
            foreach (var (address, i) in spec.PublicAddresses.Select((a, i) => (ExposureRules.Normalise(a), i)))
            {
                if (WhoHas(address, spec.Cluster, others) is { } who) faults.Add(new Fault($"{fields.Addresses}[{i}]", spec.PublicAddresses[i], who));
            }

            if (spec.GatewayId is { } id && others.Find(h => h.Spec.GatewayId == id || h.Status?.GatewayId == id) is { } holder)
                faults.Add(new Fault(fields.GatewayId, id, $"is the identifier of gateway {holder.Metadata.Name}"));
        }

        return faults;
    }

    /// <summary>Takes what a gateway host wants, until <see cref="OnHost"/> sees it or <see cref="Abandon"/> gives it back; or says what is wrong.</summary>
    public IReadOnlyList<Fault> Claim(GatewayHost host)
    {
        lock (_lock)
        {
            var faults = Check(host.Metadata.Name, host.Spec, GatewayFieldNames.Object);
            if (faults.Count == 0) _hostsBeingWritten[host.Metadata.Name] = host;
            return faults;
        }
    }

    /// <summary>Takes the port that an exposure wants, or says who has it.</summary>
    public Exposure? Claim(Exposure exposure)
    {
        lock (_lock)
        {
            if (_exposures.Holder(exposure) is { } holder) return holder;
            var port = ExposurePort.Of(exposure.Spec);
            if (_exposuresBeingWritten.Values.FirstOrDefault(e => ExposurePort.Of(e.Spec) == port && ExposureOrder.Overlap(e.Spec, exposure.Spec)) is { } racing) return racing;
            _exposuresBeingWritten[exposure.Metadata.Name] = exposure;
            return null;
        }
    }

    /// <summary>The write was not made.</summary>
    public void Abandon(KindInfo kind, string name)
    {
        lock (_lock)
        {
            if (kind == GatewayHost.Info) _hostsBeingWritten.Remove(name);
            else _exposuresBeingWritten.Remove(name);
        }
    }

    private string? WhoHas(string address, string cluster, List<GatewayHost> others)
    {
        if (others.Find(h => h.Spec.PublicAddresses.Any(a => ExposureRules.Normalise(a) == address)) is { } holder)
            return $"belongs to gateway {holder.Metadata.Name} of cluster {holder.Spec.Cluster}";
        return _peersByAddress.GetValueOrDefault(address) is { } peer && cluster.Length > 0 && peer.Spec.Cluster != cluster
            ? $"belongs to worker {peer.Spec.Worker} of another cluster, {peer.Spec.Cluster}"
            : null;
    }
}

/// <summary>How a document names the fields of a gateway host, for faults.</summary>
/// <param name="Cluster">Null: the cluster was checked already.</param>
internal sealed record GatewayFieldNames(string? Cluster, string Addresses, string GatewayId)
{
    /// <summary>In the object.</summary>
    public static GatewayFieldNames Object { get; } = new("spec.cluster", "spec.publicAddresses", "spec.gatewayId");

    /// <summary>In Oakestra's descriptor.</summary>
    public static GatewayFieldNames Descriptor { get; } = new(null, "gateway.public_gateway_ips", "gateway.gateway_ID");
}
