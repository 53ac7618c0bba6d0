using System.Net;

namespace Lab.Tests.Overlay;

public sealed class FirstPacketTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Tcp_ToUnknownServiceAddress_ReachesAnInstanceOnTheOtherWorker(bool v6)
    {
        await using var lab = await OverlayLab.CreateAsync();
        var (w1, w2) = (await lab.AddWorkerAsync("w1"), await lab.AddWorkerAsync("w2"));
        var service = await lab.Cluster.AddServiceAsync("web");
        await lab.Cluster.AddServiceAsync("shop");
        var server = await lab.AddInstanceAsync(w2, "web", 0);
        var client = await lab.AddInstanceAsync(w1, "shop", 0);
        server.Host.Start("socat", "-6", "TCP-LISTEN:80,fork,reuseaddr,ipv6only=0", "SYSTEM:echo from $SOCAT_PEERADDR");
        await server.Host.RunAsync("sh", "-c", "for i in $(seq 100); do ss -ltn | grep -q :80 && exit 0; sleep 0.02; done; exit 1");

        var target = v6 ? $"TCP6:[{service.Ipv6}]:80" : $"TCP4:{service.Ipv4}:80";
        var answer = await client.Host.RunAsync("socat", "-T3", "-", target);

        // socat writes IPv6 addresses in full, and IPv4 ones on a dual socket as mapped.
        var caller = IPAddress.Parse(v6 ? client.Address.Ipv6! : $"::ffff:{client.Address.Ipv4}");
        Assert.Equal(caller, IPAddress.Parse(answer.Trim()["from [".Length..^1]));
    }
}
