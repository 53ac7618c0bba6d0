using System.Numerics;

namespace Gatehouse.Proxy.Loops;

/// <summary>Something that a loop calls when its time is up. One deadline at a time; it is moved for the price of a store as long as it moves away.</summary>
internal abstract class Timed
{
    internal Timed? Next;
    internal Timed? Previous;
    internal int Slot = TimerWheel.Nowhere;

    /// <summary>Milliseconds of the loop's clock; meaningful while it is in the wheel.</summary>
    internal long Deadline;

    /// <summary>The deadline has come; it is out of the wheel.</summary>
    public abstract void OnTimeout();
}

/// <summary>
/// Deadlines of one loop, in slots of 32 ms. Setting, moving and cancelling are O(1) and allocate nothing. A deadline that was moved away stays in its slot, and is put where it belongs
/// when the slot comes up: connections that move theirs with each request pay for it once in a round of the wheel.
/// </summary>
internal sealed class TimerWheel
{
    public const int Nowhere = -1;
    private const int Slots = 1_024;
    private const int TickShift = 5;

    private readonly Timed?[] _slots = new Timed?[Slots];
    private readonly ulong[] _occupied = new ulong[Slots / 64];
    private long _tick;

    /// <param name="now">Milliseconds.</param>
    public TimerWheel(long now) => _tick = now >> TickShift;

    /// <summary>Sets or moves a deadline.</summary>
    public void Set(Timed timed, long deadline)
    {
        if (timed.Slot != Nowhere)
        {
            var later = deadline >= timed.Deadline;
            timed.Deadline = deadline;
            if (later) return;
            Unlink(timed);
        }

        timed.Deadline = deadline;
        Link(timed);
    }

    /// <summary>Takes a deadline back.</summary>
    public void Cancel(Timed timed)
    {
        if (timed.Slot != Nowhere) Unlink(timed);
    }

    /// <summary>Calls whose deadline has come.</summary>
    public void Advance(long now)
    {
        var target = now >> TickShift;
        if (target - _tick > Slots) _tick = target - Slots; // Once around is enough.
        while (_tick < target)
        {
            _tick++;
            Expire((int)(_tick & (Slots - 1)), now);
        }
    }

    /// <summary>Milliseconds until there may be something to call; -1 when there is nothing.</summary>
    public int NextDelay(long now)
    {
        var first = (int)((_tick + 1) & (Slots - 1));
        for (var i = 0; i <= _occupied.Length; i++)
        {
            var word = ((first >> 6) + i) & (_occupied.Length - 1);
            var bits = _occupied[word];
            if (i == 0) bits &= ulong.MaxValue << (first & 63);
            if (bits == 0) continue;
            var slot = (word << 6) + BitOperations.TrailingZeroCount(bits);
            var ticks = ((slot - first) & (Slots - 1)) + 1;
            return (int)Math.Max(0, ((_tick + ticks) << TickShift) - now);
        }

        return -1;
    }

    private void Expire(int slot, long now)
    {
        var timed = _slots[slot];
        _slots[slot] = null;
        _occupied[slot >> 6] &= ~(1UL << (slot & 63));

        // The list is taken off as a whole; what is called may set, move and cancel any of its members.
        for (var member = timed; member is not null; member = member.Next) member.Slot = Slots;
        _expiring = timed;
        while (_expiring is { } next)
        {
            Unlink(next);
            if (next.Deadline > now) Link(next);
            else next.OnTimeout();
        }
    }

    private Timed? _expiring;

    private void Link(Timed timed)
    {
        // A tick is expired when it has passed as a whole, so that nothing is called early.
        var tick = Math.Clamp((timed.Deadline >> TickShift) + 1, _tick + 1, _tick + Slots - 1);
        var slot = (int)(tick & (Slots - 1));
        timed.Slot = slot;
        timed.Previous = null;
        timed.Next = _slots[slot];
        if (timed.Next is not null) timed.Next.Previous = timed;
        _slots[slot] = timed;
        _occupied[slot >> 6] |= 1UL << (slot & 63);
    }

    private void Unlink(Timed timed)
    {
        if (timed.Next is not null) timed.Next.Previous = timed.Previous;
        if (timed.Previous is not null) timed.Previous.Next = timed.Next;
        else if (timed.Slot == Slots) _expiring = timed.Next;
        else
        {
            _slots[timed.Slot] = timed.Next;
            if (timed.Next is null) _occupied[timed.Slot >> 6] &= ~(1UL << (timed.Slot & 63));
        }

        timed.Next = timed.Previous = null;
        timed.Slot = Nowhere;
    }
}
