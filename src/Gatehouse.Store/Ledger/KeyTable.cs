using System.Collections.Immutable;

namespace Gatehouse.Store.Ledger;

/// <summary>Present keys in ordinal order; immutable, so that a list sees one revision while writes go on.</summary>
/// <remarks>A balanced tree of the BCL: lookup, seek and rank are O(log n), and a batch of writes shares the nodes it touches.</remarks>
internal static class KeyTable
{
    private static readonly IComparer<StoreEntry> Order = Comparer<StoreEntry>.Create(static (x, y) => string.CompareOrdinal(x.Key, y.Key));

    public static ImmutableSortedSet<StoreEntry> Empty { get; } = ImmutableSortedSet.Create(Order);

    /// <summary>The entry of a key, or null.</summary>
    public static StoreEntry? Find(this ImmutableSortedSet<StoreEntry> keys, string key) => keys.TryGetValue(Probe(key), out var found) ? found : null;

    /// <inheritdoc cref="Find(ImmutableSortedSet{StoreEntry},string)"/>
    public static StoreEntry? Find(this ImmutableSortedSet<StoreEntry>.Builder keys, string key) =>
        keys.TryGetValue(Probe(key), out var found) ? found : null;

    /// <summary>How many keys are less than <paramref name="key"/>.</summary>
    public static int Rank(this ImmutableSortedSet<StoreEntry> keys, string key)
    {
        var index = keys.IndexOf(Probe(key));
        return index >= 0 ? index : ~index;
    }

    /// <summary>How many keys are less than, or start with, <paramref name="prefix"/>.</summary>
    public static int RankAfterPrefix(this ImmutableSortedSet<StoreEntry> keys, string prefix) =>
        Successor(prefix) is { } next ? keys.Rank(next) : keys.Count;

    /// <summary>What an entry counts for in <see cref="StoreOptions.MaxBytes"/>.</summary>
    public static long Size(StoreEntry? entry) => entry is null ? 0 : entry.Key.Length + entry.Value.Length;

    private static StoreEntry Probe(string key) => new(key, default, 0, 0);

    // The least string that is greater than everything with the prefix; null when there is none.
    private static string? Successor(string prefix)
    {
        var length = prefix.AsSpan().TrimEnd(char.MaxValue).Length;
        return length == 0 ? null : string.Concat(prefix.AsSpan(0, length - 1), [(char)(prefix[length - 1] + 1)]);
    }
}
