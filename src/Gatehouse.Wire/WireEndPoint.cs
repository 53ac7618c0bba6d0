using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Gatehouse.Wire;

/// <summary>An address and a port as protocols carry them: a value, made and written without an allocation. <c>default</c> is no address.</summary>
public struct WireEndPoint : IEquatable<WireEndPoint>
{
    /// <summary>The longest text: <c>[</c>, 39 characters, <c>]:</c>, 5 digits.</summary>
    public const int LongestText = 47;

    private static ReadOnlySpan<byte> MappedPrefix => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF];

    private readonly Bytes _bytes;
    private readonly byte _length;

    /// <summary>An address of 4 or 16 bytes in network order.</summary>
    /// <exception cref="ArgumentException">There are neither 4 nor 16 bytes.</exception>
    public WireEndPoint(ReadOnlySpan<byte> address, ushort port)
    {
        if (address.Length is not (4 or 16))
        {
            throw new ArgumentException($"an address has 4 or 16 bytes, not {address.Length}", nameof(address));
        }

        Span<byte> bytes = _bytes;
        address.CopyTo(bytes);
        _length = (byte)address.Length;
        Port = port;
    }

    /// <summary>The same of .NET's type; a scope is left out.</summary>
    public WireEndPoint(IPEndPoint endPoint)
    {
        Span<byte> bytes = _bytes;
        endPoint.Address.TryWriteBytes(bytes, out var length);
        _length = (byte)length;
        Port = (ushort)endPoint.Port;
    }

    /// <summary>0 to 65535.</summary>
    public ushort Port { get; }

    /// <summary>Whether there is an address at all.</summary>
    public readonly bool IsSet => _length != 0;

    /// <summary>IPv6, also of an IPv4 address that is mapped into IPv6.</summary>
    public readonly bool IsV6 => _length == 16;

    /// <summary>4 or 16 bytes in network order, none if there is no address; they live as long as the variable does.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> Address => ((ReadOnlySpan<byte>)_bytes)[.._length];

    /// <summary>An IPv4 address that was mapped into IPv6 as IPv4 again; any other as it is.</summary>
    public readonly WireEndPoint Unmap() => IsV6 && Address.StartsWith(MappedPrefix) ? new WireEndPoint(Address[12..], Port) : this;

    /// <summary>An IPv4 address mapped into IPv6 (RFC 4291 §2.5.5.2); any other as it is.</summary>
    public readonly WireEndPoint MapToV6()
    {
        if (_length != 4)
        {
            return this;
        }

        Span<byte> bytes = stackalloc byte[16];
        MappedPrefix.CopyTo(bytes);
        Address.CopyTo(bytes[12..]);
        return new WireEndPoint(bytes, Port);
    }

    /// <summary>Writes the address alone, an IPv6 one without brackets. The length; 0 when there is no room or no address.</summary>
    public readonly int FormatAddress(Span<byte> text) => _length switch
    {
        4 => IpText.FormatV4(Address, text),
        16 => IpText.FormatV6(Address, text),
        _ => 0,
    };

    /// <summary>Writes <c>address:port</c>, an IPv6 address in brackets. The length; 0 when there is no room or no address.</summary>
    public readonly int Format(Span<byte> text)
    {
        if (!IsSet || text.IsEmpty)
        {
            return 0;
        }

        text[0] = (byte)'[';
        var bracket = IsV6 ? 1 : 0;
        var length = bracket + FormatAddress(text[bracket..]);
        ReadOnlySpan<byte> separator = IsV6 ? "]:"u8 : ":"u8;
        if (length == bracket || !separator.TryCopyTo(text[length..]))
        {
            return 0;
        }

        length += separator.Length;
        return System.Buffers.Text.Utf8Formatter.TryFormat(Port, text[length..], out var digits) ? length + digits : 0;
    }

    /// <summary>The same for .NET; it allocates.</summary>
    /// <exception cref="InvalidOperationException">There is no address.</exception>
    public readonly IPEndPoint ToEndPoint()
        => IsSet ? new IPEndPoint(new IPAddress(Address), Port) : throw new InvalidOperationException("there is no address");

    /// <summary>The family as .NET names it; unspecified if there is no address.</summary>
    public readonly AddressFamily Family => _length switch
    {
        4 => AddressFamily.InterNetwork,
        16 => AddressFamily.InterNetworkV6,
        _ => AddressFamily.Unspecified,
    };

    /// <inheritdoc/>
    public readonly bool Equals(WireEndPoint other) => Port == other.Port && Address.SequenceEqual(other.Address);

    /// <inheritdoc/>
    public override readonly bool Equals(object? obj) => obj is WireEndPoint other && Equals(other);

    /// <inheritdoc/>
    public override readonly int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(Address);
        hash.Add(Port);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public override readonly string ToString() => IsSet ? ToEndPoint().ToString() : "-";

    /// <summary>The same address and port.</summary>
    public static bool operator ==(WireEndPoint left, WireEndPoint right) => left.Equals(right);

    /// <summary>Another address or port.</summary>
    public static bool operator !=(WireEndPoint left, WireEndPoint right) => !left.Equals(right);

    [InlineArray(16)]
    private struct Bytes
    {
        private byte _first;
    }
}
