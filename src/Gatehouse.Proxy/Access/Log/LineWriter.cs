using System.Buffers.Text;
using System.Runtime.CompilerServices;

namespace Gatehouse.Proxy.Access.Log;

/// <summary>Writes one line into room of a bounded size. What does not fit makes it too long, and it is not written at all.</summary>
internal ref struct LineWriter(Span<byte> room)
{
    private readonly Span<byte> _room = room;

    public int Length { get; private set; }

    /// <summary>It did not fit.</summary>
    public bool IsTooLong { get; private set; }

    /// <summary>Room that is left.</summary>
    public readonly Span<byte> Rest => _room[Length..];

    public void Advance(int count) => Length += count;

    public void Write(scoped ReadOnlySpan<byte> bytes)
    {
        if (bytes.TryCopyTo(_room[Length..])) Length += bytes.Length;
        else IsTooLong = true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(byte value)
    {
        if (Length < _room.Length) _room[Length++] = value;
        else IsTooLong = true;
    }

    public void Write(long number)
    {
        if (number is >= 0 and < 10) Write((byte)('0' + number));
        else if (Utf8Formatter.TryFormat(number, _room[Length..], out var written)) Length += written;
        else IsTooLong = true;
    }
}
