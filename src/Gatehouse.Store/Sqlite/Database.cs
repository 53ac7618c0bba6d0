using SQLitePCL;

namespace Gatehouse.Store.Sqlite;

/// <summary>SQLite refused an act.</summary>
/// <param name="code">Extended result code, https://www.sqlite.org/rescode.html.</param>
internal sealed class SqliteFault(int code, string act, string message) : Exception($"{act}: {message} (SQLite code {code})")
{
    public int Code { get; } = code;

    /// <summary>The file's contents are at fault, not the disk.</summary>
    public bool IsDamage => Code == IoErrShortRead || (Code & 0xff) is not (Full or raw.SQLITE_IOERR or raw.SQLITE_CANTOPEN or raw.SQLITE_READONLY
        or raw.SQLITE_PERM or raw.SQLITE_BUSY or raw.SQLITE_LOCKED or raw.SQLITE_NOMEM or raw.SQLITE_AUTH or raw.SQLITE_PROTOCOL);

    public bool IsFull => (Code & 0xff) == Full;

    /// <summary>After a failed sync nobody knows what is on the disk, and a second sync would not tell (the kernel has dropped the pages).</summary>
    public bool LeavesDiskUnknown => Code is IoErrFsync or IoErrDirFsync;

    private const int Full = raw.SQLITE_FULL;
    private const int IoErrShortRead = raw.SQLITE_IOERR | (2 << 8);
    private const int IoErrFsync = raw.SQLITE_IOERR | (4 << 8);
    private const int IoErrDirFsync = raw.SQLITE_IOERR | (5 << 8);
}

/// <summary>One connection, by SQLite's own calls: at a thousand commits a second a layer above them is seen in the profile.</summary>
/// <remarks>Used by one thread at a time.</remarks>
internal sealed class Database : IDisposable
{
    private const int NoCheckpointOnClose = 1006;
    private const int CacheWrite = 9;

    private readonly List<Statement> _statements = [];

    static Database() => Batteries_V2.Init();

    private Database(sqlite3 handle) => Handle = handle;

    public sqlite3 Handle { get; }

    /// <summary>Opens an existing file, or an empty one.</summary>
    public static Database Open(string path)
    {
        var code = raw.sqlite3_open_v2(path, out var handle, raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_NOMUTEX, null);
        var database = new Database(handle);
        try
        {
            database.Check(code, "opening");
            raw.sqlite3_extended_result_codes(handle, 1);
            // A program that reads the file beside us (a backup, a person) delays a commit; it does not fail it.
            raw.sqlite3_busy_timeout(handle, 5000);
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Whether the last connection to close moves the log into the file and removes it. False while the log is evidence.</summary>
    public void CheckpointOnClose(bool value) => raw.sqlite3_db_config(Handle, NoCheckpointOnClose, value ? 0 : 1, out _);

    public bool InTransaction => raw.sqlite3_get_autocommit(Handle) == 0;

    /// <summary>How many pages this connection wrote since it was last asked.</summary>
    public int TakePagesWritten()
    {
        raw.sqlite3_db_status(Handle, CacheWrite, out var pages, out _, resetFlg: 1);
        return pages;
    }

    public int Changes => raw.sqlite3_changes(Handle);

    public Statement Prepare(string sql)
    {
        Check(raw.sqlite3_prepare_v2(Handle, sql, out var statement), sql);
        var prepared = new Statement(this, statement, sql);
        _statements.Add(prepared);
        return prepared;
    }

    /// <summary>Runs one statement to its end and gives the first column of its first row, as text; null without a row.</summary>
    public string? Execute(string sql)
    {
        Check(raw.sqlite3_prepare_v2(Handle, sql, out var statement), sql);
        using (statement)
        {
            string? first = null;
            for (var row = 0; ; row++)
            {
                var code = raw.sqlite3_step(statement);
                if (code == raw.SQLITE_DONE) return first;
                if (code != raw.SQLITE_ROW) Check(code, sql);
                if (row == 0) first = raw.sqlite3_column_text(statement, 0).utf8_to_string();
            }
        }
    }

    /// <summary>Throws <see cref="SqliteFault"/> unless the code is OK.</summary>
    public void Check(int code, string act)
    {
        if (code == raw.SQLITE_OK) return;
        var extended = Handle is null ? code : raw.sqlite3_extended_errcode(Handle);
        throw new SqliteFault((extended & 0xff) == (code & 0xff) ? extended : code, act, raw.sqlite3_errmsg(Handle).utf8_to_string());
    }

    public void Dispose()
    {
        foreach (var statement in _statements) statement.Dispose();
        Handle.manual_close_v2();
    }
}

/// <summary>A prepared statement; parameters and columns count as SQLite counts them, from 1 and from 0.</summary>
internal sealed class Statement(Database database, sqlite3_stmt handle, string sql) : IDisposable
{
    public Statement Bind(int index, long value)
    {
        database.Check(raw.sqlite3_bind_int64(handle, index, value), sql);
        return this;
    }

    /// <summary>UTF-8 text.</summary>
    public Statement BindText(int index, ReadOnlySpan<byte> utf8)
    {
        database.Check(raw.sqlite3_bind_text(handle, index, utf8), sql);
        return this;
    }

    public Statement BindBlob(int index, ReadOnlyMemory<byte>? value)
    {
        var code = value switch
        {
            null => raw.sqlite3_bind_null(handle, index),
            // An empty span would be bound as NULL, which means deleted.
            { IsEmpty: true } => raw.sqlite3_bind_zeroblob(handle, index, 0),
            { } bytes => raw.sqlite3_bind_blob(handle, index, bytes.Span),
        };
        database.Check(code, sql);
        return this;
    }

    /// <summary>Runs a statement that gives no rows.</summary>
    public void Run()
    {
        var code = raw.sqlite3_step(handle);
        var reset = raw.sqlite3_reset(handle);
        if (code != raw.SQLITE_DONE) database.Check(reset == raw.SQLITE_OK ? code : reset, sql);
    }

    /// <summary>The next row; false after the last.</summary>
    public bool Step()
    {
        var code = raw.sqlite3_step(handle);
        if (code == raw.SQLITE_ROW) return true;
        var reset = raw.sqlite3_reset(handle);
        if (code != raw.SQLITE_DONE) database.Check(reset == raw.SQLITE_OK ? code : reset, sql);
        return false;
    }

    public long Int64(int column) => raw.sqlite3_column_int64(handle, column);

    public string Text(int column) => raw.sqlite3_column_text(handle, column).utf8_to_string() ?? "";

    /// <summary>Valid until the next step.</summary>
    public ReadOnlySpan<byte> Blob(int column) => raw.sqlite3_column_blob(handle, column);

    public int Type(int column) => raw.sqlite3_column_type(handle, column);

    public void Dispose() => handle.Dispose();
}
