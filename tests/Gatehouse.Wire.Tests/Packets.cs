using System.Net;
using FsCheck;
using FsCheck.Fluent;

namespace Gatehouse.Wire.Tests;

/// <summary>Makes packets for the tests, with the codecs under test and by hand where the codec has no writer.</summary>
internal static class Packets
{
    public static byte[] Udp4(string source, string destination, ushort sourcePort, ushort destinationPort, ReadOnlySpan<byte> data)
    {
        var packet = new byte[IPv4Header.Size + UdpHeader.Size + data.Length];
        new IPv4Header
        {
            TotalLength = packet.Length,
            Ttl = 64,
            Protocol = IpProtocol.Udp,
            Source = V4(source),
            Destination = V4(destination),
            Identification = 7,
        }.Write(packet);
        FinishUdp(packet.AsSpan(12, 4), packet.AsSpan(16, 4), packet.AsSpan(IPv4Header.Size), sourcePort, destinationPort, data);
        return packet;
    }

    public static byte[] Udp6(string source, string destination, ushort sourcePort, ushort destinationPort, ReadOnlySpan<byte> data, params byte[][] extensions)
    {
        var before = extensions.Sum(static extension => extension.Length);
        var packet = new byte[IPv6Header.Size + before + UdpHeader.Size + data.Length];
        new IPv6Header
        {
            PayloadLength = packet.Length - IPv6Header.Size,
            HopLimit = 64,
            Source = V6(source),
            Destination = V6(destination),
            NextHeader = IpProtocol.Udp,
        }.Write(packet);
        extensions.SelectMany(static extension => extension).ToArray().CopyTo(packet, IPv6Header.Size);
        FinishUdp(packet.AsSpan(8, 16), packet.AsSpan(24, 16), packet.AsSpan(IPv6Header.Size + before), sourcePort, destinationPort, data);
        return packet;
    }

    public static uint V4(string address)
    {
        var bytes = IPAddress.Parse(address).GetAddressBytes();
        return ((uint)bytes[0] << 24) | ((uint)bytes[1] << 16) | ((uint)bytes[2] << 8) | bytes[3];
    }

    public static UInt128 V6(string address) => System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(IPAddress.Parse(address).GetAddressBytes());

    /// <summary>Bytes that are nearly packets: right ones with some bytes changed and the end cut off, and noise.</summary>
    public static Arbitrary<byte[]> NearPackets { get; } = Arb.From(
        from seed in Gen.Elements(
            Udp4("10.0.0.1", "10.0.0.2", 1, 2, "four"u8),
            Udp6("fc00::1", "fc00::2", 1, 2, "six"u8),
            Udp6("fc00::1", "fc00::2", 1, 2, "six"u8, [IpProtocol.Fragment, 0, 0, 0, 0, 0, 0, 0], [IpProtocol.Udp, 0, 0, 1, 0, 0, 0, 9]),
            Udp6("fc00::1", "fc00::2", 1, 2, "six"u8, [IpProtocol.Authentication, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            new byte[90])
        from changes in Gen.ListOf(Gen.Choose(0, (seed.Length * 256) - 1))
        from length in Gen.Choose(0, seed.Length + 8)
        select Mutate(seed, changes, length));

    private static byte[] Mutate(byte[] seed, IEnumerable<int> changes, int length)
    {
        var bytes = seed.ToArray();
        foreach (var change in changes.Take(6))
        {
            bytes[change >> 8] = (byte)change;
        }

        Array.Resize(ref bytes, length);
        return bytes;
    }

    private static void FinishUdp(
        ReadOnlySpan<byte> source, ReadOnlySpan<byte> destination, Span<byte> message, ushort sourcePort, ushort destinationPort, ReadOnlySpan<byte> data)
    {
        data.CopyTo(message[UdpHeader.Size..]);
        var header = new UdpHeader(sourcePort, destinationPort, (ushort)message.Length, 0);
        header.Write(message);
        (header with { Checksum = InternetChecksum.ForUdp(InternetChecksum.Compute(source, destination, IpProtocol.Udp, message)) }).Write(message);
    }
}
