using System.Net;
using FsCheck;
using FsCheck.Fluent;

namespace Gatehouse.Wire.Tests;

public sealed class IpPacketTests
{
    [Fact]
    public void An_IPv4_packet_is_read_in_place()
    {
        var packet = IpPacket.Parse([.. Packets.Udp4("10.18.0.2", "10.30.0.9", 1234, 53, "question"u8), 1, 2, 3]);
        Assert.True(packet.IsValid);
        Assert.Equal((4, IpProtocol.Udp, 64, 36), (packet.Version, packet.Protocol, packet.HopLimit, packet.Bytes.Length));
        Assert.Equal(IPAddress.Parse("10.18.0.2"), packet.SourceAddress);
        Assert.Equal(IPAddress.Parse("10.30.0.9"), packet.DestinationAddress);
        Assert.Equal(((ushort)1234, (ushort)53), packet.Ports);
        Assert.Equal("question"u8.ToArray(), packet.Payload[UdpHeader.Size..].ToArray());
        Assert.False(packet.Fragment.IsFragment);
        Assert.True(packet.HasRightChecksum);
    }

    [Fact]
    public void An_IPv6_packet_is_read_past_its_extensions()
    {
        var bytes = Packets.Udp6("fc00::2", "fdff::9", 1234, 53, "question"u8,
            [IpProtocol.Routing, 0, 1, 4, 0, 0, 0, 0], [IpProtocol.DestinationOptions, 0, 0, 0, 0, 0, 0, 0],
            [IpProtocol.Authentication, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [IpProtocol.Udp, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes[6] = IpProtocol.HopByHop;
        var packet = IpPacket.Parse(bytes);
        Assert.Equal((PacketFault.None, 6, IpProtocol.Udp), (packet.Fault, packet.Version, packet.Protocol));
        Assert.Equal(IPAddress.Parse("fdff::9"), packet.DestinationAddress);
        Assert.Equal(((ushort)1234, (ushort)53), packet.Ports);
        Assert.True(packet.HasRightChecksum);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1480, true)]
    [InlineData(2960, false)]
    public void A_fragment_of_IPv4_says_where_it_belongs(int offset, bool more)
    {
        var bytes = new byte[40];
        new IPv4Header { TotalLength = 40, FragmentOffset = offset, MoreFragments = more, Identification = 77, Protocol = IpProtocol.Udp }.Write(bytes);
        var packet = IpPacket.Parse(bytes);
        Assert.Equal(new FragmentInfo(77, offset, more), packet.Fragment);
        Assert.True(packet.Fragment.IsFragment);
        Assert.Equal(offset == 0, packet.Fragment.IsFirst);
        Assert.Equal(offset == 0, packet.Ports is not null);
        Assert.Null(packet.HasRightChecksum);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1448, false)]
    public void A_fragment_of_IPv6_says_where_it_belongs(int offset, bool more)
    {
        var field = offset | (more ? 1 : 0);

        // Behind a later fragment's header lies data; here it looks like an extension header that is too long.
        var bytes = Packets.Udp6("fc00::2", "fdff::9", 0xFFFF, 53, "data"u8,
            [offset == 0 ? IpProtocol.Udp : IpProtocol.DestinationOptions, 0, (byte)(field >> 8), (byte)field, 1, 2, 3, 4]);
        bytes[6] = IpProtocol.Fragment;
        var packet = IpPacket.Parse(bytes);
        Assert.True(packet.IsValid);
        Assert.Equal(new FragmentInfo(0x01020304, offset, more), packet.Fragment);
        Assert.Equal(offset == 0, packet.Ports is not null);
    }

    [Fact]
    public void Bytes_that_are_no_packet_are_told_apart()
    {
        var good4 = Packets.Udp4("10.0.0.1", "10.0.0.2", 1, 2, "data"u8);
        var good6 = Packets.Udp6("fc00::1", "fc00::2", 1, 2, "data"u8);
        Assert.Equal(PacketFault.Empty, IpPacket.Parse([]).Fault);
        Assert.Equal(PacketFault.Version, IpPacket.Parse([0x50, 1, 2, 3]).Fault);
        Assert.Equal(PacketFault.Header, IpPacket.Parse(good4.AsSpan(0, 19)).Fault);
        Assert.Equal(PacketFault.Header, IpPacket.Parse(good6.AsSpan(0, 39)).Fault);
        Assert.Equal(PacketFault.Truncated, IpPacket.Parse(good4.AsSpan(0, 31)).Fault);
        Assert.Equal(PacketFault.Truncated, IpPacket.Parse(good6.AsSpan(0, 51)).Fault);
        good6[6] = IpProtocol.HopByHop;
        good6[41] = 200;
        Assert.Equal(PacketFault.Extensions, IpPacket.Parse(good6).Fault);
        var endless = new byte[IPv6Header.Size + 200];
        new IPv6Header { PayloadLength = 200, NextHeader = IpProtocol.HopByHop }.Write(endless);
        Assert.Equal(PacketFault.Extensions, IpPacket.Parse(endless).Fault);
    }

    [Fact]
    public void A_quoted_packet_may_be_cut()
    {
        var good = Packets.Udp4("10.0.0.1", "10.0.0.2", 11, 22, new byte[500]);
        var quoted = IpPacket.ParseQuoted(good.AsSpan(0, 28));
        Assert.True(quoted.IsValid);
        Assert.Equal(((ushort)11, (ushort)22), quoted.Ports);
        Assert.Equal(PacketFault.Header, IpPacket.ParseQuoted(good.AsSpan(0, 12)).Fault);
    }

    [Theory]
    [InlineData(IpProtocol.Icmp, 4)]
    [InlineData(IpProtocol.Icmp6, 6)]
    public void An_echo_has_a_checksum_and_no_ports(byte protocol, int version)
    {
        var header = version == 4 ? IPv4Header.Size : IPv6Header.Size;
        var bytes = new byte[header + IcmpHeader.Size];
        if (version == 4)
        {
            new IPv4Header { TotalLength = bytes.Length, Protocol = protocol, Source = 1, Destination = 2 }.Write(bytes);
        }
        else
        {
            new IPv6Header { PayloadLength = IcmpHeader.Size, NextHeader = protocol, Source = 1, Destination = 2 }.Write(bytes);
        }

        var echo = new IcmpHeader(8, 0, 0, 0x00070001);
        echo.Write(bytes.AsSpan(header));
        var unsummed = IpPacket.Parse(bytes);
        Assert.False(unsummed.HasRightChecksum);
        var sum = version == 4
            ? InternetChecksum.Compute(unsummed.Payload)
            : InternetChecksum.Compute(unsummed.Source, unsummed.Destination, protocol, unsummed.Payload);
        (echo with { Checksum = sum }).Write(bytes.AsSpan(header));
        Assert.True(IpPacket.Parse(bytes).HasRightChecksum);
        Assert.Null(IpPacket.Parse(bytes).Ports);
    }

    [Fact]
    public void Any_bytes_at_all_are_taken() => Prop.ForAll<byte[]>(Touch).QuickCheckThrowOnFailure();

    [Fact]
    public void Nearly_right_packets_are_taken()
        => Prop.ForAll(Packets.NearPackets, Touch).Check(Config.QuickThrowOnFailure.WithMaxTest(20_000));

    /// <summary>Uses everything that a caller may; it must not throw, and nothing may lie outside of the bytes.</summary>
    private static bool Touch(byte[] bytes)
    {
        _ = TcpHeader.TryRead(bytes, out _) | UdpHeader.TryRead(bytes, out _) | IcmpHeader.TryRead(bytes, out _);
        foreach (var quoted in (ReadOnlySpan<bool>)[false, true])
        {
            var packet = quoted ? IpPacket.ParseQuoted(bytes) : IpPacket.Parse(bytes);
            if (packet.Bytes.Length > bytes.Length)
            {
                return false;
            }

            if (!packet.IsValid)
            {
                continue;
            }

            _ = (packet.Ports, packet.HasRightChecksum, packet.Fragment.IsFirst, packet.SourceAddress, packet.DestinationAddress);
            if (packet.Source.Length != (packet.Version == 4 ? 4 : 16) || packet.Payload.Length > packet.Bytes.Length - 20
                || !packet.Bytes.Overlaps(packet.Destination) || packet.Fragment.Offset is < 0 or > 0xFFF8)
            {
                return false;
            }
        }

        return true;
    }
}
