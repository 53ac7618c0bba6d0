namespace Gatehouse.Wire.Tls;

/// <summary>
/// Finds what a TLS client asks for in the first bytes of its connection, without taking part in the handshake: the hello is put together
/// from its records in a place that the caller gives, and read there. Lives in a connection until it is done. <c>default</c> begins.
/// </summary>
/// <remarks>
/// <code>
/// record    = 22, version(2), length(2), part of a handshake message      RFC 8446 §5.1
/// handshake = 1, length(3), ClientHello                                   RFC 8446 §4
/// </code>
/// </remarks>
public struct ClientHelloReader
{
    /// <summary>The longest hello that is read, its 4 bytes of handshake header included: what a scratch should have.</summary>
    public const int MaxLength = 16 * 1024;

    /// <summary>The most records that a hello may come in.</summary>
    public const int MaxRecords = 64;

    /// <summary>The most bytes of a connection that are needed to come to an end.</summary>
    public const int MaxBytes = MaxLength + (MaxRecords * RecordHeader);

    private const int RecordHeader = 5;
    private const int LongestRecord = 1 << 14;
    private const int HandshakeHeader = 4;
    private const byte HandshakeRecord = 22;
    private const byte TlsMajor = 3;

    private int _read;
    private int _assembled;
    private int _recordLeft;
    private int _records;
    private HelloStatus _status;

    /// <summary>Which rule was broken; none unless the status is <see cref="HelloStatus.NotTls"/> or <see cref="HelloStatus.Invalid"/>.</summary>
    public HelloFault Fault { get; private set; }

    /// <summary>Reads on. What was read before is not read again.</summary>
    /// <param name="bytes">All bytes of the connection from its first on, as far as they are there.</param>
    /// <param name="scratch">Where the hello is put together: the same place for all calls, untouched between them. At most its length is read.</param>
    /// <param name="hello">What the client asks for, if the status is complete.</param>
    public HelloStatus Read(ReadOnlySpan<byte> bytes, Span<byte> scratch, out ClientHello hello)
    {
        hello = default;
        while (_status == HelloStatus.Incomplete && _read < bytes.Length)
        {
            if (_recordLeft == 0)
            {
                if (!TryBeginRecord(bytes[_read..]))
                {
                    break;
                }
            }
            else
            {
                Assemble(bytes, scratch, ref hello);
            }
        }

        return _status;
    }

    /// <summary>Takes a record's header when it is there; what is wrong in it is seen at the first byte that shows it.</summary>
    private bool TryBeginRecord(ReadOnlySpan<byte> header)
    {
        if (_records == MaxRecords)
        {
            return Fail(HelloFault.TooManyRecords);
        }

        if (header[0] != HandshakeRecord || (header.Length > 1 && header[1] != TlsMajor))
        {
            return Fail(_records == 0 ? HelloFault.NotTls : HelloFault.RecordType);
        }

        if (header.Length < RecordHeader)
        {
            return false;
        }

        var length = (header[3] << 8) | header[4];
        if (length is 0 or > LongestRecord)
        {
            return Fail(HelloFault.RecordLength);
        }

        _records++;
        _recordLeft = length;
        _read += RecordHeader;
        return true;
    }

    /// <summary>Takes what is there of the record: first the handshake's header, which says how long the hello is, then the hello.</summary>
    private void Assemble(ReadOnlySpan<byte> bytes, Span<byte> scratch, ref ClientHello hello)
    {
        var limit = Math.Min(scratch.Length, MaxLength);
        if (limit < HandshakeHeader)
        {
            Fail(HelloFault.TooLong);
            return;
        }

        var wanted = _assembled < HandshakeHeader ? HandshakeHeader : TotalLength(scratch);
        var count = Math.Min(Math.Min(_recordLeft, bytes.Length - _read), wanted - _assembled);
        bytes.Slice(_read, count).CopyTo(scratch[_assembled..]);
        _read += count;
        _recordLeft -= count;
        _assembled += count;
        if (scratch[0] != 1)
        {
            Fail(HelloFault.NotClientHello);
        }
        else if (_assembled >= HandshakeHeader && TotalLength(scratch) > limit)
        {
            Fail(HelloFault.TooLong);
        }
        else if (_assembled >= HandshakeHeader && _assembled == TotalLength(scratch))
        {
            Finish(scratch[.._assembled], ref hello);
        }
    }

    private void Finish(Span<byte> message, ref ClientHello hello)
    {
        if (_recordLeft != 0)
        {
            Fail(HelloFault.Trailing);
            return;
        }

        var fault = ClientHelloBody.Read(message, HandshakeHeader, out hello);
        if (fault != HelloFault.None)
        {
            hello = default;
            Fail(fault);
            return;
        }

        _status = HelloStatus.Complete;
    }

    private static int TotalLength(ReadOnlySpan<byte> scratch) => HandshakeHeader + ((scratch[1] << 16) | (scratch[2] << 8) | scratch[3]);

    private bool Fail(HelloFault fault)
    {
        Fault = fault;
        _status = fault == HelloFault.NotTls ? HelloStatus.NotTls : HelloStatus.Invalid;
        return false;
    }
}
