using System.Collections.Immutable;

namespace Gatehouse.Store.Ledger;

/// <summary>Everything that reads need, as it was after one write: present keys and the history before them.</summary>
/// <param name="Bytes">Of present keys and values.</param>
internal sealed record LedgerState(ImmutableSortedSet<StoreEntry> Keys, History History, long Bytes)
{
    public static LedgerState Empty { get; } = new(KeyTable.Empty, History.StartingAt(0), Bytes: 0);

    public long Revision => History.Last;

    public StoreEntry? Get(string key, long revision)
    {
        var present = Keys.Find(key);
        if (revision == 0 || present is not null && present.Revision <= revision && revision <= Revision && revision >= History.Compacted) return present;
        ThrowIfUnreadable(revision);
        for (var r = revision + 1; r <= Revision; r++)
        {
            if (string.Equals(History[r].Key, key, StringComparison.Ordinal)) return History[r].Previous;
        }

        return present;
    }

    public StoreList List(in ListRequest request)
    {
        var revision = request.Revision == 0 ? Revision : request.Revision;
        ThrowIfUnreadable(revision);
        if (request.Limit < 0) throw new ArgumentException($"limit {request.Limit} is not valid: 0 for all, or more", nameof(request));

        var start = Keys.Rank(request.Prefix);
        var end = Keys.RankAfterPrefix(request.Prefix);
        if (request.StartAfter is { } after) start = Math.Clamp(Keys.Rank(after) + (Keys.Find(after) is null ? 0 : 1), start, end);

        var changed = ChangedSince(revision, request.Prefix, request.StartAfter);
        return changed.Count == 0 ? PresentPage(start, end, request.Limit, revision) : PastPage(start, end, request.Limit, revision, changed);
    }

    /// <summary>The changes after <paramref name="cursor"/> under a prefix, at most <paramref name="limit"/>, and how far the search got.</summary>
    public long Collect(string prefix, long cursor, int limit, List<StoreEvent> into)
    {
        if (cursor < History.Compacted) throw new RevisionCompactedException(cursor, History.Compacted);
        var revision = cursor;
        while (revision < Revision && into.Count < limit)
        {
            var change = History[++revision];
            if (change.Key!.StartsWith(prefix, StringComparison.Ordinal)) into.Add(change);
        }

        return revision;
    }

    private void ThrowIfUnreadable(long revision)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(revision);
        if (revision < History.Compacted) throw new RevisionCompactedException(revision, History.Compacted);
        if (revision > Revision) throw new RevisionAheadException(revision, Revision);
    }

    // What the keys that changed after a revision were at it; null for those that did not exist.
    private SortedDictionary<string, StoreEntry?> ChangedSince(long revision, string prefix, string? startAfter)
    {
        var changed = new SortedDictionary<string, StoreEntry?>(StringComparer.Ordinal);
        for (var r = revision + 1; r <= Revision; r++)
        {
            var change = History[r];
            if (!change.Key!.StartsWith(prefix, StringComparison.Ordinal)) continue;
            if (startAfter is not null && string.CompareOrdinal(change.Key, startAfter) <= 0) continue;
            changed.TryAdd(change.Key, change.Previous);
        }

        return changed;
    }

    private StoreList PresentPage(int start, int end, int limit, long revision)
    {
        var count = limit == 0 ? end - start : Math.Min(limit, end - start);
        var entries = new StoreEntry[count];
        for (var i = 0; i < count; i++) entries[i] = Keys[start + i];
        return new StoreList(entries, revision, end - start - count);
    }

    private StoreList PastPage(int start, int end, int limit, long revision, SortedDictionary<string, StoreEntry?> changed)
    {
        // Of the present keys those that changed don't count as they are now, but as they were.
        var total = end - start - changed.Keys.Count(key => Keys.Find(key) is not null) + changed.Values.Count(past => past is not null);
        var count = limit == 0 ? total : Math.Min(limit, total);
        var entries = new List<StoreEntry>(count);
        using var past = changed.Values.Where(entry => entry is not null).GetEnumerator();
        var pastLeft = past.MoveNext();
        for (var present = start; entries.Count < count;)
        {
            var entry = present < end ? Keys[present] : null;
            if (entry is not null && changed.ContainsKey(entry.Key))
            {
                present++;
            }
            else if (pastLeft && (entry is null || string.CompareOrdinal(past.Current!.Key, entry.Key) < 0))
            {
                entries.Add(past.Current!);
                pastLeft = past.MoveNext();
            }
            else
            {
                entries.Add(entry!);
                present++;
            }
        }

        return new StoreList(entries, revision, total - count);
    }
}
