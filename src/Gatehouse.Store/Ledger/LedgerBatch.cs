using System.Collections.Immutable;

namespace Gatehouse.Store.Ledger;

/// <summary>
/// Writes that will become visible together. Each is judged against the state that the ones before it leave, so that a conflict is found without asking the
/// disk; nothing is visible until <see cref="LiveLedger.Apply"/>, and a batch that the disk refused is simply dropped.
/// </summary>
/// <param name="limit">For <see cref="Bytes"/>.</param>
/// <param name="path">For messages.</param>
internal sealed class LedgerBatch(LedgerState state, long limit, string path)
{
    private readonly ImmutableSortedSet<StoreEntry>.Builder _keys = state.Keys.ToBuilder();
    private readonly List<StoreEvent> _changes = [];

    public IReadOnlyList<StoreEvent> Changes => _changes;

    /// <summary>The revision after this batch.</summary>
    public long Revision => state.Revision + _changes.Count;

    public LedgerState Base => state;

    /// <summary>Of present keys and values after this batch.</summary>
    public long Bytes { get; private set; } = state.Bytes;

    /// <summary>Takes a write, or says why it changes nothing.</summary>
    /// <exception cref="StoreFullException">The batch is as before.</exception>
    public WriteResult Add(string key, ReadOnlyMemory<byte>? value, long? expected)
    {
        var current = _keys.Find(key);
        var asExpected = expected is null || expected == (current?.Revision ?? 0);
        if (!asExpected || (value is null && current is null)) return new WriteResult(Written: false, Revision, current);

        var size = Bytes + (value is { } added ? key.Length + added.Length : 0) - KeyTable.Size(current);
        if (size > limit && size > Bytes) throw new StoreFullException(path, size, limit);
        Bytes = size;
        var revision = Revision + 1;
        _changes.Add(new StoreEvent(revision, key, value, current));
        if (current is not null) _keys.Remove(current);
        if (value is { } bytes) _keys.Add(new StoreEntry(key, bytes, revision, current?.CreateRevision ?? revision));
        return new WriteResult(Written: true, revision, Current: null);
    }

    public LedgerState Finish() => new(_keys.ToImmutable(), state.History.Append(_changes), Bytes);
}
