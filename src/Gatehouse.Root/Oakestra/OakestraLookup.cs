using Gatehouse.Api.Client;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Root.Oakestra;

/// <summary>
/// Finds objects by Oakestra's identifiers. Memory may be a moment behind the write that the caller just made, so what it lacks is looked up in the store before it counts
/// as missing.
/// </summary>
internal sealed class OakestraLookup(IObjectClient local, RootFeeds feeds)
{
    /// <summary>The service of a job; 404 when there is none.</summary>
    public async Task<FabricService> ServiceOfJobAsync(string id, CancellationToken cancellation) =>
        await FindJobAsync(id, cancellation) ?? throw new OakestraFault(404, $"Job not found: {id}");

    /// <summary>Takes in a service that was just created, ahead of its event.</summary>
    public void Note(FabricService created) => feeds.Services.Observe(created);

    /// <summary>The service of a job as memory knows it, or null: enough where a fault a moment after a write does no harm, and O(1).</summary>
    public FabricService? KnownJob(string id) => feeds.ServiceOfJob(id);

    /// <summary>The service of a job, or null.</summary>
    public async Task<FabricService?> FindJobAsync(string id, CancellationToken cancellation)
    {
        bool Is(FabricService service) => (service.Spec.JobId ?? service.Metadata.Name) == id;
        var known = feeds.ServiceOfJob(id);
        if (known is not null && await local.GetAsync<FabricService>(known.Key, cancellation) is { } there && Is(there)) return there;
        return (await local.ListAsync<FabricService>(Selection.All, cancellation)).Items.FirstOrDefault(Is);
    }

    /// <summary>The instances of a service, as stored.</summary>
    public async Task<IReadOnlyList<FabricInstance>> InstancesAsync(string service, CancellationToken cancellation) =>
        (await local.ListAsync<FabricInstance>(new Selection(Fields: $"spec.service={service}"), cancellation)).Items;

    /// <summary>The cluster with a name or an Oakestra identifier; 404 when there is none.</summary>
    public async Task<Cluster> ClusterAsync(string id, CancellationToken cancellation) =>
        await FindClusterAsync(id, null, cancellation) ?? throw new OakestraFault(404, $"Cluster not registered: {id}");

    /// <summary>The cluster with an Oakestra identifier, a name, or an address; null when there is none.</summary>
    public async Task<Cluster?> FindClusterAsync(string id, string? address, CancellationToken cancellation)
    {
        var all = (await local.ListAsync<Cluster>(Selection.All, cancellation)).Items;
        return all.FirstOrDefault(c => c.Spec.ExternalId == id)
            ?? all.FirstOrDefault(c => id.Equals(c.Metadata.Name, StringComparison.OrdinalIgnoreCase))
            ?? all.FirstOrDefault(c => address is not null && c.Spec.ExternalId is null && c.Spec.Address == address);
    }

    /// <summary>The worker behind an instance as its cluster told root; null when it was not told.</summary>
    public Peer? PeerOf(FabricInstance instance) =>
        instance.Spec is { Cluster: { } cluster, Worker: { } worker } ? feeds.Peers.Find(Subnetwork.NameFor(cluster, worker)) : null;
}
