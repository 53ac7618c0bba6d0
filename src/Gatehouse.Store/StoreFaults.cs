namespace Gatehouse.Store;

/// <summary>The store's disk or file is at fault, not its caller. The message names the file and says what to do.</summary>
public abstract class StoreException(string path, string message, Exception? cause) : Exception($"store {path}: {message}", cause)
{
    /// <summary>The store's file.</summary>
    public string Path { get; } = path;
}

/// <summary>
/// The file is not what was written: cut, bits flipped, replaced by an older one, or not a store. Nothing was changed on disk; nothing is served from it.
/// </summary>
public sealed class StoreDamagedException(string path, string what, Exception? cause = null)
    : StoreException(path, $"damaged: {what}. Nothing was changed. Restore the file from a backup, or move it and its side files "
        + $"({System.IO.Path.GetFileName(path)}-wal, -shm, .lock) away to start empty", cause);

/// <summary>Another process, or another store of this process, holds the file.</summary>
public sealed class StoreInUseException(string path, string holder)
    : StoreException(path, $"in use by {holder}. One process owns a store at a time: stop that one first, or choose another state directory", null);

/// <summary>The present values have reached <see cref="StoreOptions.MaxBytes"/>. Nothing was written; deletes still pass.</summary>
public sealed class StoreFullException(string path, long bytes, long limit)
    : StoreException(path, $"it would hold {bytes} bytes, and maxBytes is {limit}. Delete objects, or raise the limit", null);

/// <summary>The disk refused: full, read-only, failing, or the directory can't be used.</summary>
/// <param name="permanent">True when only a restart helps: what the disk holds is unknown.</param>
public sealed class StoreUnavailableException(string path, string what, bool permanent = false, Exception? cause = null)
    : StoreException(path, what, cause)
{
    /// <summary>True: this store takes no write until it is opened again, and a write that failed with this may or may not be there then.</summary>
    public bool Permanent { get; } = permanent;
}
