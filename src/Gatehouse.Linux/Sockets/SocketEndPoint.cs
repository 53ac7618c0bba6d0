using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gatehouse.Wire;

namespace Gatehouse.Linux.Sockets;

/// <summary>A sockaddr_in or sockaddr_in6 (ip(7), ipv6(7)): address, port and scope in a value, as the kernel takes and gives it.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SocketEndPoint : IEquatable<SocketEndPoint>
{
    /// <summary>The longest text: an IPv6 address with 39 characters.</summary>
    public const int LongestText = 45;

    internal const int Size = 28;
    private const int PortOffset = 2;
    private const int Address4Offset = 4;
    private const int Address6Offset = 8;
    private const int ScopeOffset = 24;

    private Bytes _bytes;

    /// <summary>The address of an endpoint.</summary>
    public SocketEndPoint(IPEndPoint endPoint)
        : this(endPoint.Address, endPoint.Port)
    {
    }

    /// <summary>An address and a port.</summary>
    public SocketEndPoint(IPAddress address, int port)
    {
        Span<byte> bytes = _bytes;
        var v6 = address.AddressFamily == AddressFamily.InterNetworkV6;
        MemoryMarshal.Write(bytes, (ushort)(v6 ? Native.Libc.AfInet6 : Native.Libc.AfInet));
        BinaryPrimitives.WriteUInt16BigEndian(bytes[PortOffset..], (ushort)port);
        address.TryWriteBytes(bytes[(v6 ? Address6Offset : Address4Offset)..], out _);
        if (v6) MemoryMarshal.Write(bytes[ScopeOffset..], (uint)address.ScopeId);
    }

    /// <summary>An address of 4 or 16 bytes and a port.</summary>
    public SocketEndPoint(ReadOnlySpan<byte> address, ushort port)
    {
        Span<byte> bytes = _bytes;
        MemoryMarshal.Write(bytes, (ushort)(address.Length == 16 ? Native.Libc.AfInet6 : Native.Libc.AfInet));
        BinaryPrimitives.WriteUInt16BigEndian(bytes[PortOffset..], port);
        address.CopyTo(bytes[(address.Length == 16 ? Address6Offset : Address4Offset)..]);
    }

    /// <summary>An address and a port, and for an IPv6 address of a link the number of its interface.</summary>
    internal SocketEndPoint(ReadOnlySpan<byte> address, ushort port, uint scope)
        : this(address, port)
    {
        MemoryMarshal.Write(((Span<byte>)_bytes)[ScopeOffset..], scope);
    }

    /// <summary>Whether it is of either family; the default value is of none.</summary>
    public readonly bool IsSet => Family != 0;

    /// <summary>IPv6, also of an IPv4 address that is written in IPv6.</summary>
    public readonly bool IsV6 => Family == Native.Libc.AfInet6;

    /// <summary>0 to 65535.</summary>
    public readonly int Port => BinaryPrimitives.ReadUInt16BigEndian(((ReadOnlySpan<byte>)_bytes)[PortOffset..]);

    /// <summary>4 or 16 bytes in network order; they live as long as the variable does.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> Address => IsV6 ? ((ReadOnlySpan<byte>)_bytes).Slice(Address6Offset, 16) : ((ReadOnlySpan<byte>)_bytes).Slice(Address4Offset, 4);

    /// <summary>0.0.0.0 or ::, which is every address of the machine.</summary>
    public readonly bool IsAny => Address.IndexOfAnyExcept((byte)0) < 0;

    internal readonly uint Scope => IsV6 ? MemoryMarshal.Read<uint>(((ReadOnlySpan<byte>)_bytes)[ScopeOffset..]) : 0;

    internal readonly uint Length => IsV6 ? 28u : 16u;

    private readonly ushort Family => MemoryMarshal.Read<ushort>(_bytes);

    /// <summary>The same for .NET.</summary>
    public readonly IPEndPoint ToEndPoint() =>
        new(IsV6 ? new IPAddress(Address, MemoryMarshal.Read<uint>(((ReadOnlySpan<byte>)_bytes)[ScopeOffset..])) : new IPAddress(Address), Port);

    /// <summary>Writes the address without port, an IPv6 one as RFC 5952 says and without brackets. The length; 0 when there is no room.</summary>
    public readonly int FormatAddress(Span<byte> text)
    {
        if (IsV6) return IpText.FormatV6(Address, text);
        return IpText.FormatV4(Address, text);
    }

    /// <inheritdoc/>
    public readonly bool Equals(SocketEndPoint other) => ((ReadOnlySpan<byte>)_bytes).SequenceEqual(other._bytes);

    /// <inheritdoc/>
    public override readonly bool Equals(object? obj) => obj is SocketEndPoint other && Equals(other);

    /// <inheritdoc/>
    public override readonly int GetHashCode()
    {
        ReadOnlySpan<byte> bytes = _bytes;
        var first = MemoryMarshal.Read<ulong>(bytes);
        return HashCode.Combine(first, MemoryMarshal.Read<ulong>(bytes[8..]), MemoryMarshal.Read<ulong>(bytes[16..]));
    }

    /// <inheritdoc/>
    public override readonly string ToString() => IsSet ? ToEndPoint().ToString() : "-";

    /// <summary>The same address and port.</summary>
    public static bool operator ==(SocketEndPoint left, SocketEndPoint right) => left.Equals(right);

    /// <summary>Another address or port.</summary>
    public static bool operator !=(SocketEndPoint left, SocketEndPoint right) => !left.Equals(right);

    [InlineArray(Size)]
    private struct Bytes
    {
        private byte _first;
    }
}
