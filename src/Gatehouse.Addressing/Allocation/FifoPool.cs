namespace Gatehouse.Addressing;

/// <summary>The life of one number of a pool, once somebody had it.</summary>
public enum PoolPhase
{
    /// <summary>Somebody's.</summary>
    Leased,

    /// <summary>Given back; only its last owner can take it again before the quarantine ends.</summary>
    Quarantined,

    /// <summary>Waits to be handed out again, after all numbers that nobody ever had.</summary>
    Free,
}

/// <summary>A number that somebody has or had.</summary>
/// <param name="Number">Below the pool's count.</param>
/// <param name="Owner">Who has it, or had it last.</param>
/// <param name="Since">When it got into this phase.</param>
public sealed record PoolEntry(UInt128 Number, string Owner, PoolPhase Phase, DateTimeOffset Since);

/// <summary>
/// Hands out the numbers 0 to count - 1: first those that nobody ever had, in their order, then those that were given back, in the order in which their
/// quarantine ended. An owner that asks again gets what it has, or had and nobody took since. Every call is O(log n) in the numbers that were ever used.
/// </summary>
/// <remarks>Not safe for several threads: one owner guards it. Holds nothing but memory: its user writes entries down and brings them back with <see cref="Restore"/>.</remarks>
public sealed class FifoPool(FifoPoolOptions options)
{
    private readonly Dictionary<UInt128, PoolEntry> _entries = [];
    private readonly Dictionary<string, UInt128> _byOwner = new(StringComparer.Ordinal);
    private readonly SortedSet<(DateTimeOffset End, UInt128 Number)> _quarantine = [];
    private readonly SortedSet<(DateTimeOffset Since, UInt128 Number)> _free = [];
    private readonly SortedSet<UInt128> _returned = [];
    private readonly HashSet<UInt128> _reserved = [.. options.Reserved];
    private UInt128 _next;

    /// <summary>Numbers that somebody has.</summary>
    public int Leased { get; private set; }

    /// <summary>Numbers in quarantine.</summary>
    public int Quarantined => _quarantine.Count;

    /// <summary>Numbers that were given back and can be handed out again; less those that were reserved since.</summary>
    public int Free => _free.Count;

    /// <summary>Everything that was ever handed out, in no order.</summary>
    public IReadOnlyCollection<PoolEntry> Entries => _entries.Values;

    /// <summary>What is known of a number; null when nobody ever had it.</summary>
    public PoolEntry? Find(UInt128 number) => _entries.GetValueOrDefault(number);

    /// <summary>What an owner has or had last; null when nothing, or when somebody else has it now.</summary>
    public PoolEntry? FindOwner(string owner) => _byOwner.TryGetValue(owner, out var number) ? _entries[number] : null;

    /// <summary>When the next quarantine ends; null when none runs.</summary>
    public DateTimeOffset? NextQuarantineEnd => _quarantine.Count == 0 ? null : _quarantine.Min.End;

    /// <summary>Gives the owner its number: the one it has or had, or the next.</summary>
    public AllocateOutcome Allocate(string owner, DateTimeOffset now)
    {
        Expire(now);
        if (FindOwner(owner) is { } own && (own.Phase == PoolPhase.Leased || !_reserved.Contains(own.Number))) return Lease(own.Number, owner, now);
        return TakeNext() is { } number ? Lease(number, owner, now) : Exhausted();
    }

    /// <summary>Gives the owner the number it wants, or says why not.</summary>
    public AllocateOutcome Allocate(string owner, UInt128 wanted, DateTimeOffset now)
    {
        Expire(now);
        if (wanted >= options.Count) return new AllocateOutcome.Refused(RefusalReason.OutsideRange, null, null);
        if (_reserved.Contains(wanted)) return new AllocateOutcome.Refused(RefusalReason.Reserved, null, null);
        if (FindOwner(owner) is { Phase: PoolPhase.Leased } own && own.Number != wanted)
        {
            return new AllocateOutcome.Refused(RefusalReason.HasAnother, owner, null);
        }

        return Find(wanted) switch
        {
            { Phase: PoolPhase.Leased } e when e.Owner != owner => new AllocateOutcome.Refused(RefusalReason.Taken, e.Owner, null),
            { Phase: PoolPhase.Quarantined } e when e.Owner != owner =>
                new AllocateOutcome.Refused(RefusalReason.Quarantined, e.Owner, e.Since + options.Quarantine),
            _ => Lease(wanted, owner, now),
        };
    }

    /// <summary>Undoes an allocation that was never written down: everything is as before it.</summary>
    public void Undo(AllocateOutcome.Allocated allocated)
    {
        if (allocated.Before is { Phase: PoolPhase.Leased }) return;
        Forget(allocated.Number);
        if (allocated.Before is { } before) Put(before);
        else if (allocated.Number < _next) _returned.Add(allocated.Number);
    }

