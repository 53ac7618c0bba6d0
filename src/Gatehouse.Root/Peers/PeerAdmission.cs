using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Gatehouse.Addressing;
using Gatehouse.Api.Client;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Root.Peers;

/// <summary>
/// Checks what a cluster says of its workers before other clusters believe it: tunnel packets are accepted by what a peer claims, so a peer may claim only the
/// subnetwork that its worker leases and the instance addresses of its cluster's instances. Labels the peer with the clusters that have to know it.
/// </summary>
internal sealed class PeerAdmission(Func<string, Subnetwork?> subnetworks, InstanceOwners instances, PeerReach reach) : IAdmission
{
    /// <inheritdoc/>
    public IReadOnlyCollection<KindInfo> Kinds { get; } = [Peer.Info];

    /// <inheritdoc/>
    public ValueTask<Status?> AdmitAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Verb == AdmissionVerb.Delete || request.Read<Peer>() is not { } peer) return new((Status?)null);
        var faults = Check(peer).ToList();
        if (faults.Count > 0) return new(request.Invalid(faults));
        // In the same write: whoever is called should know of it before the first packet.
        var labels = reach.Label(peer.Spec, peer.Metadata.Labels);
        request.Object["metadata"]!["labels"] = labels is null ? null : new JsonObject(labels.Select(l => KeyValuePair.Create(l.Key, (JsonNode?)l.Value)));
        return new((Status?)null);
    }

    /// <inheritdoc/>
    public void Abandon(AdmissionRequest request)
    {
    }

    private IEnumerable<Fault> Check(Peer peer)
    {
        var (spec, name) = (peer.Spec, Subnetwork.NameFor(peer.Spec.Cluster, peer.Spec.Worker));
        if (peer.Metadata.Name != name) yield return new Fault("metadata.name", peer.Metadata.Name, $"must be CLUSTER.WORKER: {name}");
        if (!Addresses.TryParse(spec.Underlay, out _)) yield return new Fault("spec.underlay", spec.Underlay, "must be the worker's IPv4 or IPv6 address");
        if (spec.Subnetwork is not { } claimed) yield break;
        var leased = subnetworks(name);
        if (leased is not { Status: { Phase: AddressPhase.Leased, Range: { } range } } || range != claimed)
        {
            yield return new Fault("spec.subnetwork", claimed.Ipv4, $"must be what {name} leases: {leased?.Status?.Range?.Ipv4 ?? "nothing"}");
            yield break;
        }

        for (var i = 0; i < spec.Bindings.Count; i++)
        {
            foreach (var fault in CheckBinding($"spec.bindings[{i}]", spec.Bindings[i], spec.Cluster, claimed)) yield return fault;
        }
    }

    private IEnumerable<Fault> CheckBinding(string field, PeerBinding binding, string cluster, SubnetworkRange range)
    {
        foreach (var address in new[] { binding.Instance.Ipv4, binding.Instance.Ipv6 }.OfType<string>())
        {
            if (instances.ClusterOf(address) is not { } owner || owner != cluster)
                yield return new Fault($"{field}.instance", address, $"must be the address of an instance of cluster {cluster}");
        }

        foreach (var (address, inside) in new[] { (binding.NamespaceAddress.Ipv4, range.Ipv4), (binding.NamespaceAddress.Ipv6, range.Ipv6) })
        {
            if (address is not null && !(Addresses.TryParse(address, out var parsed) && IPNetwork.Parse(inside).Contains(parsed)))
                yield return new Fault($"{field}.namespaceAddress", address, $"must lie in {inside}");
        }
    }
}

/// <summary>Which cluster's instance has an instance address. Fed with every change of instances; any thread reads.</summary>
internal sealed class InstanceOwners
{
    private readonly ConcurrentDictionary<string, string> _clusters = new(StringComparer.Ordinal);

    /// <summary>Takes in an instance's change.</summary>
    public void Apply(ObjectEvent<FabricInstance> change)
    {
        var instance = change.Object!;
        foreach (var address in new[] { instance.Status?.Instance?.Ipv4, instance.Status?.Instance?.Ipv6 }.OfType<string>())
        {
            if (change.Type == ObjectEventType.Deleted || instance.Spec.Cluster is not { } cluster) _clusters.TryRemove(address, out _);
            else _clusters[address] = cluster;
        }
    }

    /// <summary>The cluster that runs the instance with this address; null when there is none.</summary>
    public string? ClusterOf(string address) => _clusters.GetValueOrDefault(address);
}
