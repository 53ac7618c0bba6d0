namespace Gatehouse.Wire.Http1;

/// <summary>
/// Decodes a chunked body in place, strictly, in whatever pieces it comes. Lives in a connection between reads and must not be copied
/// while a body is being read. <c>default</c> reads with <see cref="ChunkLimits.Default"/> and leaves trailers out.
/// </summary>
/// <remarks>
/// <code>
/// chunked-body = *chunk last-chunk trailer-section CRLF          RFC 9112 §7.1
/// chunk        = 1*HEXDIG [ chunk-ext ] CRLF data CRLF
/// last-chunk   = 1*"0" [ chunk-ext ] CRLF
/// chunk-ext    = *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )
/// </code>
/// Extensions are validated and dropped. No byte is ever read twice, so that work is linear in the bytes however they are split.
/// </remarks>
public struct ChunkReader
{
    private readonly ChunkLimits? _limits;
    private readonly TrailerPool? _pool;
    private TrailerBuffer? _trailers;
    private long _left;
    private int _digits;
    private int _extensionBytes;
    private int _messageExtensionBytes;
    private int _trailerBytes;
    private int _trailerFields;
    private int _nameLength;
    private State _state;

    /// <param name="limits">What is read at most beside data.</param>
    public ChunkReader(ChunkLimits limits) => _limits = limits;

    /// <param name="pool">Where a buffer for trailers is taken from if there are any. Its limits hold.</param>
    public ChunkReader(TrailerPool pool)
    {
        _limits = pool.Limits;
        _pool = pool;
    }

    private enum State : byte
    {
        Size,
        SizeMore,
        SizeBlank,
        ExtensionWait,
        ExtensionNameStart,
        ExtensionName,
        ExtensionNameEnd,
        ExtensionValueStart,
        ExtensionToken,
        ExtensionQuoted,
        ExtensionQuotedPair,
        ExtensionEnd,
        SizeLineFeed,
        Data,
        DataReturn,
        DataLineFeed,
        TrailerStart,
        TrailerName,
        TrailerValue,
        TrailerLineFeed,
        EndLineFeed,
        Done,
        Invalid,
    }

    /// <summary>Which rule was broken; none unless the status is <see cref="ChunkStatus.Invalid"/>.</summary>
    public ChunkFault Fault { get; private set; }

    /// <summary>Where the reader stands.</summary>
    public readonly ChunkStatus Status => _state switch
    {
        State.Done => ChunkStatus.Done,
        State.Invalid => ChunkStatus.Invalid,
        _ => ChunkStatus.NeedMore,
    };

    /// <summary>Bytes of data that the chunk that is being read still has: with a limit on bodies, a reason to stop before they come.</summary>
    public readonly long ChunkLeft => _state == State.Data ? _left : 0;

    /// <summary>The trailers that may be passed on; null if there are none or none are wanted. Read it when the status is done, before <see cref="Reset"/>.</summary>
    public readonly TrailerBuffer? Trailers => _trailers;

    private readonly ChunkLimits Limits => _limits ?? ChunkLimits.Default;

    /// <summary>Makes the reader ready for another body, and gives the trailers' buffer back. To be called also when a connection ends.</summary>
    public void Reset()
    {
        ReturnTrailers();
        _left = 0;
        _digits = _extensionBytes = _messageExtensionBytes = _trailerBytes = _trailerFields = _nameLength = 0;
        _state = State.Size;
        Fault = ChunkFault.None;
    }