    /// <summary>Puts an entry back as it was before a <see cref="Release"/> that was never written down.</summary>
    public void Reset(PoolEntry before) => Put(before);

    /// <summary>Starts the quarantine of what an owner has.</summary>
    /// <returns>The entry in quarantine; null when the owner has nothing.</returns>
    public PoolEntry? Release(string owner, DateTimeOffset now)
    {
        if (FindOwner(owner) is not { Phase: PoolPhase.Leased } entry) return null;
        var released = entry with { Phase = PoolPhase.Quarantined, Since = now };
        Put(released);
        return released;
    }

    /// <summary>Ends the quarantines whose time has come.</summary>
    /// <returns>The entries that became free, in order; their <c>Since</c> is the end of the quarantine, not the time of this call.</returns>
    public IReadOnlyList<PoolEntry> Expire(DateTimeOffset now)
    {
        List<PoolEntry> freed = [];
        while (_quarantine.Count > 0 && _quarantine.Min.End <= now)
        {
            var (end, number) = _quarantine.Min;
            var entry = _entries[number] with { Phase = PoolPhase.Free, Since = end };
            Put(entry);
            freed.Add(entry);
        }

        return freed;
    }

    /// <summary>Brings back an entry that was written down.</summary>
    /// <returns>False when the number is not of this pool, or somebody else leases it already: the entry is not taken over.</returns>
    public bool Restore(PoolEntry entry)
    {
        if (entry.Number >= options.Count) return false;
        if (Find(entry.Number) is { } there && (there.Phase == PoolPhase.Leased || entry.Phase != PoolPhase.Leased)) return there == entry;
        Put(entry);
        return true;
    }

    private AllocateOutcome.Allocated Lease(UInt128 number, string owner, DateTimeOffset now)
    {
        var before = Find(number);
        if (before is { Phase: PoolPhase.Leased }) return new AllocateOutcome.Allocated(number, before);
        Put(new PoolEntry(number, owner, PoolPhase.Leased, now));
        return new AllocateOutcome.Allocated(number, before);
    }

    private UInt128? TakeNext()
    {
        if (_returned.Count > 0) return _returned.Min;
        while (_next < options.Count && (_entries.ContainsKey(_next) || _reserved.Contains(_next))) _next++;
        if (_next < options.Count) return _next++;
        return _free.Count > 0 ? _free.Min.Number : null;
    }

    private AllocateOutcome.Exhausted Exhausted() => new(options.Name, options.Count, Leased, Quarantined, NextQuarantineEnd);

    private void Put(PoolEntry entry)
    {
        Forget(entry.Number);
        if (_byOwner.TryGetValue(entry.Owner, out var other) && Prefers(_entries[other], entry)) Index(entry, asOwner: false);
        else Index(entry, asOwner: true);
    }

    // An owner can have left one number behind and lease another one: the lease is what it asks for, then the later of the two.
    private static bool Prefers(PoolEntry there, PoolEntry entry) =>
        entry.Phase != PoolPhase.Leased && (there.Phase == PoolPhase.Leased || there.Since > entry.Since);

    private void Index(PoolEntry entry, bool asOwner)
    {
        _entries[entry.Number] = entry;
        _returned.Remove(entry.Number);
        if (asOwner) _byOwner[entry.Owner] = entry.Number;
        if (entry.Phase == PoolPhase.Leased) Leased++;
        else if (entry.Phase == PoolPhase.Quarantined) _quarantine.Add((entry.Since + options.Quarantine, entry.Number));
        else if (!_reserved.Contains(entry.Number)) _free.Add((entry.Since, entry.Number));
    }

    private void Forget(UInt128 number)
    {
        if (!_entries.Remove(number, out var entry)) return;
        if (_byOwner.TryGetValue(entry.Owner, out var owned) && owned == number) _byOwner.Remove(entry.Owner);
        if (entry.Phase == PoolPhase.Leased) Leased--;
        _quarantine.Remove((entry.Since + options.Quarantine, number));
        _free.Remove((entry.Since, number));
    }
}

/// <summary>What a pool consists of.</summary>
public sealed record FifoPoolOptions
{
    /// <summary>For messages, for example <c>subnetworks</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Numbers are 0 to this, exclusive.</summary>
    public required UInt128 Count { get; init; }

    /// <summary>How long a number that was given back is nobody's. Default 10 minutes: longer than any flow's drain.</summary>
    public TimeSpan Quarantine { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Never handed out, neither by turn nor by wish.</summary>
    public IReadOnlyCollection<UInt128> Reserved { get; init; } = [];
}
