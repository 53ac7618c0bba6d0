namespace Gatehouse.Store;

/// <summary>
/// The revisioned log under the API server: keys with opaque values, every write a new revision of the whole store, watch from any revision that is not
/// compacted. The three implementations (<c>Sqlite/</c>, <c>Memory/</c>, later <c>Etcd/</c>) pass one conformance suite.
/// </summary>
/// <remarks>
/// Safe for any thread. Semantics follow etcd v3: revisions are global, start at 1 for the first write and grow by one with each write. What the store
/// can't do because of its disk throws <see cref="StoreException"/>; what the caller asked wrongly throws <see cref="ArgumentException"/>.
/// </remarks>
public interface IRevisionStore : IAsyncDisposable
{
    /// <summary>
    /// <c>STORE.HISTORY</c>. The store's part is made with it: one that was started empty in another's place is known by it. The history's part changes when a copy was put back
    /// without the file that marks what was acknowledged: revisions of before mean nothing any more.
    /// </summary>
    string Id { get; }

    /// <summary>The revision of the last acknowledged write; 0 when there was none.</summary>
    long Revision { get; }

    /// <summary>The oldest revision that reads and watches can still ask for.</summary>
    long CompactedRevision { get; }

    /// <summary>Creates, replaces or deletes one key, durably: when it returns <see cref="WriteResult.Written"/>, the write survives a power cut.</summary>
    /// <param name="cancellation">Counts until the write is queued; after that the write runs to its end, so that its outcome is known.</param>
    /// <returns>A value, never an exception, for a conflict; with the key's present state. Deleting a key that is not there changes nothing.</returns>
    /// <exception cref="ArgumentException">The key or value is outside its limits.</exception>
    /// <exception cref="StoreFullException">The store holds as much as it may.</exception>
    /// <exception cref="StoreUnavailableException">The disk refused; the store goes on reading, and takes writes again when the disk does.</exception>
    ValueTask<WriteResult> WriteAsync(StoreWrite write, CancellationToken cancellation);

    /// <summary>One key at a revision; null when it did not exist then.</summary>
    /// <param name="revision">0 for the latest.</param>
    /// <exception cref="RevisionCompactedException">The revision is gone.</exception>
    /// <exception cref="RevisionAheadException">The revision was not written yet.</exception>
    ValueTask<StoreEntry?> GetAsync(string key, long revision, CancellationToken cancellation);

    /// <summary>The keys that start with the request's prefix, in ordinal order, as they were at one revision.</summary>
    /// <exception cref="RevisionCompactedException">The revision is gone.</exception>
    /// <exception cref="RevisionAheadException">The revision was not written yet.</exception>
    ValueTask<StoreList> ListAsync(ListRequest request, CancellationToken cancellation);

    /// <summary>
    /// Every write under <paramref name="prefix"/> with a revision greater than <paramref name="afterRevision"/>, in order, without gap or repeat; then those to come.
    /// Items with <see cref="StoreEvent.Key"/> null only say that everything up to their revision was delivered (progress, for bookmarks).
    /// </summary>
    /// <remarks>
    /// A reader that is too slow for its bounded buffer is fed from the history instead, and fails only when the history is compacted past it. A start
    /// beyond <see cref="Revision"/> waits for it. The sequence ends when the store is disposed.
    /// </remarks>
    /// <exception cref="RevisionCompactedException">The start is gone, or the reader was too slow for the bounded history; it must list again.</exception>
    IAsyncEnumerable<StoreEvent> WatchAsync(string prefix, long afterRevision, CancellationToken cancellation);

    /// <summary>Forgets what was overwritten at or before a revision; that revision itself can still be read. Latest values always stay.</summary>
    /// <exception cref="RevisionAheadException">The revision was not written yet.</exception>
    ValueTask CompactAsync(long revision, CancellationToken cancellation);
}

/// <summary>One write.</summary>
/// <param name="Key">1 to 1,024 bytes in UTF-8, without NUL or lone surrogates.</param>
/// <param name="Value">
/// Null deletes; beware that a null array, or <c>b ? memory : null</c>, converts to an empty value instead. At most 1.5 MiB (etcd's limit for one
/// request). It may be changed again when the write has ended.
/// </param>
/// <param name="ExpectedRevision">The key's last revision as the writer knows it; 0: the key must not exist; null: whatever is there.</param>
public readonly record struct StoreWrite(string Key, ReadOnlyMemory<byte>? Value, long? ExpectedRevision);

/// <summary>How a write ended.</summary>
/// <param name="Written">False: the expectation did not hold and nothing changed.</param>
/// <param name="Revision">The write's revision, or the store's when nothing changed.</param>
/// <param name="Current">On conflict, what is there; null when nothing is.</param>
public readonly record struct WriteResult(bool Written, long Revision, StoreEntry? Current);

/// <summary>A key's value at its last write.</summary>
/// <param name="Revision">Of the write that made this value.</param>
/// <param name="CreateRevision">Of the write that created the key.</param>
public sealed record StoreEntry(string Key, ReadOnlyMemory<byte> Value, long Revision, long CreateRevision);

/// <summary>What to list.</summary>
/// <param name="Revision">0 for the latest.</param>
/// <param name="Limit">0 for all.</param>
/// <param name="StartAfter">The last key of the page before; null for the first page.</param>
public readonly record struct ListRequest(string Prefix, long Revision = 0, int Limit = 0, string? StartAfter = null);

/// <summary>A page.</summary>
/// <param name="Revision">The revision that the page shows.</param>
/// <param name="Remaining">How many keys follow the page.</param>
public sealed record StoreList(IReadOnlyList<StoreEntry> Entries, long Revision, long Remaining);

/// <summary>One change.</summary>
/// <param name="Revision">Of the change.</param>
/// <param name="Key">Null for progress.</param>
/// <param name="Value">Null for a delete.</param>
/// <param name="Previous">The value before; null for a create. Known unless it was compacted.</param>
public sealed record StoreEvent(long Revision, string? Key, ReadOnlyMemory<byte>? Value, StoreEntry? Previous);

/// <summary>A read or watch asked for a revision that is gone. The caller lists again (HTTP 410).</summary>
public sealed class RevisionCompactedException(long asked, long oldest)
    : Exception($"revision {asked} is compacted; the oldest is {oldest}")
{
    public long Asked { get; } = asked;

    public long Oldest { get; } = oldest;
}

/// <summary>A read asked for a revision that was not written yet, for example one from before a backup was restored.</summary>
public sealed class RevisionAheadException(long asked, long latest)
    : Exception($"revision {asked} was not written yet; the latest is {latest}")
{
    public long Asked { get; } = asked;

    public long Latest { get; } = latest;
}
