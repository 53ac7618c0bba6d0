namespace Gatehouse.Bench.Proxy.Load;

/// <summary>Counts a request's body to its end, whole or in any pieces. It trusts its peer, which is one of the proxies that are compared.</summary>
internal struct BodyReader
{
    private enum State
    {
        None,
        Counted,
        ChunkSize,
        ChunkData,
        ChunkEnd,
        TrailerStart,
        TrailerLine,
    }

    private State _state;
    private long _left;

    /// <summary>Whether all of it was read.</summary>
    public readonly bool IsComplete => _state == State.None;

    /// <summary>Begins with what a head says.</summary>
    public static BodyReader For(ReadOnlySpan<byte> head)
    {
        if (FieldValue(head, "ontent-length: "u8) is { Length: > 0 } length) return Counted(Number(length, 10));
        return FieldValue(head, "ransfer-encoding: "u8) is { Length: > 0 } ? new() { _state = State.ChunkSize } : default;
    }

    /// <summary>Takes what belongs to the body; the number of bytes.</summary>
    public int Take(ReadOnlySpan<byte> bytes)
    {
        var at = 0;
        while (at < bytes.Length && _state != State.None)
        {
            if (_state is State.Counted or State.ChunkData)
            {
                var taken = (int)Math.Min(_left, bytes.Length - at);
                (at, _left) = (at + taken, _left - taken);
                if (_left == 0) (_state, _left) = _state == State.Counted ? (State.None, 0) : (State.ChunkEnd, 0);
            }
            else
            {
                Step(bytes[at++]);
            }
        }

        return at;
    }

    /// <summary>The value of a field, of which the name is given without its first letter, which some write large; empty when it is not there.</summary>
    public static ReadOnlySpan<byte> FieldValue(ReadOnlySpan<byte> head, ReadOnlySpan<byte> name)
    {
        var at = head.IndexOf(name);
        if (at < 0) at = IndexOfTitled(head, name);
        if (at < 0) return default;
        var value = head[(at + name.Length)..];
        return value[..value.IndexOf((byte)'\r')];
    }

    public static long Number(ReadOnlySpan<byte> digits, int @base)
    {
        var value = 0L;
        foreach (var digit in digits)
        {
            if (!char.IsAsciiHexDigit((char)digit)) break;
            value = (value * @base) + (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
        }

        return value;
    }

    private static BodyReader Counted(long length) => length == 0 ? default : new() { _state = State.Counted, _left = length };

    // "ontent-Length": the letter after the hyphen may be large too.
    private static int IndexOfTitled(ReadOnlySpan<byte> head, ReadOnlySpan<byte> name)
    {
        Span<byte> titled = stackalloc byte[name.Length];
        name.CopyTo(titled);
        titled[name.IndexOf((byte)'-') + 1] -= 32;
        return head.IndexOf(titled);
    }

    private void Step(byte value)
    {
        switch (_state)
        {
            case State.ChunkSize when value == '\n':
                _state = _left == 0 ? State.TrailerStart : State.ChunkData;
                break;
            case State.ChunkSize:
                if (char.IsAsciiHexDigit((char)value)) _left = (_left << 4) + Number([value], 16);
                break;
            case State.ChunkEnd when value == '\n':
                _state = State.ChunkSize;
                break;
            case State.TrailerStart when value == '\n':
                _state = State.None;
                break;
            case State.TrailerStart when value != '\r':
                _state = State.TrailerLine;
                break;
            case State.TrailerLine when value == '\n':
                _state = State.TrailerStart;
                break;
            default:
                break; // The carriage return before a line's end.
        }
    }
}
