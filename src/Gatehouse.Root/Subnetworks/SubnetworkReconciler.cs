using Gatehouse.Addressing;
using Gatehouse.Api.Client;
using Gatehouse.Api.Reconciling;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Root.Subnetworks;

/// <summary>Ends quarantines in the store, and removes tombstones whose range was leased anew.</summary>
internal sealed class SubnetworkReconciler(SubnetworkTable table, RootOptions options, TimeProvider time)
{
    /// <summary>One subnetwork.</summary>
    public async Task<DateTimeOffset?> StepAsync(ObjectFeed<Subnetwork> feed, IObjectClient local, string name, CancellationToken cancellation)
    {
        if (feed.Find(name) is not { Status.Range: { } range } value) return null;
        var change = SubnetworkPlan.Decide(value, table.Find(range.Index), options.SubnetworkQuarantine, time.GetUtcNow());
        switch (change)
        {
            case SubnetworkChange.Remove:
                await local.DeleteAsync<Subnetwork>(name, new DeletePreconditions(value.Metadata.Uid, value.Metadata.ResourceVersion), cancellation);
                return null;
            case SubnetworkChange.Write write:
                feed.Observe(await local.UpdateStatusAsync(value with { Status = write.Status }, cancellation));
                return null;
            case SubnetworkChange.Wait wait:
                return wait.Until;
            default:
                return null;
        }
    }
}

/// <summary>What has to be done to a subnetwork's object.</summary>
internal abstract record SubnetworkChange
{
    public sealed record None : SubnetworkChange;

    public sealed record Remove : SubnetworkChange;

    public sealed record Write(SubnetworkStatus Status) : SubnetworkChange;

    public sealed record Wait(DateTimeOffset Until) : SubnetworkChange;
}

/// <summary>Decides on one subnetwork. Pure.</summary>
internal static class SubnetworkPlan
{
    /// <param name="entry">What the table knows of the object's index, with quarantines ended.</param>
    public static SubnetworkChange Decide(Subnetwork value, PoolEntry? entry, TimeSpan quarantine, DateTimeOffset now)
    {
        if (entry is null || value.Status is not { } status) return new SubnetworkChange.None();
        if (entry.Owner != value.Metadata.Name) return new SubnetworkChange.Remove();
        if (status.Phase == AddressPhase.Quarantined && entry.Phase == PoolPhase.Free) return new SubnetworkChange.Write(SubnetworkTable.StatusOf(entry));
        var end = entry.Since + quarantine;
        return status.Phase == AddressPhase.Quarantined && end > now ? new SubnetworkChange.Wait(end) : new SubnetworkChange.None();
    }
}
