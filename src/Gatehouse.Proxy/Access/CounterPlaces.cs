namespace Gatehouse.Proxy.Access;

/// <summary>
/// Gives things their places in the counters, by names that outlive snapshots, so that a route that stays goes on counting where it was. One thread at a time.
/// </summary>
internal sealed class CounterPlaces(TimeProvider time)
{
    /// <summary>A place of a thing that is gone is given to another after so long, when no request that still counts there is left.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromMinutes(5);

    private readonly Dictionary<string, (int Place, int Uses)> _places = new(StringComparer.Ordinal);
    private readonly Queue<(long Since, int Place)> _resting = new();
    private readonly List<int> _cleared = [];
    private int _last = -1;

    /// <summary>All that have one now.</summary>
    public IEnumerable<KeyValuePair<string, int>> All => _places.Select(p => KeyValuePair.Create(p.Key, p.Value.Place));

    /// <summary>The place of a thing; -1 when it has none.</summary>
    public int Find(string name) => _places.TryGetValue(name, out var known) ? known.Place : -1;

    /// <summary>The place of a thing, a new one if it has none. Each call is one <see cref="Release"/> later.</summary>
    public int Take(string name)
    {
        var (place, uses) = _places.TryGetValue(name, out var known) ? known : (NewPlace(), 0);
        _places[name] = (place, uses + 1);
        return place;
    }

    /// <summary>One that used it does so no longer; after the last the place rests.</summary>
    public void Release(string name)
    {
        if (!_places.TryGetValue(name, out var known)) return;
        if (known.Uses > 1)
        {
            _places[name] = (known.Place, known.Uses - 1);
            return;
        }

        _places.Remove(name);
        _resting.Enqueue((time.GetTimestamp(), known.Place));
    }

    /// <summary>Places that were given to another thing since the last call: their counters begin at 0.</summary>
    public IReadOnlyList<int> TakeCleared()
    {
        if (_cleared.Count == 0) return [];
        int[] cleared = [.. _cleared];
        _cleared.Clear();
        return cleared;
    }

    private int NewPlace()
    {
        if (!_resting.TryPeek(out var oldest) || time.GetElapsedTime(oldest.Since) < Rest) return ++_last;
        _cleared.Add(_resting.Dequeue().Place);
        return oldest.Place;
    }
}
