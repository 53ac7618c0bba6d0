namespace Gatehouse.Addressing.Balancing;

/// <summary>A place and its measured distance.</summary>
/// <param name="RoundTrip">Smoothed; null when it was not measured or does not answer.</param>
public readonly record struct PlaceDistance(string Place, TimeSpan? RoundTrip);

/// <summary>Chooses the nearest place, with hysteresis: two places about as far must not take turns with the noise of the measurement.</summary>
public static class ClosestPlace
{
    /// <summary>A challenger must be nearer by this share of the holder's round trip, and by <see cref="Margin"/>.</summary>
    public const double Share = 0.2;

    /// <summary>See <see cref="Share"/>. 200 µs: below it, distance is not what decides.</summary>
    public static TimeSpan Margin { get; } = TimeSpan.FromMicroseconds(200);

    /// <summary>The place to use.</summary>
    /// <param name="holder">The place in use; null at first.</param>
    /// <returns>The holder when nobody is clearly nearer; null when nothing was measured yet and there is no holder in the list.</returns>
    public static string? Choose(string? holder, IReadOnlyList<PlaceDistance> places)
    {
        PlaceDistance? best = null, held = null;
        foreach (var place in places)
        {
            if (place.Place == holder) held = place;
            if (place.RoundTrip is { } rtt && (best?.RoundTrip is not { } sofar || rtt < sofar)) best = place;
        }

        if (best is null) return held?.Place;
        if (held is not { } old) return best.Value.Place;
        if (old.RoundTrip is not { } holding) return best.Value.Place;
        var gain = holding - best.Value.RoundTrip!.Value;
        return gain > Margin && gain > holding * Share ? best.Value.Place : old.Place;
    }
}
