using System.Net;
using System.Net.Sockets;
using Gatehouse.Linux.Netlink;
using Gatehouse.Linux.Tun;
using Gatehouse.Wire;

namespace Gatehouse.Linux.Tests.Tun;

/// <summary>The codecs against the kernel: it has to write what we read as right, and to accept what we write.</summary>
public sealed class KernelPacketTests : IDisposable
{
    private readonly Host _host = new();
    private readonly TunDevice _tun;

    public KernelPacketTests()
    {
        Host.RequireTun();
        _tun = TunDevice.OpenOrCreate("gtun", persistent: false, _host.Namespace);
        _host.Route.SetLink(_tun.Index, new LinkChange { AddressGeneration = AddressGeneration.None });
        _host.Up("gtun", "10.30.255.1/16", "fdff::1/16");
    }

    public void Dispose()
    {
        _tun.Dispose();
        _host.Dispose();
    }

    [Theory(Timeout = 20_000)]
    [InlineData("10.30.0.9", ProtocolType.Udp, IpProtocol.Udp)]
    [InlineData("fdff::9", ProtocolType.Udp, IpProtocol.Udp)]
    [InlineData("10.30.0.9", ProtocolType.Tcp, IpProtocol.Tcp)]
    [InlineData("fdff::9", ProtocolType.Tcp, IpProtocol.Tcp)]
    [InlineData("10.30.0.9", ProtocolType.Icmp, IpProtocol.Icmp)]
    [InlineData("fdff::9", ProtocolType.IcmpV6, IpProtocol.Icmp6)]
    public async Task What_the_kernel_sends_has_the_checksum_that_we_compute(string to, ProtocolType type, byte protocol)
    {
        using var socket = Send(to, type, "some bytes"u8.ToArray());

        var bytes = await ReadAsync(protocol);

        var packet = IpPacket.Parse(bytes);
        Assert.True(packet.HasRightChecksum);
        Assert.Equal(IPAddress.Parse(to), packet.DestinationAddress);
        if (packet.Version == 4)
        {
            Assert.Equal(0, InternetChecksum.Compute(bytes.AsSpan(0, IPv4Header.Size)));
        }

        // Computed anew over a message whose field is zero it is the kernel's number, bit for bit.
        var offset = protocol switch { IpProtocol.Udp => UdpHeader.ChecksumOffset, IpProtocol.Tcp => TcpHeader.ChecksumOffset, _ => IcmpHeader.ChecksumOffset };
        var message = packet.Payload.ToArray();
        var theirs = (ushort)((message[offset] << 8) | message[offset + 1]);
        message.AsSpan(offset, 2).Clear();
        var ours = protocol == IpProtocol.Icmp
            ? InternetChecksum.Compute(message)
            : InternetChecksum.Compute(packet.Source, packet.Destination, protocol, message);
        Assert.Equal(theirs, protocol == IpProtocol.Udp ? InternetChecksum.ForUdp(ours) : ours);
    }

    [Theory]
    [InlineData("10.30.0.9", "10.30.255.1")]
    [InlineData("fdff::9", "fdff::1")]
    public void What_we_write_is_delivered_and_a_wrong_checksum_is_not(string from, string to)
    {
        using var socket = _host.Socket(SocketType.Dgram, ProtocolType.Udp, IPAddress.Parse(to).AddressFamily);
        socket.Bind(new IPEndPoint(IPAddress.Parse(to), 0));
        var port = (ushort)((IPEndPoint)socket.LocalEndPoint!).Port;
        var wrong = Datagram(from, to, port, "wrong"u8);
        wrong[^1] ^= 1;

        Assert.Equal(wrong.Length, _tun.Write(wrong));
        var right = Datagram(from, to, port, "right"u8);
        Assert.Equal(right.Length, _tun.Write(right));

        var buffer = new byte[100];
        Assert.Equal("right"u8.ToArray(), buffer.AsSpan(0, socket.Receive(buffer)).ToArray());
    }

    [Theory(Timeout = 20_000)]
    [InlineData("10.30.0.9")]
    [InlineData("fdff::9")]
    public async Task A_large_datagram_comes_in_fragments_that_make_it_whole_again(string to)
    {
        var data = Enumerable.Range(0, 3000).Select(static i => (byte)i).ToArray();
        using var socket = Send(to, ProtocolType.Udp, data);

        var whole = new byte[UdpHeader.Size + data.Length];
        var filled = 0;
        uint? identification = null;
        FragmentInfo fragment;
        do
        {
            var bytes = await ReadAsync(IpProtocol.Udp);
            fragment = IpPacket.Parse(bytes).Fragment;
            Assert.True(fragment.IsFragment);
            Assert.Equal(identification ??= fragment.Identification, fragment.Identification);
            Assert.Equal(filled, fragment.Offset);
            filled += CopyPayload(bytes, whole.AsSpan(fragment.Offset));
        }
        while (fragment.More);

        Assert.Equal(whole.Length, filled);
        Assert.Equal(data, whole[UdpHeader.Size..]);
    }

