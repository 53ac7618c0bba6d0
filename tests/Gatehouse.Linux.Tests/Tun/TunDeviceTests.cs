using System.Net;
using System.Net.Sockets;
using Gatehouse.Linux.Netlink;
using Gatehouse.Linux.Tun;

namespace Gatehouse.Linux.Tests.Tun;

public sealed class TunDeviceTests : IDisposable
{
    private readonly Host _host = new();

    public TunDeviceTests() => Host.RequireTun();

    public void Dispose() => _host.Dispose();

    [Fact(Timeout = 20_000)]
    public async Task A_routed_packet_is_read_and_its_answer_is_delivered()
    {
        using var tun = OpenUp();
        using var socket = _host.Socket(SocketType.Dgram, ProtocolType.Udp);
        var reading = ReadIpv4Async(tun);
        socket.SendTo("ping"u8, new IPEndPoint(IPAddress.Parse("10.30.0.9"), 53));

        var packet = await reading;

        Assert.Equal(20 + 8 + 4, packet.Length);
        Assert.Equal(IPAddress.Parse("10.30.0.9"), new IPAddress(packet.AsSpan(16, 4)));
        Assert.Equal("ping"u8.ToArray(), packet.AsSpan(28).ToArray());

        // Turn it round: addresses and ports change places, which leaves both checksums as they were.
        Swap(packet, 12, 16, 4);
        Swap(packet, 20, 22, 2);
        Assert.Equal(packet.Length, tun.Write(packet));
        var buffer = new byte[16];
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        Assert.Equal(4, socket.ReceiveFrom(buffer, ref from));
        Assert.Equal(new IPEndPoint(IPAddress.Parse("10.30.0.9"), 53), from);
    }

    [Fact(Timeout = 20_000)]
    public async Task Reading_waits_without_using_the_processor()
    {
        using var tun = OpenUp();
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var buffer = new byte[2048];
        while (tun.Read(buffer) >= 0)
        {
        }

        var reading = tun.ReadAsync(buffer, cancel.Token);
        Assert.False(reading.IsCompleted);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(reading.AsTask);
        Assert.Equal(-(int)Errno.EAGAIN, tun.Read(buffer));
    }

    [Fact(Timeout = 20_000)]
    public async Task Closing_ends_a_read_that_waits()
    {
        var tun = OpenUp();
        var buffer = new byte[2048];
        while (tun.Read(buffer) >= 0)
        {
        }

        var reading = tun.ReadAsync(buffer, TestContext.Current.CancellationToken).AsTask();
        tun.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => reading);
        tun.Dispose();
    }

    [Fact(Timeout = 20_000)]
    public async Task A_device_that_is_deleted_ends_a_read_that_waits()
    {
        using var tun = OpenUp();
        var reading = ReadIpv4Async(tun);
        _host.Route.DeleteLink(tun.Index);
        Assert.Equal(Errno.EBADFD, (await Assert.ThrowsAsync<LinuxException>(() => reading)).Errno);
    }

    [Fact]
    public void A_persistent_device_stays_with_its_routes_and_is_opened_again()
    {
        var first = OpenUp(persistent: true);
        _host.Run("ip", "route", "add", "10.31.0.0/16", "dev", "gtun");
        first.Dispose();
        Assert.Contains("10.31.0.0/16", _host.Run("ip", "route"), StringComparison.Ordinal);

        using (var second = TunDevice.OpenOrCreate("gtun", persistent: true, _host.Namespace))
        {
            Assert.Equal(first.Index, second.Index);
            second.SetPersistent(false);
        }

        AssertGone();
    }

    [Fact]
    public void A_device_that_is_not_persistent_goes_with_its_file()
    {
        using (OpenUp())
        {
            Assert.Equal("tun", _host.Route.FindLink("gtun")!.Kind);
        }

        AssertGone();
    }

    [Fact]
    public void Refusals_say_what_and_why()
    {
        using var tun = OpenUp();
        Assert.Equal(Errno.EBUSY, Assert.Throws<LinuxException>(() => TunDevice.OpenOrCreate("gtun", false, _host.Namespace)).Errno);
        _host.Route.CreateBridge(new BridgeOptions("br0"));
        var other = Assert.Throws<LinuxException>(() => TunDevice.OpenOrCreate("br0", false, _host.Namespace));
        Assert.Contains("TUNSETIFF of br0: EINVAL", other.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => TunDevice.OpenOrCreate("", false, _host.Namespace));
        Assert.Throws<ArgumentException>(() => TunDevice.OpenOrCreate("sixteen-bytes-xx", false, _host.Namespace));
        Assert.Equal(-(int)Errno.EINVAL, tun.Write("\0no IP packet"u8));
        _host.Route.SetLink(tun.Index, new LinkChange { Up = false });
        Assert.Equal(-(int)Errno.EIO, tun.Write([0x45, .. new byte[19]]));
    }

    private static void Swap(byte[] bytes, int first, int second, int count)
    {
        for (var i = 0; i < count; i++)
        {
            (bytes[first + i], bytes[second + i]) = (bytes[second + i], bytes[first + i]);
        }
    }

    /// <summary>The device also gets what IPv6 says on every new link.</summary>
    private static async Task<byte[]> ReadIpv4Async(TunDevice tun)
    {
        var buffer = new byte[2048];
        while (true)
        {
            var length = await tun.ReadAsync(buffer, TestContext.Current.CancellationToken);
            if (buffer[0] >> 4 == 4)
            {
                return buffer[..length];
            }
        }
    }

    /// <summary>A process that is being started elsewhere in this program holds a copy of the file until it runs.</summary>
    private void AssertGone()
        => Assert.True(SpinWait.SpinUntil(() => _host.Route.FindLink("gtun") is null, TimeSpan.FromSeconds(10)), "the device is still there");

    private TunDevice OpenUp(bool persistent = false)
    {
        var tun = TunDevice.OpenOrCreate("gtun", persistent, _host.Namespace);
        _host.Route.SetLink(tun.Index, new LinkChange { AddressGeneration = AddressGeneration.None });
        _host.Up("gtun", "10.30.255.1/16");
        return tun;
    }
}
