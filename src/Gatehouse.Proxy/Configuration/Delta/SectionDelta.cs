namespace Gatehouse.Proxy.Configuration.Delta;

/// <summary>An object that is new, or takes the place of the one with its name.</summary>
/// <param name="Index">Its place in the list that comes of it; one with its name is no more. -1: it takes the place of the one that has its name.</param>
public sealed record Put<T>(T Item, int Index = -1)
    where T : class, IEquatable<T>;

/// <summary>An object that stays as it is and stands elsewhere.</summary>
/// <param name="Index">Its place in the list that comes of it.</param>
public sealed record Move(string Name, int Index);

/// <summary>The changes of one list of named objects. Order is part of it: of two things that match alike, the first wins.</summary>
public sealed record SectionDelta<T>
    where T : class, IEquatable<T>
{
    internal static readonly SectionDelta<T> None = new();

    /// <summary>New and changed objects.</summary>
    public EquatableArray<Put<T>> Puts { get; init; }

    /// <summary>Names of objects that are no more.</summary>
    public EquatableArray<string> Removals { get; init; }

    /// <summary>Objects that stand elsewhere.</summary>
    public EquatableArray<Move> Moves { get; init; }

    /// <summary>Whether nothing changes.</summary>
    public bool IsEmpty => Puts.Count == 0 && Removals.Count == 0 && Moves.Count == 0;

    internal static SectionDelta<T> Between(EquatableArray<T> from, EquatableArray<T> to, Func<T, string> name)
    {
        var old = from.AsSpan();
        var now = to.AsSpan();
        if (old == now) return None;
        // Most changes touch one place: all before and behind it is the same, mostly even the same object.
        var start = 0;
        while (start < old.Length && start < now.Length && Same(old[start], now[start])) start++;
        var tail = 0;
        while (tail < old.Length - start && tail < now.Length - start && Same(old[^(tail + 1)], now[^(tail + 1)])) tail++;
        if (start == old.Length && start == now.Length) return None;
        return new Difference(name, start, old[start..^tail], now[start..^tail]).Result();
    }

    /// <summary>Null: it does not fit.</summary>
    internal EquatableArray<T>? Apply(EquatableArray<T> from, Func<T, string> name)
    {
        if (IsEmpty) return from;
        Dictionary<string, Change> changes = new(Puts.Count + Removals.Count + Moves.Count, StringComparer.Ordinal);
        foreach (var put in Puts)
        {
            if (!changes.TryAdd(name(put.Item), new Change(put.Item, put.Index))) return null;
        }

        foreach (var removal in Removals)
        {
            if (!changes.TryAdd(removal, new Change(null, -1))) return null;
        }

        foreach (var move in Moves)
        {
            if (move.Index < 0 || !changes.TryAdd(move.Name, new Change(null, move.Index))) return null;
        }

        return Placed(from.AsSpan(), changes, name);
    }

    /// <summary>What has a place of its own stands there; the others fill the gaps, in their order.</summary>
    private EquatableArray<T>? Placed(ReadOnlySpan<T> from, Dictionary<string, Change> changes, Func<T, string> name)
    {
        List<T> staying = new(from.Length);
        List<(int Index, T Item)> placed = [];
        var (removed, replaced) = (0, 0);
        foreach (var item in from)
        {
            if (!changes.TryGetValue(name(item), out var change)) staying.Add(item);
            else if (change is { Item: null, Index: < 0 }) removed++;
            else if (change.Item is null) placed.Add((change.Index, item));
            else if (change.Index < 0 && ++replaced > 0) staying.Add(change.Item);
        }

        var moved = placed.Count;
        foreach (var put in Puts)
        {
            if (put.Index >= 0) placed.Add((put.Index, put.Item));
        }

        if (removed != Removals.Count || moved != Moves.Count || replaced + placed.Count - moved != Puts.Count) return null;
        var result = new T?[staying.Count + placed.Count];
        foreach (var (index, item) in placed)
        {
            if (!TryPlace(result, index, item)) return null;
        }

        var next = 0;
        for (var i = 0; i < result.Length; i++) result[i] ??= staying[next++];
        return new EquatableArray<T>(result!);
    }

    private static bool TryPlace(T?[] result, int index, T item)
    {
        if ((uint)index >= (uint)result.Length || result[index] is not null) return false;
        result[index] = item;
        return true;
    }

    private static bool Same(T one, T other) => ReferenceEquals(one, other) || one.Equals(other);

    /// <summary>What is to become of the object with a name: replaced by or new with an item, moved to an index without one, removed without both.</summary>
    private readonly record struct Change(T? Item, int Index);

    /// <summary>The differing middle of two lists.</summary>
    private ref struct Difference(Func<T, string> name, int start, ReadOnlySpan<T> old, ReadOnlySpan<T> now)
    {
        private readonly ReadOnlySpan<T> _old = old;
        private readonly ReadOnlySpan<T> _now = now;

        public readonly SectionDelta<T> Result()
        {
            Dictionary<string, int> before = new(_old.Length, StringComparer.Ordinal);
            for (var i = 0; i < _old.Length; i++) before.Add(name(_old[i]), i);
            List<Put<T>> puts = [];
            List<(int Old, int Index, string Name)> common = [];
            HashSet<string> staying = new(_now.Length, StringComparer.Ordinal);
            for (var i = 0; i < _now.Length; i++)
            {
                var item = _now[i];
                if (!before.TryGetValue(name(item), out var at))
                {
                    puts.Add(new Put<T>(item, start + i));
                    continue;
                }

                staying.Add(name(item));
                common.Add((at, start + i, name(item)));
            }

            var moved = Moved(common);
            foreach (var (at, index, itemName) in common)
            {
                var item = _now[index - start];
                if (Same(_old[at], item)) continue;
                // What changed and stands elsewhere too is put there; nothing is left to be moved.
                puts.Add(new Put<T>(item, moved.Remove(itemName) ? index : -1));
            }

            return Joined(puts, before.Keys.Where(n => !staying.Contains(n)), common.Where(c => moved.Contains(c.Name)));
        }

        private static SectionDelta<T> Joined(List<Put<T>> puts, IEnumerable<string> removed, IEnumerable<(int Old, int Index, string Name)> moved) => new()
        {
            Puts = [.. puts],
            Removals = [.. removed],
            Moves = [.. moved.Select(m => new Move(m.Name, m.Index))],
        };

        /// <summary>Names that are not in their old order: all but those of a longest increasing run.</summary>
        private static HashSet<string> Moved(List<(int Old, int Index, string Name)> common)
        {
            HashSet<string> moved = new(StringComparer.Ordinal);
            List<int> tails = [];
            var previous = new int[common.Count];
            for (var i = 0; i < common.Count; i++)
            {
                var (low, high) = (0, tails.Count);
                while (low < high)
                {
                    var middle = (low + high) / 2;
                    if (common[tails[middle]].Old < common[i].Old) low = middle + 1;
                    else high = middle;
                }

                previous[i] = low == 0 ? -1 : tails[low - 1];
                if (low == tails.Count) tails.Add(i);
                else tails[low] = i;
            }

            if (tails.Count == common.Count) return moved;
            foreach (var (_, _, itemName) in common) moved.Add(itemName);
            for (var i = tails.Count == 0 ? -1 : tails[^1]; i >= 0; i = previous[i]) moved.Remove(common[i].Name);
            return moved;
        }
    }
}