    private static int CopyPayload(ReadOnlySpan<byte> packet, Span<byte> destination)
    {
        var payload = IpPacket.Parse(packet).Payload;
        payload.CopyTo(destination);
        return payload.Length;
    }

    private Socket Send(string to, ProtocolType type, byte[] data)
    {
        var target = new IPEndPoint(IPAddress.Parse(to), type is ProtocolType.Icmp or ProtocolType.IcmpV6 ? 0 : 53);
        var socket = _host.Socket(
            type switch { ProtocolType.Tcp => SocketType.Stream, ProtocolType.Udp => SocketType.Dgram, _ => SocketType.Raw },
            type, target.AddressFamily);
        switch (type)
        {
            case ProtocolType.Tcp:
                socket.Blocking = false;
                Assert.Throws<SocketException>(() => socket.Connect(target));
                break;
            case ProtocolType.Icmp:
                // A raw ICMP socket sends what it is given, so that the kernel's own sum is that of its answer.
                Assert.Equal(0, data.Length & 1);
                _tun.Write(Echo(to, data));
                break;
            case ProtocolType.IcmpV6:
                socket.SendTo([IcmpType.Echo6, 0, 0, 0, 0, 1, 0, 1, .. data], target);
                break;
            default:
                socket.SendTo(data, target);
                break;
        }

        return socket;
    }

    /// <summary>An echo request, which the kernel answers.</summary>
    private static byte[] Echo(string from, byte[] data)
    {
        var packet = new byte[IPv4Header.Size + IcmpHeader.Size + data.Length];
        new IPv4Header { TotalLength = packet.Length, Ttl = 9, Protocol = IpProtocol.Icmp, Source = V4(from), Destination = V4("10.30.255.1") }.Write(packet);
        var message = packet.AsSpan(IPv4Header.Size);
        data.CopyTo(message[IcmpHeader.Size..]);
        var echo = new IcmpHeader(IcmpType.Echo, 0, 0, 0x12340001);
        echo.Write(message);
        (echo with { Checksum = InternetChecksum.Compute(message) }).Write(message);
        return packet;
    }

    private static byte[] Datagram(string from, string to, ushort port, ReadOnlySpan<byte> data)
    {
        var source = IPAddress.Parse(from).GetAddressBytes();
        var destination = IPAddress.Parse(to).GetAddressBytes();
        var v4 = source.Length == 4;
        var start = v4 ? IPv4Header.Size : IPv6Header.Size;
        var packet = new byte[start + UdpHeader.Size + data.Length];
        if (v4)
        {
            new IPv4Header { TotalLength = packet.Length, Ttl = 9, Protocol = IpProtocol.Udp, Source = V4(from), Destination = V4(to) }.Write(packet);
        }
        else
        {
            new IPv6Header
            {
                PayloadLength = packet.Length - start,
                HopLimit = 9,
                NextHeader = IpProtocol.Udp,
                Source = System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(source),
                Destination = System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(destination),
            }.Write(packet);
        }

        var message = packet.AsSpan(start);
        data.CopyTo(message[UdpHeader.Size..]);
        var header = new UdpHeader(4000, port, (ushort)message.Length, 0);
        header.Write(message);
        (header with { Checksum = InternetChecksum.ForUdp(InternetChecksum.Compute(source, destination, IpProtocol.Udp, message)) }).Write(message);
        return packet;
    }

    private static uint V4(string address) => System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(IPAddress.Parse(address).GetAddressBytes());

    /// <summary>The next packet of the protocol; the device also gets multicast listener reports (ICMPv6).</summary>
    private async Task<byte[]> ReadAsync(byte protocol)
    {
        var buffer = new byte[65536];
        while (true)
        {
            var length = await _tun.ReadAsync(buffer, TestContext.Current.CancellationToken);
            if (IsWanted(buffer.AsSpan(0, length), protocol))
            {
                return buffer[..length];
            }
        }
    }

    private static bool IsWanted(ReadOnlySpan<byte> bytes, byte protocol)
    {
        var packet = IpPacket.Parse(bytes);
        return packet.IsValid && packet.Protocol == protocol && (packet.Protocol != IpProtocol.Icmp6 || packet.Payload[0] == IcmpType.Echo6);
    }
}
