using System.Net;
using Gatehouse.Node.SlowPath;

namespace Gatehouse.Node.Tests.SlowPath;

public sealed class SlowPathTests
{
    [Theory]
    [InlineData("10.30.0.5", true)]
    [InlineData("10.30.255.255", true)]
    [InlineData("10.31.0.1", false)]
    [InlineData("192.0.2.1", false)]
    [InlineData("fdff:2000::5", true)]
    [InlineData("ff02::16", false)] // what the device's own multicast listener sends
    public void DestinationOf_ServiceAndInstanceAddressesAlone(string address, bool ours)
    {
        var target = IPAddress.Parse(address);
        var packet = new byte[40];
        packet[0] = (byte)(target.GetAddressBytes().Length == 4 ? 0x45 : 0x60);
        target.GetAddressBytes().CopyTo(packet, packet[0] == 0x45 ? 16 : 24);

        Assert.Equal(ours ? target : null, SlowPathReader.DestinationOf(packet));
    }

    [Fact]
    public void DestinationOf_CutOrStrangePackets_AreNotOurs()
    {
        var random = new Random(1);
        for (var length = 0; length < 64; length++)
        {
            var packet = new byte[length];
            random.NextBytes(packet);
            if (length > 0) packet[0] = (byte)((packet[0] & 15) | (random.Next(16) << 4));
            var destination = SlowPathReader.DestinationOf(packet);
            Assert.True(destination is null || length >= 20);
        }

        Assert.Null(SlowPathReader.DestinationOf([0x45, 0, 0]));
        Assert.Null(SlowPathReader.DestinationOf([0x60]));
    }

    [Fact]
    public void Queue_KeepsOrder_AndItsBounds()
    {
        var queue = new SlowPathQueue(destinations: 2, packets: 3);
        var (a, b, c) = (IPAddress.Parse("10.30.0.1"), IPAddress.Parse("10.30.0.2"), IPAddress.Parse("10.30.0.3"));

        Assert.Equal([QueueOutcome.First, QueueOutcome.Queued, QueueOutcome.Queued, QueueOutcome.Full], Enumerable.Range(0, 4).Select(i => queue.Offer(a, [(byte)i])));
        Assert.Equal(QueueOutcome.First, queue.Offer(b, [9]));
        Assert.Equal(QueueOutcome.Full, queue.Offer(c, [9]));
        Assert.Equal([0, 1, 2], queue.Take(a).Select(p => (int)p[0]));
        Assert.Empty(queue.Take(a));
        Assert.Equal(QueueOutcome.First, queue.Offer(c, [9]));
        Assert.Equal(2, queue.Count);
    }
}
