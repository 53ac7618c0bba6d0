using Gatehouse.Api.Client;

namespace Gatehouse.Root.Peers;

/// <summary>Says on each peer which clusters have to know it, when interests or instances changed and not the peer itself.</summary>
internal sealed class PeerReconciler(RootFeeds feeds, PeerReach reach, IObjectClient local)
{
    /// <summary>One peer.</summary>
    public async Task<DateTimeOffset?> StepAsync(string name, CancellationToken cancellation)
    {
        if (feeds.Peers.Find(name) is not { } peer) return null;
        var labels = reach.Label(peer.Spec, peer.Metadata.Labels);
        if (Same(labels, peer.Metadata.Labels)) return null;
        feeds.Peers.Observe(await local.UpdateAsync(peer with { Metadata = peer.Metadata with { Labels = labels } }, cancellation));
        return null;
    }

    private static bool Same(IReadOnlyDictionary<string, string>? a, IReadOnlyDictionary<string, string>? b) =>
        (a?.Count ?? 0) == (b?.Count ?? 0) && (a ?? b ?? new Dictionary<string, string>()).All(l => b is not null && b.TryGetValue(l.Key, out var value) && value == l.Value);
}
