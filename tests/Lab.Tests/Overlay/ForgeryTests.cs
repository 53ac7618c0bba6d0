using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestKit.Network;

namespace Lab.Tests.Overlay;

/// <summary>Who may deliver tunnel packets, and with which inner sources.</summary>
public sealed class ForgeryTests
{
    [Fact]
    public async Task TunnelPackets_AreTakenFromPeersAlone_AndWithTheirOwnSourcesAlone()
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1);
        var stranger = await lab.Lab.AddOutsideAsync("stranger", "192.168.77.99/24");
        var served = lab.Servers[0];
        var target = IPAddress.Parse(lab.Server.Namespace.Ipv4!);
        var target6 = IPAddress.Parse(lab.Server.Namespace.Ipv6!);

        // What a peer may send arrives: its subnetwork, its instances, both families.
        string[] mine = ["10.18.0.5", lab.Client.Address.Ipv4!];
        string[] mine6 = ["fc00::5", lab.Client.Address.Ipv6!];
        foreach (var source in mine) await SendAsync(lab.Worker1.Host, Tunnel.Udp4(IPAddress.Parse(source), target, 80));
        foreach (var source in mine6) await SendAsync(lab.Worker1.Host, Tunnel.Udp6(IPAddress.Parse(source), target6, 80));
        await LabClient.EventuallyAsync(() => served.Calls == 4, $"a peer's own packets arrive");

        // What it may not: other subnetworks, others' instances, the world, ARP, rubbish.
        string[] others = ["10.18.0.70", "10.18.1.5", lab.Server.Address.Ipv4!, "10.30.77.7", "203.0.113.5", "127.0.0.1"];
        string[] others6 = ["fc00::105", "fc00::205", lab.Server.Address.Ipv6!, "fdff::7777", "2001:db8::5"];
        foreach (var source in others) await SendAsync(lab.Worker1.Host, Tunnel.Udp4(IPAddress.Parse(source), target, 80));
        foreach (var source in others6) await SendAsync(lab.Worker1.Host, Tunnel.Udp6(IPAddress.Parse(source), target6, 80));
        await SendAsync(lab.Worker1.Host, Tunnel.Frame(0x0806, new byte[28]));
        await SendAsync(lab.Worker1.Host, [8, 0, 0, 0, 0, 3, 0xf8, 0]);

        // And a stranger nothing at all, whatever it says it is.
        foreach (var source in mine.Concat(others)) await SendAsync(stranger, Tunnel.Udp4(IPAddress.Parse(source), target, 80));
        foreach (var source in mine6.Concat(others6)) await SendAsync(stranger, Tunnel.Udp6(IPAddress.Parse(source), target6, 80));

        // A peer's packet behind all of them is the sign that they were handled.
        await SendAsync(lab.Worker1.Host, Tunnel.Udp4(IPAddress.Parse(mine[0]), target, 80));
        await LabClient.EventuallyAsync(() => served.Calls >= 5, "the last packet arrives");
        Assert.Equal(5, served.Calls);
    }

    [Fact]
    public async Task PeerPacket_ToTheHostItself_IsDropped()
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1);
        await using var onHost = LabServer.Start(lab.Worker2.Host, "host", 8080);
        await using var onInstance = LabServer.Start(lab.Server.Host, "instance", 8080);
        var sender = IPAddress.Parse("10.18.0.5");

        await SendAsync(lab.Worker1.Host, Tunnel.Udp4(sender, IPAddress.Parse("10.18.0.65"), 8080));
        await SendAsync(lab.Worker1.Host, Tunnel.Udp4(sender, IPAddress.Parse("192.168.77.2"), 8080));
        await SendAsync(lab.Worker1.Host, Tunnel.Udp4(sender, IPAddress.Parse(lab.Server.Namespace.Ipv4!), 8080));

        await LabClient.EventuallyAsync(() => onInstance.Calls == 1, "what is for the instance arrives");
        Assert.Equal(0, onHost.Calls);
    }

    [Fact]
    public async Task Instance_SendingFromAnAddressThatIsNotItsOwn_IsDropped()
    {
        await using var lab = await ServicePair.CreateAsync(BalancingPolicy.RoundRobin, 1);
        await lab.Client.Host.RunAsync("ip", "address", "add", "10.18.0.50/32", "dev", "eth0");
        var forged = await lab.Client.Host.TryRunAsync("ping", "-c", "2", "-i", "0.2", "-W", "1", "-I", "10.18.0.50", lab.Server.Namespace.Ipv4!);
        var own = await lab.Client.Host.RunAsync("ping", "-c", "2", "-i", "0.2", "-W", "2", "-I", lab.Client.Namespace.Ipv4!, lab.Server.Namespace.Ipv4!);

        Assert.Contains("0 received", forged.Output, StringComparison.Ordinal);
        Assert.Contains("2 received", own, StringComparison.Ordinal);
    }

    private static async Task SendAsync(NetworkHost from, byte[] packet)
    {
        using var socket = LabClient.Udp(from, v6: false);
        await socket.SendToAsync(packet, SocketFlags.None, new IPEndPoint(IPAddress.Parse("192.168.77.2"), 4789), TestContext.Current.CancellationToken);
    }
}

/// <summary>Tunnel packets by hand: VXLAN (RFC 7348), inner Ethernet to the second worker's tunnel end, inner IP and UDP.</summary>
internal static class Tunnel
{
    public static byte[] Udp4(IPAddress source, IPAddress destination, ushort port)
    {
        var ip = new byte[20 + 8 + 4];
        ip[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(2), (ushort)ip.Length);
        ip[8] = 64;
        ip[9] = 17;
        source.GetAddressBytes().CopyTo(ip, 12);
        destination.GetAddressBytes().CopyTo(ip, 16);
        BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(10), Sum(ip.AsSpan(0, 20), 0));
        WriteUdp(ip.AsSpan(20), port);
        return Frame(0x0800, ip);
    }

    public static byte[] Udp6(IPAddress source, IPAddress destination, ushort port)
    {
        var ip = new byte[40 + 8 + 4];
        ip[0] = 0x60;
        BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(4), 12);
        ip[6] = 17;
        ip[7] = 64;
        source.GetAddressBytes().CopyTo(ip, 8);
        destination.GetAddressBytes().CopyTo(ip, 24);
        WriteUdp(ip.AsSpan(40), port);
        BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(46), Sum(ip.AsSpan(8), 17 + 12));
        return Frame(0x86dd, ip);
    }

    public static byte[] Frame(ushort type, byte[] inner)
    {
        byte[] head = [8, 0, 0, 0, 0, 3, 0xf8, 0, 2, 0x67, 0x68, 0, 0, 1, 2, 0x67, 0x68, 0, 0, 0, (byte)(type >> 8), (byte)type];
        return [.. head, .. inner];
    }

    private static void WriteUdp(Span<byte> udp, ushort port)
    {
        BinaryPrimitives.WriteUInt16BigEndian(udp, 5_555);
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], port);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], 12);
    }

    private static ushort Sum(ReadOnlySpan<byte> bytes, uint start)
    {
        var sum = start;
        for (var i = 0; i + 1 < bytes.Length; i += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~sum;
    }
}
