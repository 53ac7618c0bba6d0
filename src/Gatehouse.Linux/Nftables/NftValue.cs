using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using Gatehouse.Wire;

namespace Gatehouse.Linux.Nftables;

/// <summary>
/// Bytes of keys and data as nftables keeps them in its registers: what comes out of packets in network byte order, what the
/// kernel counts or marks in the host's.
/// </summary>
public static class NftValue
{
    /// <summary><c>ipv4_addr</c> or <c>ipv6_addr</c>: 4 or 16 bytes.</summary>
    public static byte[] Address(IPAddress address) => address.GetAddressBytes();

    /// <summary><c>inet_service</c>: a port, 2 bytes, network byte order.</summary>
    public static byte[] Service(ushort port)
    {
        var bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, port);
        return bytes;
    }

    /// <summary><c>inet_proto</c>: 1 byte (6 TCP, 17 UDP).</summary>
    public static byte[] Protocol(byte protocol) => [protocol];

    /// <summary><c>mark</c>: 4 bytes, host byte order.</summary>
    public static byte[] Mark(uint mark) => Host(mark);

    /// <summary>What <c>numgen</c> and <c>jhash</c> yield: 4 bytes, host byte order.</summary>
    public static byte[] Slot(uint slot) => Host(slot);

    /// <summary>An integer out of a packet (<c>@th,336,32</c>): 4 bytes, network byte order.</summary>
    public static byte[] Integer(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    /// <summary><c>ether_addr</c>: 6 bytes.</summary>
    public static byte[] Ether(MacAddress address) => address.ToArray();

    /// <summary><c>ifname</c>: 16 bytes, zeros behind the name.</summary>
    public static byte[] Device(string name)
    {
        var bytes = new byte[16];
        System.Text.Encoding.UTF8.GetBytes(name, bytes.AsSpan(0, 15));
        return bytes;
    }

    /// <summary>A concatenation (<c>a . b</c>): every part is padded with zeros to a multiple of four bytes.</summary>
    public static byte[] Concat(params ReadOnlySpan<byte[]> parts)
    {
        var length = 0;
        foreach (var part in parts)
        {
            length += Padded(part.Length);
        }

        var bytes = new byte[length];
        var at = 0;
        foreach (var part in parts)
        {
            part.CopyTo(bytes, at);
            at += Padded(part.Length);
        }

        return bytes;
    }

    private static int Padded(int length) => (length + 3) & ~3;

    private static byte[] Host(uint value)
    {
        var bytes = new byte[4];
        MemoryMarshal.Write(bytes, value);
        return bytes;
    }
}
