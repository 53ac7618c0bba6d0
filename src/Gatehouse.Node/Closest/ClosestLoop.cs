using System.Net;
using Gatehouse.Node.Peers;
using Gatehouse.Node.Translation;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Node.Closest;

/// <summary>Measures the workers that serve <c>closest</c> addresses which this one uses, and no others, and fills their slots anew when the nearest is another.</summary>
internal sealed class ClosestLoop(DistanceBook distances, DistanceProbe probe, ServiceBook services, PeerSync peers, NodeOptions options, TimeProvider time)
{
    /// <summary>One round of measurements.</summary>
    public async Task StepAsync(CancellationToken cancellation)
    {
        var places = services.All.Where(IsClosest).SelectMany(s => s.Targets).Select(t => t.Place).ToHashSet(StringComparer.Ordinal);
        distances.Keep(places);
        var targets = new Dictionary<IPAddress, string>();
        foreach (var place in places)
        {
            if (peers.Peers.TryGetValue(place, out var peer)) targets[peer.Bridge4] = place;
        }

        if (targets.Count == 0) return;
        var answers = await probe.MeasureAsync(targets.Keys, options.Limits.Probe / 2, time, cancellation);
        foreach (var (address, place) in targets) distances.Put(place, answers.TryGetValue(address, out var roundTrip) ? roundTrip : null);
        await services.RefreshAsync(s => IsClosest(s) && distances.Choose(s.Name, [.. s.Targets.Select(t => t.Place).Distinct()], OwnPlace(s)) != s.Closest);
    }

    /// <summary>This worker's own place among a service's.</summary>
    public string? OwnPlace(ServiceView service) => service.Targets.FirstOrDefault(t => t.Worker == options.Name && !peers.Peers.ContainsKey(t.Place))?.Place;

    private static bool IsClosest(ServiceView service) => service.Slots.Any(s => s.Service.Policy == BalancingPolicy.Closest);
}
