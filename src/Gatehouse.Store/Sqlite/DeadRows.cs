using Gatehouse.Store.Ledger;

namespace Gatehouse.Store.Sqlite;

/// <summary>Rows of the file that a compaction made unreachable, deleted in portions so that no commit waits for many.</summary>
internal sealed class DeadRows(List<DeadRow> left)
{
    // In descending order: portions are taken from the end, so that neighbours in the file go together.
    private readonly List<DeadRow> _rows = Sorted(left);

    public int Count => _rows.Count;

    public static DeadRow Of(StoreEntry overwritten) => new(
        overwritten.Revision,
        Journal.ChecksumOf(overwritten.Key, overwritten.Value, overwritten.Revision, overwritten.CreateRevision));

    /// <summary>Adds what a compaction from the history's compacted revision to a later one makes unreachable.</summary>
    public void Add(History history, long compactTo)
    {
        for (var revision = history.Compacted + 1; revision <= compactTo; revision++)
        {
            var change = history[revision];
            if (change.Previous is { } overwritten) _rows.Add(Of(overwritten));
            if (change.Value is null) _rows.Add(new DeadRow(revision, Journal.ChecksumOf(change.Key!, null, revision, created: 0)));
        }

        Sorted(_rows);
    }

    /// <summary>The next portion; it stays until <see cref="Taken"/>.</summary>
    public DeadRow[] Portion(int most)
    {
        var portion = _rows[^Math.Min(most, _rows.Count)..].ToArray();
        Array.Reverse(portion);
        return portion;
    }

    /// <summary>The last portion is deleted durably.</summary>
    public void Taken(int count) => _rows.RemoveRange(_rows.Count - count, count);

    private static List<DeadRow> Sorted(List<DeadRow> rows)
    {
        rows.Sort(static (x, y) => y.Revision.CompareTo(x.Revision));
        return rows;
    }
}
