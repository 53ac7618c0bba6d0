using System.Collections.Concurrent;
using Gatehouse.Addressing.Balancing;

namespace Gatehouse.Node.Closest;

/// <summary>
/// How far the other workers are, smoothed, and which place each service leads to. A place that stops answering counts as unmeasured, so that others are preferred; it stays in
/// use while nobody else answers.
/// </summary>
/// <remarks>Safe for any thread.</remarks>
internal sealed class DistanceBook
{
    /// <summary>Share of a new measurement in the smoothed one (RFC 6298 uses the same for TCP's).</summary>
    private const double Gain = 0.125;

    /// <summary>Measurements in a row without an answer after which a place counts as unmeasured.</summary>
    private const int Patience = 3;

    private readonly ConcurrentDictionary<string, Distance> _distances = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _chosen = new(StringComparer.Ordinal);

    /// <summary>The smoothed round trips, by place.</summary>
    public IReadOnlyDictionary<string, TimeSpan?> All => _distances.ToDictionary(d => d.Key, d => d.Value.RoundTrip, StringComparer.Ordinal);

    /// <summary>Takes in one measurement; null for no answer.</summary>
    public void Put(string place, TimeSpan? roundTrip) => _distances.AddOrUpdate(
        place,
        static (_, measured) => new(measured, measured is null ? 1 : 0),
        static (_, old, measured) => measured is null ? old.Missed(Patience) : old.Smoothed(measured.Value, Gain),
        roundTrip);

    /// <summary>Forgets all places but these.</summary>
    public void Keep(IReadOnlySet<string> places)
    {
        foreach (var place in _distances.Keys.Where(p => !places.Contains(p))) _distances.TryRemove(place, out _);
    }

    /// <summary>The place that a service's <c>closest</c> addresses lead to, with hysteresis against the last choice.</summary>
    /// <param name="own">This worker's own place: no distance at all.</param>
    public string? Choose(string service, IReadOnlyList<string> places, string? own)
    {
        PlaceDistance[] known = [.. places.Select(p => new PlaceDistance(p, p == own ? TimeSpan.Zero : _distances.GetValueOrDefault(p).RoundTrip))];
        var choice = ClosestPlace.Choose(_chosen.GetValueOrDefault(service), known);
        if (choice is null) _chosen.TryRemove(service, out _);
        else _chosen[service] = choice;
        return choice;
    }

    private readonly record struct Distance(TimeSpan? RoundTrip, int Misses)
    {
        public Distance Missed(int patience) => new(Misses + 1 >= patience ? null : RoundTrip, Misses + 1);

        public Distance Smoothed(TimeSpan measured, double gain) => new(RoundTrip is { } old ? old + ((measured - old) * gain) : measured, 0);
    }
}
