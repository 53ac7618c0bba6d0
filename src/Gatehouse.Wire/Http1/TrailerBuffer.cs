namespace Gatehouse.Wire.Http1;

/// <summary>The trailer lines of one message, as they came, without those that no trailer may carry.</summary>
public sealed class TrailerBuffer
{
    private readonly byte[] _bytes;
    private int _lineStart;
    private int _length;

    internal TrailerBuffer(int bytes) => _bytes = new byte[bytes];

    /// <summary>Complete field lines, each with its CRLF; without the empty line that ends the section. Valid until the reader's next reset.</summary>
    public ReadOnlySpan<byte> Lines => _bytes.AsSpan(0, _lineStart);

    /// <summary>How many lines were left out (<see cref="TrailerNames"/>).</summary>
    public int Dropped { get; private set; }

    internal void Append(byte value)
    {
        if (_length < _bytes.Length)
        {
            _bytes[_length++] = value;
        }
    }

    /// <summary>The line is complete, of which the first bytes are the name.</summary>
    internal void EndLine(int nameLength)
    {
        if (TrailerNames.IsForbidden(_bytes.AsSpan(_lineStart, nameLength)))
        {
            _length = _lineStart;
            Dropped++;
        }
        else
        {
            _lineStart = _length;
        }
    }

    internal void Clear()
    {
        _lineStart = 0;
        _length = 0;
        Dropped = 0;
    }
}

/// <summary>
/// Buffers for the few messages that have trailers, so that the others need none. One for each loop: not safe for several threads.
/// </summary>
/// <param name="limits">Says how large a buffer is.</param>
/// <param name="idle">How many buffers are kept for later use. One that is returned above this is left to the garbage collector.</param>
public sealed class TrailerPool(ChunkLimits limits, int idle = 16)
{
    private readonly TrailerBuffer?[] _idle = new TrailerBuffer?[idle];

    /// <summary>Buffers that are kept and not in use.</summary>
    public int Idle { get; private set; }

    /// <summary>Buffers that are in use: at most one for each message that is being read.</summary>
    public int InUse { get; private set; }

    /// <summary>What its readers have to obey, too.</summary>
    public ChunkLimits Limits => limits;

    internal TrailerBuffer Take()
    {
        InUse++;
        if (Idle == 0)
        {
            return new TrailerBuffer(limits.TrailerBytes);
        }

        var buffer = _idle[--Idle]!;
        _idle[Idle] = null;
        return buffer;
    }

    internal void Return(TrailerBuffer buffer)
    {
        InUse--;
        if (Idle < _idle.Length)
        {
            buffer.Clear();
            _idle[Idle++] = buffer;
        }
    }
}

/// <summary>Which fields are never taken from a trailer section, because they would change what was decided at the head (RFC 9110 §6.5.1).</summary>
public static class TrailerNames
{
    private const int LongestName = 32;

    /// <summary>
    /// Framing, routing, request modifiers, authentication, response control, the content's format, the connection (the list of
    /// RFC 7230 §4.1.2), and what proxies say of the client.
    /// </summary>
    private static ReadOnlySpan<byte> Names =>
        " transfer-encoding host connection keep-alive te trailer upgrade authorization www-authenticate authentication-info cookie cookie2"u8 +
        " set-cookie set-cookie2 expect range accept-ranges cache-control pragma max-forwards forwarded via x-real-ip x-http-method-override"u8 +
        " age date expires location retry-after vary warning etag last-modified alt-svc origin "u8;

    /// <summary>Whether a trailer of this name must be left out. Case does not count, and <c>_</c> counts as <c>-</c>: CGI makes them one.</summary>
    public static bool IsForbidden(ReadOnlySpan<byte> name)
    {
        Span<byte> key = stackalloc byte[LongestName + 2];
        var length = Math.Min(name.Length, LongestName);
        key[0] = (byte)' ';
        for (var i = 0; i < length; i++)
        {
            key[i + 1] = name[i] switch
            {
                >= (byte)'A' and <= (byte)'Z' and var upper => (byte)(upper | 0x20),
                (byte)'_' => (byte)'-',
                var other => other,
            };
        }

        key[length + 1] = (byte)' ';
        return StartsWithForbidden(key.Slice(1, length)) || (name.Length <= LongestName && Names.IndexOf(key[..(length + 2)]) >= 0);
    }

    private static bool StartsWithForbidden(ReadOnlySpan<byte> name)
        => name.StartsWith("content-"u8) || name.StartsWith("proxy-"u8) || name.StartsWith("if-"u8) || name.StartsWith("x-forwarded-"u8)
            || name.StartsWith("x-original-"u8) || name.StartsWith("sec-"u8) || name.StartsWith("access-control-"u8);
}
