using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Http1;

/// <summary>Reads the body of one message as its head framed it, in place and in whatever pieces it comes.</summary>
internal struct BodyReader
{
    private ChunkReader _chunks;
    private long _left;

    /// <summary>How it ends.</summary>
    public BodyFraming Framing { get; private set; }

    /// <summary>Bytes of content that were read.</summary>
    public long Bytes { get; private set; }

    /// <summary>All of it was read.</summary>
    public bool IsDone { get; private set; }

    /// <summary>What was wrong with a chunk.</summary>
    public readonly ChunkFault Fault => _chunks.Fault;

    /// <summary>Trailer lines to pass on, once it is done.</summary>
    public readonly ReadOnlySpan<byte> Trailers => _chunks.Trailers is { } trailers ? trailers.Lines : default;

    /// <summary>Bytes that are still to come of a body that says its length; 0 for others.</summary>
    public readonly long Left => _left;

    /// <summary>So many bytes of a body that says its length went by unread.</summary>
    public void Skip(int count)
    {
        Bytes += count;
        _left -= count;
        IsDone = _left == 0;
    }

    /// <summary>How much to read at once so that a body that says its length is not read beyond by more than a byte, which tells that there was more.</summary>
    public readonly int ReadSize(int most) => Framing == BodyFraming.Length ? (int)Math.Min(most, _left + 1) : most;

    /// <summary>Begins with a message.</summary>
    public void Begin(MessageHead head, TrailerPool trailers)
    {
        Framing = head.Framing;
        Bytes = 0;
        _left = Framing == BodyFraming.Length ? head.ContentLength : 0;
        IsDone = Framing == BodyFraming.None;
        if (Framing == BodyFraming.Chunked) _chunks = new ChunkReader(trailers);
    }

    /// <summary>Reads what came. False: it breaks a rule.</summary>
    /// <param name="buffer">What came; the content stands at its front afterwards.</param>
    /// <param name="consumed">Bytes that belong to the body.</param>
    /// <param name="produced">Bytes of content.</param>
    public bool Read(Span<byte> buffer, out int consumed, out int produced)
    {
        if (Framing == BodyFraming.Chunked)
        {
            var status = _chunks.Read(buffer, out consumed, out produced);
            Bytes += produced;
            IsDone = status == ChunkStatus.Done;
            return status != ChunkStatus.Invalid;
        }

        consumed = produced = Framing == BodyFraming.UntilClose ? buffer.Length : (int)Math.Min(_left, buffer.Length);
        Bytes += produced;
        if (Framing == BodyFraming.UntilClose) return true;
        _left -= produced;
        IsDone = _left == 0;
        return true;
    }

    /// <summary>The connection ended: with a body that ends so it is done. False: it was cut off.</summary>
    public bool End() => IsDone = IsDone || Framing == BodyFraming.UntilClose;

    /// <summary>Gives back what it holds.</summary>
    public void Reset()
    {
        if (Framing == BodyFraming.Chunked) _chunks.Reset();
        Framing = BodyFraming.None;
    }
}
