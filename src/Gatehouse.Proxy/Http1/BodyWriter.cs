using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Http1;

/// <summary>Frames content anew: what one side sent in chunks is never copied with its framing to the other.</summary>
internal static class BodyWriter
{
    /// <summary>Frames content where it stands. There is room before it and after it.</summary>
    /// <param name="buffer">Where it stands.</param>
    /// <param name="at">Its start.</param>
    /// <param name="length">Its length; may be 0.</param>
    /// <param name="chunked">Whether it goes on in chunks.</param>
    /// <param name="reader">Says whether it is the last, and its trailers.</param>
    /// <returns>What to send.</returns>
    public static ReadOnlySpan<byte> Frame(Span<byte> buffer, int at, int length, bool chunked, in BodyReader reader)
    {
        if (!chunked) return buffer.Slice(at, length);
        var end = at + length;
        if (length > 0)
        {
            at = ChunkWriter.WriteSizeBefore(buffer, at, length);
            ChunkWriter.LineEnd.CopyTo(buffer[end..]);
            end += 2;
        }

        if (reader.IsDone) end += WriteEnd(buffer[end..], reader.Trailers);
        return buffer[at..end];
    }

    /// <summary>Writes content after a head. The length.</summary>
    public static int Write(Span<byte> into, ReadOnlySpan<byte> content, bool chunked, in BodyReader reader)
    {
        if (!chunked)
        {
            content.CopyTo(into);
            return content.Length;
        }

        var length = 0;
        if (content.Length > 0)
        {
            // The size is written where most sizes end, and the line moved to the front.
            var start = ChunkWriter.WriteSizeBefore(into, ChunkWriter.Headroom, content.Length);
            into[start..ChunkWriter.Headroom].CopyTo(into);
            length = ChunkWriter.Headroom - start;
            content.CopyTo(into[length..]);
            length += content.Length;
            ChunkWriter.LineEnd.CopyTo(into[length..]);
            length += 2;
        }

        return reader.IsDone ? length + WriteEnd(into[length..], reader.Trailers) : length;
    }

    private static int WriteEnd(Span<byte> into, ReadOnlySpan<byte> trailers)
    {
        if (trailers.IsEmpty)
        {
            ChunkWriter.End.CopyTo(into);
            return ChunkWriter.End.Length;
        }

        ChunkWriter.LastChunk.CopyTo(into);
        trailers.CopyTo(into[ChunkWriter.LastChunk.Length..]);
        var length = ChunkWriter.LastChunk.Length + trailers.Length;
        ChunkWriter.LineEnd.CopyTo(into[length..]);
        return length + 2;
    }
}
