using System.Net;
using Gatehouse.Addressing;
using Gatehouse.Objects.Kinds;
using Gatehouse.Root.ServiceAddresses;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Root;

/// <summary>
/// Rebuilds the pools from the objects, and repairs what a crash between two writes left. What a service or instance holds is leased, whatever its lease says; a lease
/// whose holder is gone goes into quarantine now; a tombstone whose index somebody leases is removed.
/// </summary>
internal static partial class RootLoad
{
    public static async Task RunAsync(RootState state, RootFeeds feeds, CancellationToken cancellation)
    {
        await feeds.LoadAsync(cancellation);
        RestoreSubnetworks(state, feeds);
        RestoreHeld(state, feeds);
        RestoreLeases(state, feeds);
        state.IsLoaded = true;
    }

    private static void RestoreSubnetworks(RootState state, RootFeeds feeds)
    {
        var inOrder = feeds.Subnetworks.All.OrderBy(s => s.Status?.Phase ?? AddressPhase.Leased).ThenBy(s => s.Metadata.CreationTimestamp);
        foreach (var subnetwork in inOrder)
        {
            if (!state.Subnetworks.Restore(subnetwork) && subnetwork.Status!.Phase == AddressPhase.Leased)
                LogDoubled(state.Logger, subnetwork.Metadata.Name, subnetwork.Status.Range!.Ipv4);
        }
    }

    private static void RestoreHeld(RootState state, RootFeeds feeds)
    {
        foreach (var service in feeds.Services.All.OrderBy(s => s.Metadata.CreationTimestamp))
        {
            foreach (var address in service.Status?.Addresses ?? [])
                Restore(state, Claim.OfService(service.Metadata.Name, address.Policy), [address.Ipv4, address.Ipv6], service.Metadata.CreationTimestamp);
        }

        foreach (var instance in feeds.Instances.All.OrderBy(i => i.Metadata.CreationTimestamp))
        {
            var pair = instance.Status?.Instance;
            Restore(state, Claim.OfInstance(instance.Metadata.Name), [pair?.Ipv4, pair?.Ipv6], instance.Metadata.CreationTimestamp);
        }
    }

    private static void Restore(RootState state, Claim claim, IEnumerable<string?> addresses, DateTimeOffset? since)
    {
        foreach (var address in addresses.OfType<string>())
        {
            if (!state.Book.Restore(claim, IPAddress.Parse(address), PoolPhase.Leased, since ?? default)) LogDoubled(state.Logger, claim.Owner, address);
        }
    }

    private static void RestoreLeases(RootState state, RootFeeds feeds)
    {
        var now = state.Time.GetUtcNow();
        foreach (var lease in feeds.Addresses.All)
        {
            if (Claim.ParseUse(lease.Spec.Use) is not { } use || !Addresses.TryParse(lease.Spec.Ipv4 ?? lease.Spec.Ipv6, out var address)) continue;
            var (phase, since) = lease.Status is { Phase: not AddressPhase.Leased } status ? ((PoolPhase)status.Phase, status.Since ?? now) : (PoolPhase.Quarantined, now);
            // Refused when somebody holds the address: then the holder is right, and the lease is written anew.
            state.Book.Restore(new Claim(use, lease.Spec.Owner), address, phase, since);
        }
    }

    [LoggerMessage(Level = LogLevel.Critical, Message = "{Owner} holds {Address}, which another one holds too; give it another one by deleting and declaring it again")]
    private static partial void LogDoubled(ILogger logger, string owner, string address);
}
