using System.Buffers;
using System.Text;

namespace Gatehouse.Store.Sqlite;

/// <summary>
/// The file: one row for each revision, appended; rows that a compaction made unreachable are deleted later, in small portions. The whole present state
/// follows from reading the rows in order, so there is no index to keep.
/// </summary>
/// <remarks>Used by one thread at a time.</remarks>
internal sealed class Journal : IDisposable
{
    /// <summary>"GHst" in the file's header: a file of somebody else is not touched.</summary>
    public const int ApplicationId = 0x47487374;

    /// <summary>Of the tables below.</summary>
    public const int FormatVersion = 1;

    private readonly Database _database;
    private readonly Statement _begin;
    private readonly Statement _insert;
    private readonly Statement _delete;
    private readonly Statement _head;
    private readonly Statement _commit;

    private Journal(Database database, JournalHead head)
    {
        _database = database;
        Head = head;
        _begin = database.Prepare("BEGIN IMMEDIATE");
        _insert = database.Prepare("INSERT INTO log(revision, created, key, value, checksum) VALUES(?1, ?2, ?3, ?4, ?5)");
        _delete = database.Prepare("DELETE FROM log WHERE revision = ?1");
        _head = database.Prepare("UPDATE head SET revision = ?1, compacted = ?2, rows = ?3, sum = ?4, checksum = ?5 WHERE id = 0");
        _commit = database.Prepare("COMMIT");
    }

    /// <summary>As of the last commit.</summary>
    public JournalHead Head { get; private set; }

    /// <summary>Takes a connection whose file was read and found whole.</summary>
    public static Journal Continue(Database database, JournalHead head) => new(database, head);

    /// <summary>Makes the tables in an empty file. One transaction: after a crash the file has all of it or is still empty.</summary>
    public static JournalHead Create(Database database)
    {
        var head = JournalHead.New();
        database.Execute("PRAGMA page_size = 4096");
        database.Execute("PRAGMA synchronous = FULL");
        database.Execute("BEGIN EXCLUSIVE");
        database.Execute($"PRAGMA application_id = {ApplicationId}");
        database.Execute($"PRAGMA user_version = {FormatVersion}");
        database.Execute("""
            CREATE TABLE log(
              revision INTEGER PRIMARY KEY,
              created INTEGER NOT NULL,
              key TEXT NOT NULL,
              value BLOB,
              checksum INTEGER NOT NULL)
            """);
        database.Execute("""
            CREATE TABLE head(
              id INTEGER PRIMARY KEY CHECK(id = 0),
              store TEXT NOT NULL,
              revision INTEGER NOT NULL,
              compacted INTEGER NOT NULL,
              rows INTEGER NOT NULL,
              sum INTEGER NOT NULL,
              checksum INTEGER NOT NULL)
            """);
        database.Execute($"INSERT INTO head VALUES(0, '{head.StoreId}', 0, 0, 0, 0, {head.Checksum})");
        database.Execute("COMMIT");
        return head;
    }

    /// <summary>
    /// Appends changes, moves the compacted revision and deletes dead rows, in one durable transaction. Returns the pages that it put into the log.
    /// </summary>
    /// <exception cref="SqliteFault">Nothing of it was kept, unless <see cref="SqliteFault.LeavesDiskUnknown"/>.</exception>
    public int Commit(IReadOnlyList<StoreEvent> changes, long compacted, ReadOnlySpan<DeadRow> dead)
    {
        var head = Head with { Compacted = compacted };
        try
        {
            _begin.Run();
            for (var i = 0; i < changes.Count; i++) head = head.With(changes[i].Revision, Insert(changes[i]));
            foreach (ref readonly var row in dead)
            {
                _delete.Bind(1, row.Revision).Run();
                if (_database.Changes != 1) throw new SqliteFault(SQLitePCL.raw.SQLITE_CORRUPT, "deleting", $"row {row.Revision} is missing");
                head = head.Without(row);
            }

            _head.Bind(1, head.Revision).Bind(2, head.Compacted).Bind(3, head.Rows).Bind(4, head.Sum).Bind(5, head.Checksum).Run();
            _commit.Run();
        }
        catch (SqliteFault)
        {
            RollBack();
            throw;
        }

        Head = head;
        return _database.TakePagesWritten();
    }

    public static uint ChecksumOf(string key, in ReadOnlyMemory<byte>? value, long revision, long created)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(StoreLimits.KeyBytes);
        var length = Encoding.UTF8.GetBytes(key, buffer);
        var checksum = RowChecksum.Of(revision, created, buffer.AsSpan(0, length), value is { } bytes ? bytes.Span : default, isDelete: value is null);
        ArrayPool<byte>.Shared.Return(buffer);
        return checksum;
    }

    /// <summary>The revision that created a change's key; 0 for a delete.</summary>
    public static long CreatedBy(StoreEvent change) => change.Value is null ? 0 : change.Previous?.CreateRevision ?? change.Revision;

    public void CheckpointOnClose(bool value) => _database.CheckpointOnClose(value);

    public void Dispose() => _database.Dispose();

    private uint Insert(StoreEvent change)
    {
        Span<byte> buffer = stackalloc byte[StoreLimits.KeyBytes];
        var key = buffer[..Encoding.UTF8.GetBytes(change.Key, buffer)];
        var created = CreatedBy(change);
        var checksum = RowChecksum.Of(change.Revision, created, key, change.Value is { } bytes ? bytes.Span : default, isDelete: change.Value is null);
        _insert.Bind(1, change.Revision).Bind(2, created).BindText(3, key).BindBlob(4, change.Value).Bind(5, checksum).Run();
        return checksum;
    }

    private void RollBack()
    {
        // SQLite ends the transaction itself after some errors; a failing rollback leaves nothing committed either.
        if (!_database.InTransaction) return;
        try
        {
            _database.Execute("ROLLBACK");
        }
        catch (SqliteFault)
        {
            // The fault that led here is the one to report.
        }
    }
}