    /// <summary>Decodes what is there.</summary>
    /// <param name="buffer">Bytes of the body; afterwards the data is at its front.</param>
    /// <param name="consumed">
    /// How many bytes were read: all if the body goes on; if it is done, up to its end; if it is invalid, up to the first byte that is wrong.
    /// </param>
    /// <param name="produced">How many bytes of data are at the front of the buffer now; also those before a fault.</param>
    public ChunkStatus Read(Span<byte> buffer, out int consumed, out int produced)
    {
        consumed = 0;
        produced = 0;
        while (consumed < buffer.Length && _state < State.Done)
        {
            if (_state == State.Data)
            {
                var count = (int)Math.Min(_left, buffer.Length - consumed);
                if (produced != consumed)
                {
                    buffer.Slice(consumed, count).CopyTo(buffer[produced..]);
                }

                consumed += count;
                produced += count;
                _left -= count;
                _state = _left == 0 ? State.DataReturn : State.Data;
                continue;
            }

            _state = Next(buffer[consumed]);
            consumed += _state == State.Invalid ? 0 : 1;
        }

        return Status;
    }

    private State Next(byte value) => _state switch
    {
        State.Size => HttpBytes.HexValue(value) >= 0 ? Digit(value) : FailSize(value, ChunkFault.SizeMissing),
        State.SizeMore => AfterDigit(value),
        State.SizeBlank => AfterBlank(value),
        >= State.ExtensionWait and <= State.ExtensionEnd => Extension(value),
        State.SizeLineFeed => value != '\n' ? Fail(ChunkFault.BareCarriageReturn) : BeginData(),
        State.DataReturn => value == '\r' ? State.DataLineFeed : Fail(ChunkFault.DataEnd),
        State.DataLineFeed => value == '\n' ? BeginSize() : Fail(ChunkFault.DataEnd),
        >= State.TrailerStart and <= State.TrailerLineFeed => Trailer(value),
        _ => value == '\n' ? State.Done : Fail(ChunkFault.BareCarriageReturn),
    };

    private State BeginSize()
    {
        _digits = 0;
        _extensionBytes = 0;
        return State.Size;
    }

    private readonly State BeginData() => _left == 0 ? State.TrailerStart : State.Data;

    private State Digit(byte value)
    {
        if (++_digits > ChunkLimits.SizeDigits)
        {
            return Fail(ChunkFault.SizeTooLong);
        }

        if (_left > long.MaxValue >> 4)
        {
            return Fail(ChunkFault.SizeOverflow);
        }

        _left = (_left << 4) | (uint)HttpBytes.HexValue(value);
        return State.SizeMore;
    }

    private State AfterDigit(byte value) => value switch
    {
        (byte)'\r' => State.SizeLineFeed,
        (byte)';' or (byte)' ' or (byte)'\t' => CountExtension(value == ';' ? State.ExtensionNameStart : State.SizeBlank),
        _ => HttpBytes.HexValue(value) >= 0 ? Digit(value) : FailSize(value, ChunkFault.SizeDigit),
    };

    /// <summary>Whitespace may stand between a size and the <c>;</c> of an extension, but it is none by itself.</summary>
    private State AfterBlank(byte value) => value switch
    {
        (byte)';' => CountExtension(State.ExtensionNameStart),
        (byte)' ' or (byte)'\t' => CountExtension(State.SizeBlank),
        _ => FailSize(value, ChunkFault.SizeDigit),
    };

    private State FailSize(byte value, ChunkFault fault) => Fail(value == '\n' ? ChunkFault.BareLineFeed : fault);

