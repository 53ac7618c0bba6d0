using System.Buffers.Binary;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Wire.ProxyProtocol;

/// <summary>Reads version 1: <c>PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n</c>, byte by byte, so that it fails at the first that is wrong.</summary>
internal ref struct ProxyLine
{
    /// <summary>The longest line, CRLF included.</summary>
    public const int MaxLength = 107;

    private readonly ReadOnlySpan<byte> _bytes;
    private int _at;
    private ProxyFault _fault;

    private ProxyLine(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    public static ProxyStatus Read(ReadOnlySpan<byte> bytes, out ProxyHeader header, out int consumed, out ProxyFault fault)
    {
        var line = new ProxyLine(bytes);
        var complete = line.TryRead(out header);
        consumed = complete ? line._at : 0;
        fault = line._fault;
        return complete ? ProxyStatus.Complete : fault == ProxyFault.None ? ProxyStatus.Incomplete : ProxyStatus.Invalid;
    }

    private bool TryRead(out ProxyHeader header)
    {
        header = new ProxyHeader { Command = ProxyCommand.Proxy };
        if (!Expect("PROXY "u8, ProxyFault.Signature) || !Peek(out var first))
        {
            return false;
        }

        if (first == 'U')
        {
            return Expect("UNKNOWN"u8, ProxyFault.Protocol) && SkipToEnd();
        }

        if (!Expect("TCP"u8, ProxyFault.Protocol) || !Peek(out var family))
        {
            return false;
        }

        if (family is not ((byte)'4' or (byte)'6'))
        {
            return Fail(ProxyFault.Protocol);
        }

        _at++;
        Span<byte> addresses = stackalloc byte[32];
        var size = family == '4' ? 4 : 16;
        var source = addresses[..size];
        var destination = addresses.Slice(size, size);
        if (!Expect(" "u8, ProxyFault.Protocol) || !Address(source) || !Expect(" "u8, ProxyFault.Address) || !Address(destination)
            || !Expect(" "u8, ProxyFault.Address) || !Port(out var sourcePort) || !Expect(" "u8, ProxyFault.Port)
            || !Port(out var destinationPort) || !Expect("\r\n"u8, ProxyFault.LineEnd))
        {
            return false;
        }

        header = header with { Source = new(source, sourcePort), Destination = new(destination, destinationPort) };
        return true;
    }

    /// <summary>What stands behind UNKNOWN is to be ignored, up to the line's end.</summary>
    private bool SkipToEnd()
    {
        if (!Peek(out var value))
        {
            return false;
        }

        if (value is not ((byte)' ' or (byte)'\r'))
        {
            return Fail(ProxyFault.Protocol);
        }

        while (Peek(out value))
        {
            if (value == '\r')
            {
                return Expect("\r\n"u8, ProxyFault.LineEnd);
            }

            if (value is < 0x20 or >= 0x7F)
            {
                return Fail(ProxyFault.LineEnd);
            }

            _at++;
        }

        return false;
    }

    private bool Address(scoped Span<byte> address) => address.Length == 4 ? Address4(address) : Address6(address);

    private bool Address4(scoped Span<byte> address)
    {
        for (var i = 0; i < 4; i++)
        {
            if ((i > 0 && !Expect("."u8, ProxyFault.Address)) || !Number(byte.MaxValue, ProxyFault.Address, out var octet))
            {
                return false;
            }

            address[i] = (byte)octet;
        }

        return true;
    }

    private bool Port(out ushort port)
    {
        var read = Number(ushort.MaxValue, ProxyFault.Port, out var number);
        port = (ushort)number;
        return read;
    }

    /// <summary>A decimal number without leading zeros; it ends before the first byte that is no digit, which must be there.</summary>
    private bool Number(int most, ProxyFault fault, out int number)
    {
        number = 0;
        for (var digits = 0; Peek(out var value); digits++)
        {
            if (!char.IsAsciiDigit((char)value))
            {
                return digits > 0 || Fail(fault);
            }

            number = (number * 10) + value - '0';
            if (number > most || (digits > 0 && number < 10))
            {
                return Fail(fault);
            }

            _at++;
        }

        return false;
    }

    /// <summary>RFC 4291 §2.2: eight groups, one <c>::</c> in place of one or more of zeros, the last 32 bits maybe in dotted decimal.</summary>
    private bool Address6(scoped Span<byte> address)
    {
        var groups = 0;
        var gap = -1;
        address.Clear();
        if (!Peek(out var value))
        {
            return false;
        }

        if (value == ':')
        {
            if (!Expect("::"u8, ProxyFault.Address) || !Peek(out value))
            {
                return false;
            }

            gap = 0;
        }

        while (value != ' ' || gap != groups)
        {
            if (!Group(address, ref groups, gap, out value))
            {
                return false;
            }

            if (value == ' ')
            {
                break;
            }

            _at++; // Group saw to it that this is a colon.
            if (!Peek(out value))
            {
                return false;
            }

            if (value == ':')
            {
                if (gap >= 0)
                {
                    return Fail(ProxyFault.Address);
                }

                gap = groups;
                _at++;
                if (!Peek(out value))
                {
                    return false;
                }
            }
        }

        return CloseGap(address, groups, gap);
    }

    /// <summary>One group of hexadecimal digits, or the dotted end; <paramref name="next"/> is the space or colon behind it.</summary>
    private bool Group(scoped Span<byte> address, ref int groups, int gap, out byte next)
    {
        var start = _at;
        var most = gap < 0 ? 8 : 7;
        var number = 0;
        while (Peek(out next))
        {
            var digits = _at - start;
            if (HttpBytes.HexValue(next) is >= 0 and var digit)
            {
                if (digits == 4 || groups == most)
                {
                    return Fail(ProxyFault.Address);
                }

                number = (number << 4) | digit;
                _at++;
            }
            else if (next == '.' && digits > 0 && (gap < 0 ? groups == 6 : groups <= 5))
            {
                _at = start;
                groups += 2;
                return Address4(address.Slice((groups - 2) * 2, 4)) && Peek(out next) && (next == ' ' || Fail(ProxyFault.Address));
            }
            else if (digits == 0 || next is not ((byte)' ' or (byte)':'))
            {
                return Fail(ProxyFault.Address);
            }
            else
            {
                BinaryPrimitives.WriteUInt16BigEndian(address[(groups * 2)..], (ushort)number);
                groups++;
                return next == ' ' || groups < most || Fail(ProxyFault.Address);
            }
        }

        return false;
    }

    private bool CloseGap(scoped Span<byte> address, int groups, int gap)
    {
        if (gap < 0)
        {
            return groups == 8 || Fail(ProxyFault.Address);
        }

        var behind = (groups - gap) * 2;
        var moved = address.Slice(gap * 2, behind);
        moved.CopyTo(address[^behind..]);
        address[(gap * 2)..^behind].Clear();
        return true;
    }

    private bool Expect(ReadOnlySpan<byte> text, ProxyFault fault)
    {
        foreach (var expected in text)
        {
            if (!Peek(out var value))
            {
                return false;
            }

            if (value != expected)
            {
                return Fail(fault);
            }

            _at++;
        }

        return true;
    }

    /// <summary>The next byte. False: there is none yet, or with this one the line would be too long.</summary>
    private bool Peek(out byte value)
    {
        value = 0;
        if (_at >= _bytes.Length)
        {
            return false;
        }

        value = _bytes[_at];
        return _at < MaxLength - 2 || value == (_at == MaxLength - 2 ? '\r' : '\n') || Fail(ProxyFault.TooLong);
    }

    private bool Fail(ProxyFault fault)
    {
        _fault = fault;
        return false;
    }
}
