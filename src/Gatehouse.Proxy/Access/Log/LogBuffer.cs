namespace Gatehouse.Proxy.Access.Log;

/// <summary>
/// Lines of one loop on their way to the thread that writes them: two halves, of which the loop fills one while the other thread reads what of it is whole, and then the other. Neither
/// waits for the other and nothing is locked: each writes fields that the other only reads. When both are full lines are dropped and counted.
/// </summary>
/// <remarks>
/// The loop changes to the other half when the reader stands in the loop's own, for then the reader is done with the other; the reader follows when it has read all of the half that the
/// loop has left.
/// </remarks>
internal sealed class LogBuffer
{
    /// <summary>Bytes of each half.</summary>
    public const int Capacity = 1 << 20;

    /// <summary>The longest line.</summary>
    public const int LongestLine = 32 * 1024;

    // While the reader keeps up only the beginnings of the halves are used, which stay in the processor's cache.
    private const int Early = 128 * 1024;

    private readonly byte[][] _halves = [GC.AllocateUninitializedArray<byte>(Capacity, pinned: true), GC.AllocateUninitializedArray<byte>(Capacity, pinned: true)];
    private readonly int[] _whole = new int[2]; // Of each half: written by the loop.
    private volatile int _filling; // Written by the loop.
    private volatile int _reading; // Written by the reader.
    private int _length;
    private int _readLength;
    private long _lines;
    private long _dropped;

    /// <summary>Lines that were written. Any thread may read it.</summary>
    public long Lines => Volatile.Read(ref _lines);

    /// <summary>Lines for which there was no room, or that were too long. Any thread may read it.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>The loop's: half of what there is room for is used.</summary>
    public bool IsHalfFull => _length >= Capacity / 2;

    /// <summary>The loop's: room for one line; empty when there is none.</summary>
    public Span<byte> Room()
    {
        if (_length + LongestLine > Capacity && !TryChange())
        {
            Drop();
            return default;
        }

        return _halves[_filling].AsSpan(_length, LongestLine);
    }

    /// <summary>The loop's: a line of so many bytes stands in the room.</summary>
    public void Add(int length)
    {
        _length += length;
        Volatile.Write(ref _lines, _lines + 1);
        Volatile.Write(ref _whole[_filling], _length);
    }

    /// <summary>The loop's: a line is not written.</summary>
    public void Drop() => Volatile.Write(ref _dropped, _dropped + 1);

    /// <summary>The loop's, after a turn in which something was added.</summary>
    public void EndTurn()
    {
        if (_length >= Early) _ = TryChange();
    }

    /// <summary>The reader's: whole lines that it has not taken yet; empty when there are none.</summary>
    public ReadOnlySpan<byte> Peek()
    {
        while (true)
        {
            var half = _reading;
            var hasLeft = _filling != half; // Read before the length: what the loop added before it left is then seen.
            var whole = Volatile.Read(ref _whole[half]);
            if (whole > _readLength) return _halves[half].AsSpan(_readLength, whole - _readLength);
            if (!hasLeft) return default;
            _readLength = 0;
            _reading = 1 - half;
        }
    }

    /// <summary>The reader's: it has taken what it saw.</summary>
    public void Take(int length) => _readLength += length;

    private bool TryChange()
    {
        if (_reading != _filling) return false;
        var other = 1 - _filling;
        Volatile.Write(ref _whole[other], 0);
        _length = 0;
        _filling = other;
        return true;
    }
}
