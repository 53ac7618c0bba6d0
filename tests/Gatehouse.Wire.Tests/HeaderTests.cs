using System.Net;
using FsCheck;
using FsCheck.Fluent;

namespace Gatehouse.Wire.Tests;

public sealed class HeaderTests
{
    [Fact]
    public void An_IPv4_header_survives_the_wire() => Prop.ForAll<(byte, ushort, bool), (bool, ushort, byte), (byte, uint, uint)>(
        static (a, b, c) =>
        {
            var header = new IPv4Header
            {
                HeaderLength = 20,
                TotalLength = 20 + (a.Item2 % 65516),
                TrafficClass = a.Item1,
                Identification = a.Item2,
                DontFragment = a.Item3,
                MoreFragments = b.Item1,
                FragmentOffset = b.Item2 & 0xFFF8,
                Ttl = b.Item3,
                Protocol = c.Item1,
                Source = c.Item2,
                Destination = c.Item3,
            };
            var bytes = new byte[IPv4Header.Size];
            header.Write(bytes);
            return IPv4Header.TryRead(bytes, out var read) && read with { Checksum = 0 } == header && InternetChecksum.Compute(bytes) == 0;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void An_IPv6_header_survives_the_wire() => Prop.ForAll<(byte, uint, ushort), (byte, byte), (ulong, ulong, ulong)>(
        static (a, b, c) =>
        {
            var header = new IPv6Header
            {
                TrafficClass = a.Item1,
                FlowLabel = a.Item2 & 0xF_FFFF,
                PayloadLength = a.Item3,
                NextHeader = b.Item1,
                HopLimit = b.Item2,
                Source = new UInt128(c.Item1, c.Item2),
                Destination = new UInt128(c.Item3, c.Item1),
            };
            var bytes = new byte[IPv6Header.Size];
            header.Write(bytes);
            return IPv6Header.TryRead(bytes, out var read) && read == header;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Transport_headers_survive_the_wire() => Prop.ForAll<(ushort, ushort, uint), (uint, byte, ushort), (ushort, ushort)>(
        static (a, b, c) =>
        {
            var bytes = new byte[TcpHeader.Size];
            var tcp = new TcpHeader
            {
                SourcePort = a.Item1,
                DestinationPort = a.Item2,
                Sequence = a.Item3,
                Acknowledgment = b.Item1,
                HeaderLength = 20,
                Flags = (TcpFlags)b.Item2,
                Window = b.Item3,
                Checksum = c.Item1,
                UrgentPointer = c.Item2,
            };
            tcp.Write(bytes);
            var sound = TcpHeader.TryRead(bytes, out var readTcp) && readTcp == tcp;

            var udp = new UdpHeader(a.Item1, a.Item2, Math.Max((ushort)8, b.Item3), c.Item1);
            udp.Write(bytes);
            sound &= UdpHeader.TryRead(bytes, out var readUdp) && readUdp == udp;

            var icmp = new IcmpHeader(b.Item2, (byte)a.Item1, c.Item1, b.Item1);
            icmp.Write(bytes);
            return sound && IcmpHeader.TryRead(bytes, out var readIcmp) && readIcmp == icmp
                && readIcmp.Identifier == b.Item1 >> 16 && readIcmp.Sequence == (b.Item1 & 0xFFFF);
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("")]
    [InlineData("45")]
    [InlineData("44000014000000004011000000000000000000")]    // 19 bytes
    [InlineData("4400001400000000401100000000000000000000")]  // header of 16
    [InlineData("4600001800000000401100000000000000000000")]  // header of 24, 20 there
    [InlineData("4500001300000000401100000000000000000000")]  // total below the header
    [InlineData("6500001400000000401100000000000000000000")]  // version 6
    public void Bytes_that_are_no_IPv4_header_are_refused(string hex) => Assert.False(IPv4Header.TryRead(Convert.FromHexString(hex), out _));

    [Fact]
    public void Options_count_as_header()
    {
        var bytes = Convert.FromHexString("46000018000000004001000001020304050607089404000000".PadRight(48, '0')[..48]);
        Assert.True(IPv4Header.TryRead(bytes, out var header));
        Assert.Equal(24, header.HeaderLength);
        Assert.Equal(IPAddress.Parse("1.2.3.4"), header.SourceAddress);
        Assert.Equal(IPAddress.Parse("5.6.7.8"), header.DestinationAddress);
    }

    [Theory]
    [InlineData(19, 20, 0)]
    [InlineData(20, 19, 0)]
    [InlineData(20, 65536, 0)]
    [InlineData(20, 20, 7)]
    [InlineData(20, 20, 65536)]
    public void An_IPv4_header_that_cannot_be_is_not_written(int room, int total, int offset)
        => Assert.Throws<ArgumentException>(() => new IPv4Header { TotalLength = total, FragmentOffset = offset }.Write(new byte[room]));

    [Theory]
    [InlineData(39, 0, 0)]
    [InlineData(40, 65536, 0)]
    [InlineData(40, -1, 0)]
    [InlineData(40, 0, 0x10_0000)]
    public void An_IPv6_header_that_cannot_be_is_not_written(int room, int payload, int flow)
        => Assert.Throws<ArgumentException>(() => new IPv6Header { PayloadLength = payload, FlowLabel = (uint)flow }.Write(new byte[room]));

    [Fact]
    public void Transport_headers_that_are_cut_are_refused()
    {
        var tcp = new byte[TcpHeader.Size];
        new TcpHeader().Write(tcp);
        Assert.True(TcpHeader.TryRead(tcp, out _));
        Assert.False(TcpHeader.TryRead(tcp.AsSpan(0, 19), out _));
        tcp[12] = 4 << 4;
        Assert.False(TcpHeader.TryRead(tcp, out _));
        tcp[12] = 6 << 4;
        Assert.False(TcpHeader.TryRead(tcp, out _));

        Assert.False(UdpHeader.TryRead(new byte[7], out _));
        Assert.False(UdpHeader.TryRead([0, 1, 0, 2, 0, 7, 0, 0], out _));
        Assert.True(UdpHeader.TryRead([0, 1, 0, 2, 0, 8, 0, 0], out _));
        Assert.False(IcmpHeader.TryRead(new byte[7], out _));
    }

    [Theory]
    [InlineData(IpProtocol.Icmp, IcmpType.Unreachable, true)]
    [InlineData(IpProtocol.Icmp, IcmpType.TimeExceeded, true)]
    [InlineData(IpProtocol.Icmp, IcmpType.Echo, false)]
    [InlineData(IpProtocol.Icmp, IcmpType.EchoReply, false)]
    [InlineData(IpProtocol.Icmp6, IcmpType.TooBig6, true)]
    [InlineData(IpProtocol.Icmp6, IcmpType.Echo6, false)]
    public void Errors_are_told_from_questions(byte protocol, byte type, bool expected) => Assert.Equal(expected, IcmpType.IsError(protocol, type));
}
