namespace Gatehouse.Proxy.Access;

/// <summary>Gives things their places in the counters, by names that outlive snapshots, so that a route that stays goes on counting where it was.</summary>
internal sealed class CounterPlaces
{
    private readonly Dictionary<string, int> _places = new(StringComparer.Ordinal);
    private readonly Stack<int> _free = new();
    private int _last = -1;

    /// <summary>The place of a thing; a new one if it has none.</summary>
    public int Of(string name)
    {
        if (_places.TryGetValue(name, out var place)) return place;
        return _places[name] = _free.TryPop(out var free) ? free : ++_last;
    }

    /// <summary>Gives back the places of things that are no more.</summary>
    /// <returns>The places, whose counters are to be cleared before they are given out again.</returns>
    public IReadOnlyList<int> Keep(IReadOnlySet<string> names)
    {
        List<int> gone = [];
        foreach (var (name, place) in _places)
        {
            if (!names.Contains(name) && _places.Remove(name)) gone.Add(place);
        }

        return gone;
    }

    /// <summary>Places that no loop uses any more may be given out.</summary>
    public void Free(IEnumerable<int> places)
    {
        foreach (var place in places) _free.Push(place);
    }
}
