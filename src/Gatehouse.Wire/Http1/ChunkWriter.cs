namespace Gatehouse.Wire.Http1;

/// <summary>Writes the framing of a chunked body (RFC 9112 §7.1) around data that is already where it has to be.</summary>
public static class ChunkWriter
{
    /// <summary>Bytes that the size line of any chunk needs.</summary>
    public const int MaxHeadroom = 18;

    /// <summary>Bytes that the size line of a chunk in one buffer (up to 2^31-1) needs.</summary>
    public const int Headroom = 10;

    /// <summary>Ends a chunk's data, and a trailer section.</summary>
    public static ReadOnlySpan<byte> LineEnd => "\r\n"u8;

    /// <summary>The last chunk, without trailers: the whole end of a body.</summary>
    public static ReadOnlySpan<byte> End => "0\r\n\r\n"u8;

    /// <summary>The last chunk alone; trailer lines and <see cref="LineEnd"/> follow.</summary>
    public static ReadOnlySpan<byte> LastChunk => "0\r\n"u8;

    /// <summary>Writes a chunk's size line so that it ends right before <paramref name="end"/>, and returns where it begins.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The size is not above 0 (an empty chunk would end the body), or there is no place before <paramref name="end"/>.
    /// </exception>
    public static int WriteSizeBefore(Span<byte> buffer, int end, long size)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(end, buffer.Length);
        var digits = 16 - (System.Numerics.BitOperations.LeadingZeroCount((ulong)size) / 4);
        var start = end - digits - 2;
        ArgumentOutOfRangeException.ThrowIfNegative(start, nameof(end));
        buffer[end - 1] = (byte)'\n';
        buffer[end - 2] = (byte)'\r';
        for (var at = end - 3; at >= start; at--, size >>= 4)
        {
            buffer[at] = "0123456789abcdef"u8[(int)size & 0xF];
        }

        return start;
    }
}
