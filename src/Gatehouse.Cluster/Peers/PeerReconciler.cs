using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Peers;

/// <summary>Makes one peer of each worker with its instances, tells root of those that other clusters may meet, and mirrors those of other clusters.</summary>
internal sealed class PeerReconciler(string cluster, ClusterState state)
{
    /// <summary>The peer of one of this cluster's workers, in the cluster's store.</summary>
    /// <returns>Whether it was written.</returns>
    public Task<bool> StepAsync(string worker, CancellationToken cancellation)
    {
        var gateway = state.Feeds.GatewayHosts.All.FirstOrDefault(g => g.Spec.Cluster == cluster && g.Status?.Worker == worker)?.Status;
        var before = state.Feeds.Peers.Find(Subnetwork.NameFor(cluster, worker))?.Spec.PublicAddresses ?? [];
        var wanted = PeerPlan.Of(cluster, state.Feeds.Workers.Find(worker), state.InstanceIndex.OfWorker(worker), PeerPlan.Served(gateway, before));
        return BringAsync(Subnetwork.NameFor(cluster, worker), wanted, cancellation);
    }

    /// <summary>The same peer at root: known there while the worker has instances or public addresses, or calls other clusters.</summary>
    /// <returns>Whether it was written.</returns>
    public async Task<bool> StepUpAsync(string worker, CancellationToken cancellation)
    {
        if (state.Upstream is not { } upstream) return false;
        var name = Subnetwork.NameFor(cluster, worker);
        var (here, atRoot) = (state.Feeds.Peers.Find(name), upstream.Peers.Find(name));
        var calls = state.Calls.ClustersOf(worker);
        var isMet = here is not null && (here.Spec.Bindings.Count > 0 || here.Spec.PublicAddresses.Count > 0 || calls.Count > 0);
        var wanted = isMet ? here!.Spec with { Calls = calls.Count > 0 ? calls : null } : null;
        if (wanted is null)
        {
            if (atRoot is null) return false;
            await upstream.Root.DeleteAsync<Peer>(name, null, cancellation);
        }
        else if (atRoot is null)
        {
            upstream.Peers.Note(await upstream.Root.CreateAsync(new Peer { Metadata = new ObjectMeta { Name = name }, Spec = wanted }, cancellation));
        }
        else
        {
            if (PeerPlan.Same(atRoot.Spec, wanted)) return false;
            upstream.Peers.Note(await upstream.Root.UpdateAsync(atRoot with { Spec = wanted }, cancellation));
        }

        return true;
    }

    /// <summary>The copy of another cluster's peer.</summary>
    public async Task<DateTimeOffset?> StepForeignAsync(string name, CancellationToken cancellation)
    {
        if (state.Upstream is not { } upstream) return null;
        var atRoot = upstream.ForeignPeers.Find(name);
        if (atRoot is null && !upstream.ForeignPeers.IsConfirmed) return null;
        await BringAsync(name, atRoot is null ? null : atRoot.Spec with { Calls = null }, cancellation);
        return null;
    }

    private async Task<bool> BringAsync(string name, PeerSpec? wanted, CancellationToken cancellation)
    {
        var here = state.Feeds.Peers.Find(name);
        if (wanted is null)
        {
            if (here is null) return false;
            await state.Local.DeleteAsync<Peer>(name, null, cancellation);
        }
        else if (here is null)
        {
            state.Feeds.Peers.Observe(await state.Local.CreateAsync(new Peer { Metadata = new ObjectMeta { Name = name }, Spec = wanted }, cancellation));
        }
        else
        {
            if (PeerPlan.Same(here.Spec, wanted)) return false;
            state.Feeds.Peers.Observe(await state.Local.UpdateAsync(here with { Spec = wanted }, cancellation));
        }

        return true;
    }
}

/// <summary>What a worker looks like to others. Pure.</summary>
internal static class PeerPlan
{
    /// <summary>
    /// The public addresses that a worker serves as gateway, and may forward clients for: none before its gateway is ready, and none once another worker took over.
    /// While the gateway registers anew, after an absence, it keeps what it had.
    /// </summary>
    /// <param name="gateway">Of the gateway host that names the worker; null when none does.</param>
    /// <param name="before">What the peer says so far.</param>
    public static IReadOnlyList<string> Served(GatewayHostStatus? gateway, IReadOnlyList<string> before) =>
        gateway is null || (gateway.Phase != GatewayHostPhase.Ready && before.Count == 0) ? [] : gateway.PublicAddresses;

    /// <summary>The peer of a worker; null when it has no subnetwork, so that nobody accepts anything from it.</summary>
    public static PeerSpec? Of(string cluster, Worker? worker, IEnumerable<FabricInstance> instances, IReadOnlyList<string>? served = null) => worker is not { Status.Subnetwork: { } range } ? null : new PeerSpec
    {
        Cluster = cluster,
        Worker = worker.Metadata.Name,
        Underlay = worker.Spec.Underlay,
        TunnelPort = worker.Spec.TunnelPort,
        Subnetwork = range,
        PublicAddresses = served ?? [],
        Bindings =
        [
            .. instances.Where(IsAttached).OrderBy(i => i.Metadata.Name, StringComparer.Ordinal)
                .Select(i => new PeerBinding(i.Status!.Instance!, i.Status.NamespaceAddress!)),
        ],
    };

    /// <summary>Whether two peers say the same.</summary>
    public static bool Same(PeerSpec a, PeerSpec b) =>
        a.PublicAddresses.SequenceEqual(b.PublicAddresses) && a.Bindings.SequenceEqual(b.Bindings) && (a.Calls ?? []).SequenceEqual(b.Calls ?? [])
        && (a with { PublicAddresses = [], Bindings = [], Calls = null }) == (b with { PublicAddresses = [], Bindings = [], Calls = null });

    // A draining instance still answers: its packets have to be accepted until it is gone.
    private static bool IsAttached(FabricInstance instance) => instance.Status is
    {
        Phase: InstancePhase.Running or InstancePhase.Draining, Instance: not null, NamespaceAddress: not null,
    };
}
