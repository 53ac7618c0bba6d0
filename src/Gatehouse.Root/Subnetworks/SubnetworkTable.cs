using Gatehouse.Addressing;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Root.Subnetworks;

/// <summary>Who leases which subnetwork: the pool behind a lock, in the words of the kind. Rebuilt from the objects at start.</summary>
internal sealed class SubnetworkTable(RootOptions options, TimeProvider time)
{
    private readonly Lock _gate = new();

    private readonly FifoPool _pool = new(new FifoPoolOptions
    {
        Name = "subnetworks",
        Count = Addressing.Subnetworks.Count,
        Quarantine = options.SubnetworkQuarantine,
        Reserved = [.. options.ReservedSubnetworks.Select(i => (UInt128)(uint)i)],
    });

    /// <summary>Leased, in quarantine, waiting for reuse.</summary>
    public (int Leased, int Quarantined, int Free) Counts
    {
        get
        {
            lock (_gate) return (_pool.Leased, _pool.Quarantined, _pool.Free);
        }
    }

    /// <summary>Takes in an object at start; leased ones have to come first.</summary>
    /// <returns>False when its index is somebody else's.</returns>
    public bool Restore(Subnetwork value)
    {
        if (value.Status is not { Range: { } range } status) return true;
        var entry = new PoolEntry((UInt128)(uint)range.Index, value.Metadata.Name, (PoolPhase)status.Phase, status.Since ?? value.Metadata.CreationTimestamp ?? default);
        lock (_gate) return range.Index >= 0 && _pool.Restore(entry);
    }

    /// <summary>Gives the owner its subnetwork, or the next.</summary>
    public AllocateOutcome Allocate(string owner)
    {
        lock (_gate) return _pool.Allocate(owner, time.GetUtcNow());
    }

    /// <summary>Undoes an allocation that was not stored.</summary>
    public void Undo(AllocateOutcome.Allocated allocated)
    {
        lock (_gate) _pool.Undo(allocated);
    }

    /// <summary>Starts the quarantine. Null when the owner leases nothing.</summary>
    /// <returns>The entry before and after.</returns>
    public (PoolEntry Before, PoolEntry After)? Release(string owner)
    {
        lock (_gate)
        {
            var before = _pool.FindOwner(owner);
            return before is not null && _pool.Release(owner, time.GetUtcNow()) is { } after ? (before, after) : null;
        }
    }

    /// <summary>Undoes a release that was not stored.</summary>
    public void Reset(PoolEntry before)
    {
        lock (_gate) _pool.Reset(before);
    }

    /// <summary>What is known of an index after quarantines whose time has come were ended.</summary>
    public PoolEntry? Find(int index)
    {
        lock (_gate)
        {
            _pool.Expire(time.GetUtcNow());
            return index < 0 ? null : _pool.Find((UInt128)(uint)index);
        }
    }

    /// <summary>The status that goes with an entry.</summary>
    public static SubnetworkStatus StatusOf(PoolEntry entry)
    {
        var index = (int)entry.Number;
        return new SubnetworkStatus
        {
            Phase = (AddressPhase)entry.Phase,
            Since = entry.Since,
            Range = new SubnetworkRange(index, Addressing.Subnetworks.Ipv4(index).ToString(), Addressing.Subnetworks.Ipv6(index).ToString()),
        };
    }
}
