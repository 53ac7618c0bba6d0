namespace Gatehouse.Store.Watch;

/// <summary>
/// Watchers by prefix. A key finds the watchers of all its prefixes by one lookup for each distinct length of a watched prefix, so that thousands of narrow
/// watches cost a change only those that are interested in it.
/// </summary>
/// <remarks>Not safe for several threads; the hub's lock guards it.</remarks>
internal sealed class PrefixIndex
{
    private readonly Dictionary<string, HashSet<Watcher>> _groups = new(StringComparer.Ordinal);
    private readonly SortedDictionary<int, int> _groupsOfLength = [];
    private int[] _lengths = [];

    public int Count { get; private set; }

    public void Add(Watcher watcher)
    {
        if (!_groups.TryGetValue(watcher.Prefix, out var group))
        {
            _groups[watcher.Prefix] = group = [];
            CountLength(watcher.Prefix.Length, 1);
        }

        group.Add(watcher);
        Count++;
    }

    public void Remove(Watcher watcher)
    {
        if (!_groups.TryGetValue(watcher.Prefix, out var group) || !group.Remove(watcher)) return;
        Count--;
        if (group.Count > 0) return;
        _groups.Remove(watcher.Prefix);
        CountLength(watcher.Prefix.Length, -1);
    }

    /// <summary>Everybody.</summary>
    public IEnumerable<Watcher> All() => _groups.Values.SelectMany(group => group);

    /// <summary>Adds the groups whose prefix the key starts with.</summary>
    public void Find(string key, List<HashSet<Watcher>> into)
    {
        var lookup = _groups.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var length in _lengths)
        {
            if (length > key.Length) break;
            if (lookup.TryGetValue(key.AsSpan(0, length), out var group)) into.Add(group);
        }
    }

    private void CountLength(int length, int change)
    {
        var count = _groupsOfLength.GetValueOrDefault(length) + change;
        if (count == 0) _groupsOfLength.Remove(length);
        else _groupsOfLength[length] = count;
        if (count == 0 || (count == 1 && change == 1)) _lengths = [.. _groupsOfLength.Keys];
    }
}
