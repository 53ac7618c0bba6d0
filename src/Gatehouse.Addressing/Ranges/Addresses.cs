using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Gatehouse.Addressing;

/// <summary>Addresses as numbers: 32 bits for IPv4, 128 for IPv6. All arithmetic here is unsigned and whole, none of it is on text.</summary>
public static class Addresses
{
    /// <summary>The number of an address. An IPv4 address that is mapped into IPv6 (<c>::ffff:a.b.c.d</c>) keeps its 128 bits.</summary>
    public static UInt128 ToNumber(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        return length == 4 ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    /// <summary>The IPv4 address of a number.</summary>
    public static IPAddress Ipv4(uint number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        return new IPAddress(bytes);
    }

    /// <summary>The IPv6 address of a number.</summary>
    public static IPAddress Ipv6(UInt128 number)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, number);
        return new IPAddress(bytes);
    }

    /// <summary>
    /// Reads an address strictly: dotted quad for IPv4 (no <c>10.1</c>, no octal, no <c>10.30.300.1</c>), RFC 4291 §2.2 for IPv6 without scope or port.
    /// </summary>
    public static bool TryParse(string? text, out IPAddress address)
    {
        address = IPAddress.None;
        if (string.IsNullOrEmpty(text) || text.AsSpan().ContainsAny("%[]/ ") || !IPAddress.TryParse(text, out var parsed)) return false;
        if (parsed.AddressFamily == AddressFamily.InterNetwork && !string.Equals(parsed.ToString(), text, StringComparison.Ordinal)) return false;
        address = parsed;
        return true;
    }
}
