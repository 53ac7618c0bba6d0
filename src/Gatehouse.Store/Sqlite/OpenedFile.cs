namespace Gatehouse.Store.Sqlite;

/// <summary>A store's file, locked, read and found whole; two connections, for the writer and for the checkpoints.</summary>
internal sealed record OpenedFile(StoreLock Lock, Database Database, Database Checkpoints, JournalContents Contents)
{
    /// <inheritdoc cref="SqliteStore.OpenAsync"/>
    public static OpenedFile Open(string path)
    {
        try
        {
            MakeDirectory(Path.GetDirectoryName(path)!);
            var taken = StoreLock.Take(path);
            try
            {
                return Open(path, taken);
            }
            catch
            {
                taken.Dispose();
                throw;
            }
        }
        catch (SqliteFault fault)
        {
            throw fault.IsDamage
                ? new StoreDamagedException(path, fault.Message, fault)
                : new StoreUnavailableException(path, $"it can't be opened: {fault.Message}", cause: fault);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StoreUnavailableException(path, $"it can't be opened: {e.Message}", cause: e);
        }
    }

    private static OpenedFile Open(string path, StoreLock taken)
    {
        var mark = taken.ReadMark(path);
        MakeFile(path, mark);
        var database = Database.Open(path);
        Database? checkpoints = null;
        try
        {
            // Until the file is believed, closing must not touch the log: it may be all that is left.
            database.CheckpointOnClose(false);
            var contents = Read(database, path);
            Compare(path, mark, contents.Head);
            Configure(database);
            checkpoints = Database.Open(path);
            Configure(checkpoints);
            database.CheckpointOnClose(true);
            taken.WriteMark(contents.Head.StoreId, contents.Head.Revision);
            taken.Sync();
            return new OpenedFile(taken, database, checkpoints, contents);
        }
        catch
        {
            checkpoints?.Dispose();
            database.Dispose();
            throw;
        }
    }

    private static JournalContents Read(Database database, string path)
    {
        database.Execute("PRAGMA trusted_schema = OFF");
        database.Execute("PRAGMA cell_size_check = ON");
        var reader = new JournalReader(database, path);
        if (!reader.IsStore()) Journal.Create(database);
        return reader.Read();
    }

    private static void Configure(Database database)
    {
        var mode = database.Execute("PRAGMA journal_mode = WAL");
        if (mode != "wal") throw new SqliteFault(SQLitePCL.raw.SQLITE_CANTOPEN, "switching to write-ahead logging", $"the mode stays '{mode}'");
        database.Execute("PRAGMA synchronous = FULL");
        database.Execute("PRAGMA wal_autocheckpoint = 0");
        database.Execute("PRAGMA secure_delete = OFF");
        database.Execute("PRAGMA cache_size = -16384");
        database.Execute("PRAGMA mmap_size = 0");
    }

    // The file may not be older than what was acknowledged.
    private static void Compare(string path, (string StoreId, long Revision)? mark, JournalHead head)
    {
        if (mark is not { } acknowledged) return;
        const string remedy = "If that is what you want (a restored backup, say), delete the .lock file and start again";
        if (acknowledged.StoreId != head.StoreId)
        {
            throw new StoreDamagedException(path, $"it is another store than the one that {StoreLock.PathOf(path)} was written for. {remedy}");
        }

        if (acknowledged.Revision > head.Revision)
        {
            throw new StoreDamagedException(path, $"it ends at revision {head.Revision}, but {acknowledged.Revision} was acknowledged: the file or its log "
                + $"({path}-wal) was cut, removed, altered or replaced by an older one. {remedy}");
        }
    }

    private static void MakeDirectory(string directory)
    {
        if (!Directory.Exists(directory))
        {
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private static void MakeFile(string path, (string StoreId, long Revision)? mark)
    {
        var file = new FileInfo(path);
        if (mark is { } acknowledged && (!file.Exists || file.Length == 0))
        {
            throw new StoreDamagedException(
                path, $"it is missing or empty, but {StoreLock.PathOf(path)} says that it was written up to revision {acknowledged.Revision}");
        }

        if (file.Exists) return;
        // SQLite gives its side files the mode of this one; values may be secrets.
        new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }).Dispose();
    }
}
