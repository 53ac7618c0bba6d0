using System.Net;
using System.Net.Sockets;
using Gatehouse.Node.Instances;

namespace Gatehouse.Node.Tests.Instances;

public sealed class ListenTableTests
{
    [Theory]
    [InlineData("   0: 00000000:0050 00000000:0000 0A 00000000:00000000", 80, true)]
    [InlineData("   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0", 8080, true)]
    [InlineData("   0: 00000000:0050 00000000:0000 0A 00000000:00000000", 81, false)]
    [InlineData("   0: 0100007F:0050 0100007F:9C40 01 00000000:00000000", 80, false)]
    [InlineData("  sl  local_address rem_address   st tx_queue rx_queue", 80, false)]
    [InlineData("   0: 00000000 00000000:0000 0A", 80, false)]
    [InlineData("   0: 00000000:00ZZ 00000000:0000 0A", 80, false)]
    [InlineData("", 80, false)]
    public void A_port_is_listened_on_or_not(string line, int port, bool expected) => Assert.Equal(expected, ListenTable.Has([line], port));

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void A_real_listener_is_seen_until_it_stops(string address)
    {
        int port;
        using (var listener = new TcpListener(IPAddress.Parse(address), 0))
        {
            listener.Start();
            port = ((IPEndPoint)listener.LocalEndpoint).Port;
            Assert.True(ListenTable.Has(Environment.ProcessId, port));
        }

        Assert.False(ListenTable.Has(Environment.ProcessId, port));
    }

    [Fact]
    public void A_process_that_is_gone_listens_nowhere() => Assert.False(ListenTable.Has(int.MaxValue, 80));
}