    /// <summary>One byte behind the size and before its CR. Whitespace is bad but allowed around <c>;</c> and <c>=</c>, never before CR.</summary>
    private State Extension(byte value)
    {
        if (value == '\r' && _state is State.ExtensionName or State.ExtensionToken or State.ExtensionEnd)
        {
            return State.SizeLineFeed;
        }

        var isBlank = value is (byte)' ' or (byte)'\t';
        var isToken = HttpBytes.IsToken(value);
        State? next = _state switch
        {
            State.ExtensionQuoted when value == '"' => State.ExtensionEnd,
            State.ExtensionQuoted when value == '\\' => State.ExtensionQuotedPair,
            State.ExtensionQuoted or State.ExtensionQuotedPair when HttpBytes.IsFieldValue(value) => State.ExtensionQuoted,
            State.ExtensionNameStart or State.ExtensionName when isToken => State.ExtensionName,
            State.ExtensionValueStart or State.ExtensionToken when isToken => State.ExtensionToken,
            State.ExtensionValueStart when value == '"' => State.ExtensionQuoted,
            State.ExtensionNameStart or State.ExtensionNameEnd or State.ExtensionValueStart or State.ExtensionWait when isBlank => _state,
            State.ExtensionName when isBlank => State.ExtensionNameEnd,
            State.ExtensionToken or State.ExtensionEnd when isBlank => State.ExtensionWait,
            State.ExtensionName or State.ExtensionNameEnd when value == '=' => State.ExtensionValueStart,
            State.ExtensionName or State.ExtensionNameEnd or State.ExtensionToken or State.ExtensionEnd or State.ExtensionWait when value == ';'
                => State.ExtensionNameStart,
            _ => null,
        };
        return next is { } found
            ? CountExtension(found)
            : Fail(value switch
            {
                (byte)'\n' => ChunkFault.BareLineFeed,
                (byte)'\r' when _state is State.ExtensionQuoted or State.ExtensionQuotedPair => ChunkFault.BareCarriageReturn,
                _ => ChunkFault.Extension,
            });
    }

    private State CountExtension(State next)
    {
        if (++_extensionBytes > Limits.ExtensionBytes)
        {
            return Fail(ChunkFault.ExtensionTooLong);
        }

        return ++_messageExtensionBytes > Limits.MessageExtensionBytes ? Fail(ChunkFault.ExtensionsTooLong) : next;
    }

    private State Trailer(byte value)
    {
        switch (_state)
        {
            case State.TrailerStart when value == '\r':
                return State.EndLineFeed;
            case State.TrailerStart when value is (byte)' ' or (byte)'\t':
                return Fail(ChunkFault.TrailerFolded);
            case State.TrailerStart:
                return BeginTrailer(value);
            case State.TrailerName when HttpBytes.IsToken(value):
                _nameLength++;
                return Keep(value, State.TrailerName);
            case State.TrailerName when value == ':':
                return Keep(value, State.TrailerValue);
            case State.TrailerName:
                return Fail(TrailerNameFault(value));
            case State.TrailerValue when value == '\r':
                return Keep(value, State.TrailerLineFeed);
            case State.TrailerValue when HttpBytes.IsFieldValue(value):
                return Keep(value, State.TrailerValue);
            case State.TrailerValue:
                return Fail(value == '\n' ? ChunkFault.BareLineFeed : ChunkFault.TrailerValue);
            default:
                return value == '\n' ? EndTrailer() : Fail(ChunkFault.BareCarriageReturn);
        }
    }

    private State BeginTrailer(byte value)
    {
        if (!HttpBytes.IsToken(value))
        {
            return Fail(TrailerNameFault(value));
        }

        if (++_trailerFields > Limits.TrailerFields)
        {
            return Fail(ChunkFault.TrailerFields);
        }

        _nameLength = 1;
        _trailers ??= _pool?.Take();
        return Keep(value, State.TrailerName);
    }

    private State EndTrailer()
    {
        var next = Keep((byte)'\n', State.TrailerStart);
        if (next == State.TrailerStart)
        {
            _trailers?.EndLine(_nameLength);
        }

        return next;
    }

    private State Keep(byte value, State next)
    {
        if (++_trailerBytes > Limits.TrailerBytes)
        {
            return Fail(ChunkFault.TrailerBytes);
        }

        _trailers?.Append(value);
        return next;
    }

    private static ChunkFault TrailerNameFault(byte value) => value switch
    {
        (byte)'\n' => ChunkFault.BareLineFeed,
        (byte)' ' or (byte)'\t' => ChunkFault.TrailerSpaceBeforeColon,
        _ => ChunkFault.TrailerName,
    };

    private State Fail(ChunkFault fault)
    {
        Fault = fault;
        ReturnTrailers();
        return State.Invalid;
    }

    private void ReturnTrailers()
    {
        if (_trailers is { } trailers)
        {
            _trailers = null;
            _pool!.Return(trailers);
        }
    }
}
