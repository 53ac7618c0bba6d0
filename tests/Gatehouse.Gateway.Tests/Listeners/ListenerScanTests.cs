using System.Net;
using System.Net.Sockets;
using Gatehouse.Gateway.Listeners;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Gateway.Tests.Listeners;

public class ListenerScanTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private const string Head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    public static TheoryData<string, Protocol, string?> Lines => new()
    {
        { "   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1", Protocol.Tcp, "0.0.0.0:22" },
        { "   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1", Protocol.Tcp, "127.0.0.1:8080" },
        { "   2: 010200C0:0050 020200C0:C350 01 00000000:00000000 00:00000000 00000000     0        0 1", Protocol.Tcp, null },
        { "   3: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 0", Protocol.Tcp, "[::]:443" },
        { "   4: B80D0120000000000000000001000000:0035 00000000000000000000000000000000:0000 07 0", Protocol.Udp, "[2001:db8::1]:53" },
        { "   5: 010200C0:0035 00000000:0000 07 0", Protocol.Udp, "192.0.2.1:53" },
        { "   6: 010200C0:0035 080808F0:0035 01 0", Protocol.Udp, null },
        { "   7: 010200C0:0000 00000000:0000 07 0", Protocol.Udp, null },
        { "   8: 010200C0:0035", Protocol.Udp, null },
        { "   9: 0102:0035 00000000:0000 07 0", Protocol.Udp, null },
        { "  10: GG0200C0:0035 00000000:0000 07 0", Protocol.Udp, null },
        { "  11: 010200C0:FFFFF 00000000:0000 07 0", Protocol.Udp, null },
        { "  12:", Protocol.Tcp, null },
    };

    [Theory]
    [MemberData(nameof(Lines))]
    public void Read_Line_IsAListenerOrNothing(string line, Protocol protocol, string? expected)
    {
        var found = ProcNetTable.Read(Head + line + "\n", protocol).Select(s => new IPEndPoint(s.Address, s.Port).ToString()).ToList();

        Assert.Equal(expected is null ? [] : [expected], found);
    }

    [Fact]
    public void Read_CutAnywhere_NeverThrows()
    {
        var text = Head + string.Join('\n', Lines.Select(l => l.Data.Item1));
        for (var length = 0; length < text.Length; length++) Assert.NotNull(ProcNetTable.Read(text[..length], Protocol.Tcp).ToList());
    }

    [Fact]
    public void Select_MixedSockets_KeepsWildcardsAndPublicAddresses()
    {
        var sockets = new (Protocol, IPAddress, int)[]
        {
            (Protocol.Tcp, IPAddress.Any, 22),
            (Protocol.Tcp, IPAddress.IPv6Any, 22),
            (Protocol.Tcp, IPAddress.Loopback, 631),
            (Protocol.Udp, IPAddress.Parse("192.0.2.1"), 53),
            (Protocol.Udp, IPAddress.Parse("192.0.2.2"), 53),
            (Protocol.Tcp, IPAddress.Parse("::ffff:192.0.2.1"), 80),
            (Protocol.Tcp, IPAddress.Parse("2001:db8::1"), 443),
        };

        Assert.Equal(
            [new(Protocol.Tcp, null, 22), new(Protocol.Tcp, "192.0.2.1", 80), new(Protocol.Tcp, "2001:db8::1", 443), new(Protocol.Udp, "192.0.2.1", 53)],
            ListenerScan.Select(sockets, ["192.0.2.1", "2001:DB8:0::1"]));
    }

    [Fact]
    public async Task ReadAsync_TheKernelsOwnTables_ShowARealListenerUntilItCloses()
    {
        var scan = new ListenerScan();
        using var tcp = new TcpListener(IPAddress.Any, 0);
        using var udp = new UdpClient(0, AddressFamily.InterNetworkV6);
        tcp.Start();
        var tcpPort = ((IPEndPoint)tcp.LocalEndpoint).Port;
        var udpPort = ((IPEndPoint)udp.Client.LocalEndPoint!).Port;

        var during = await scan.ReadAsync([], Ct);
        tcp.Stop();
        udp.Close();
        var after = await scan.ReadAsync([], Ct);

        Assert.Contains(new HostListener(Protocol.Tcp, null, tcpPort), during);
        Assert.Contains(new HostListener(Protocol.Udp, null, udpPort), during);
        Assert.DoesNotContain(new HostListener(Protocol.Tcp, null, tcpPort), after);
        Assert.DoesNotContain(new HostListener(Protocol.Udp, null, udpPort), after);
    }
}
