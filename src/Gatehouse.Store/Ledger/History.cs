namespace Gatehouse.Store.Ledger;

/// <summary>
/// The changes after the compacted revision, one for each revision. A value of this type never changes; a newer one shares its segments, since the single
/// writer only fills slots beyond what older values show.
/// </summary>
internal sealed class History
{
    private const int SegmentBits = 10;
    private const int SegmentSize = 1 << SegmentBits;

    private readonly StoreEvent[][] _segments;

    // Revision of the first slot of the first segment.
    private readonly long _origin;

    private History(StoreEvent[][] segments, long origin, long compacted, long last, long bytes)
    {
        _segments = segments;
        _origin = origin;
        Compacted = compacted;
        Last = last;
        Bytes = bytes;
    }

    /// <summary>Everything up to here is forgotten; the state at this revision can still be told.</summary>
    public long Compacted { get; }

    /// <summary>The newest change; equal to <see cref="Compacted"/> when there is none.</summary>
    public long Last { get; }

    /// <summary>What the changes after <see cref="Compacted"/> hold.</summary>
    public long Bytes { get; }

    public long Count => Last - Compacted;

    /// <summary>The change that made a revision; it must be after <see cref="Compacted"/> and not after <see cref="Last"/>.</summary>
    public StoreEvent this[long revision]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(revision, Compacted);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(revision, Last);
            var slot = revision - _origin;
            return _segments[slot >> SegmentBits][slot & (SegmentSize - 1)];
        }
    }

    public static History StartingAt(long compacted) => new([], compacted + 1, compacted, compacted, 0);

    /// <summary>With changes whose revisions follow <see cref="Last"/> one by one. Only the single writer may call it, and only on the newest history.</summary>
    public History Append(IReadOnlyList<StoreEvent> changes)
    {
        var segments = _segments;
        var bytes = Bytes;
        for (var i = 0; i < changes.Count; i++)
        {
            var slot = Last + 1 + i - _origin;
            if (slot >> SegmentBits == segments.Length) segments = [.. segments, new StoreEvent[SegmentSize]];
            segments[slot >> SegmentBits][slot & (SegmentSize - 1)] = changes[i];
            bytes += Size(changes[i]);
        }

        return new History(segments, _origin, Compacted, Last + changes.Count, bytes);
    }

    /// <summary>Without the changes up to a revision.</summary>
    public History Compact(long revision)
    {
        var bytes = Bytes;
        for (var r = Compacted + 1; r <= revision; r++) bytes -= Size(this[r]);
        var gone = (int)((revision + 1 - _origin) >> SegmentBits);
        return new History(_segments[gone..], _origin + ((long)gone << SegmentBits), revision, Last, bytes);
    }

    /// <summary>The least revision to compact to so that at most so many changes and bytes stay.</summary>
    public long CompactionFor(long maxCount, long maxBytes)
    {
        var revision = Math.Max(Compacted, Last - maxCount);
        var bytes = Bytes;
        for (var r = Compacted + 1; r <= revision; r++) bytes -= Size(this[r]);
        while (bytes > maxBytes && revision < Last) bytes -= Size(this[++revision]);
        return revision;
    }

    // A change also keeps the value before it alive, but that one is the value of an older change or is freed with this one: counted once.
    private static long Size(StoreEvent change) => EventOverhead + (2L * change.Key!.Length) + (change.Value?.Length ?? 0);

    // Event, entry and array headers on a 64-bit runtime, measured roughly.
    private const int EventOverhead = 160;
}
