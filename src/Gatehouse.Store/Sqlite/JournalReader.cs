using System.Globalization;
using System.Text;
using Gatehouse.Store.Ledger;
using SQLitePCL;

namespace Gatehouse.Store.Sqlite;

/// <summary>What a file holds.</summary>
/// <param name="Dead">Rows that a compaction left for later.</param>
internal sealed record JournalContents(JournalHead Head, LedgerState State, List<DeadRow> Dead);

/// <summary>Reads a file whole and believes nothing: SQLite's structure, each row's checksum, that no row is missing, that the revisions have no gap.</summary>
/// <exception cref="StoreDamagedException">From every method: says which check failed and where.</exception>
internal sealed class JournalReader(Database database, string path)
{
    private readonly Dictionary<string, StoreEntry> _present = new(StringComparer.Ordinal);
    private readonly List<StoreEvent> _changes = [];
    private readonly List<DeadRow> _dead = [];
    private long _rows;
    private long _sum;

    /// <summary>False for a file without tables; throws for a file of another program or of a newer version.</summary>
    public bool IsStore()
    {
        var application = Number("PRAGMA application_id");
        if (application == 0 && Number("SELECT count(*) FROM sqlite_master") == 0) return false;
        if (application != Journal.ApplicationId) throw Damaged($"it is an SQLite file of another program (application id {application:x})");
        var version = Number("PRAGMA user_version");
        if (version != Journal.FormatVersion) throw Damaged($"its format is version {version}; this program reads version {Journal.FormatVersion}");
        return true;
    }

    public JournalContents Read()
    {
        var check = database.Execute("PRAGMA quick_check(1)");
        if (check != "ok") throw Damaged($"SQLite's check says: {check}");
        var head = ReadHead();
        ReadRows(head);
        if (_rows != head.Rows || _sum != head.Sum) throw Damaged($"it has {_rows} rows where {head.Rows} were written, or other ones");
        var last = head.Compacted + _changes.Count;
        if (last != head.Revision) throw Damaged($"the last row is revision {last}, but {head.Revision} was written");

        var keys = KeyTable.Empty.Union(_present.Values.OrderBy(entry => entry.Key, StringComparer.Ordinal));
        return new JournalContents(head, new LedgerState(keys, History.StartingAt(head.Compacted).Append(_changes), _present.Values.Sum(KeyTable.Size)), _dead);
    }

    private JournalHead ReadHead()
    {
        using var select = database.Prepare("SELECT store, revision, compacted, rows, sum, checksum FROM head WHERE id = 0");
        if (!select.Step()) throw Damaged("its head row is missing");
        var head = new JournalHead(select.Text(0), select.Int64(1), select.Int64(2), select.Int64(3), select.Int64(4));
        if (select.Int64(5) != head.Checksum) throw Damaged("its head row does not match its checksum");
        return head;
    }

    private void ReadRows(JournalHead head)
    {
        using var select = database.Prepare("SELECT revision, created, key, value, checksum FROM log ORDER BY revision");
        while (select.Step())
        {
            var revision = select.Int64(0);
            var created = select.Int64(1);
            var key = select.Blob(2);
            var isDelete = select.Type(3) == raw.SQLITE_NULL;
            var value = select.Blob(3);
            var checksum = RowChecksum.Of(revision, created, key, value, isDelete);
            if (select.Int64(4) != checksum) throw Damaged($"the row of revision {revision} does not match its checksum");
            _rows++;
            _sum = unchecked(_sum + RowChecksum.Share(revision, checksum));

            var stored = isDelete ? default(ReadOnlyMemory<byte>?) : value.ToArray();
            var change = new StoreEvent(revision, Encoding.UTF8.GetString(key), stored, Previous: null);
            if (revision <= head.Compacted) TakePast(change, created, checksum);
            else TakeChange(change, created, head.Compacted + _changes.Count + 1);
        }
    }

    // Rows up to the compacted revision say what was there; those that a later one overwrote are dead.
    private void TakePast(StoreEvent row, long created, uint checksum)
    {
        if (_present.Remove(row.Key!, out var overwritten)) _dead.Add(DeadRows.Of(overwritten));
        if (row.Value is { } value) _present[row.Key!] = new StoreEntry(row.Key!, value, row.Revision, created);
        else _dead.Add(new DeadRow(row.Revision, checksum));
    }

    private void TakeChange(StoreEvent row, long created, long expected)
    {
        if (row.Revision != expected) throw Damaged($"revision {expected} is missing");
        _present.Remove(row.Key!, out var previous);
        _changes.Add(row with { Previous = previous });
        if (row.Value is { } value) _present[row.Key!] = new StoreEntry(row.Key!, value, row.Revision, created);
    }

    private long Number(string sql) => long.Parse(database.Execute(sql) ?? "0", CultureInfo.InvariantCulture);

    private StoreDamagedException Damaged(string what) => new(path, what);
}
