using Gatehouse.Bench.Proxy.Load;
using Gatehouse.Bench.Proxy.Peers;

namespace Gatehouse.Bench.Proxy;

/// <summary>What a byte of a TCP stream costs a proxy in processor time: one stream, as many bytes down as up.</summary>
internal static class TcpCost
{
    private const long RoundBytes = 1L << 30;
    private const double PerGigabyte = 1e9 / RoundBytes / 1e3; // From µs for a round to ms for each GB.

    public static async Task RunAsync(ProxyStage stage)
    {
        var count = stage.Quick ? 5 : 15;
        await using var server = BulkServer.Start();
        var setup = stage.Setup("tcp", Spoken.Tcp) with { Backends = [server.Port] };
        stage.Report.Row($"tcp: one stream, half of it down and half up; HAProxy with splice; {count} rounds of {RoundBytes >> 20:n0} MB");
        await using var contenders = await stage.StartAsync(setup, nginx: false);
        // Pipes of 64 KB are HAProxy's default, and the bar is for that. With larger ones it does far better, which is told beside it.
        contenders.Add("haproxy, pipes of 1 MB", await Haproxy.StartAsync("haproxy-pipes", setup, "tune.pipesize 1048576", stage.Cancellation));
        foreach (var (_, proxy) in contenders.All) await MoveAsync(proxy, RoundBytes / 4);
        var rounds = new Rounds(stage.Report, count);
        var all = await rounds.RunAsync([.. contenders.All.Select(c => (c.Name, (Func<Task<double>>)(() => MeasureAsync(c.Proxy))))], stage.Cancellation);
        rounds.Tell(all, "ms of processor time for each GB");
        stage.Report.Figure("proxy.tcp_cpu_per_byte_vs_haproxy", rounds.Ratio(all[1], all[0]), "<= 0.90");
        stage.Report.Figure("proxy.tcp_cpu_per_byte_vs_haproxy_1mb_pipes", rounds.Ratio(all[1], all[2]));
    }

    private static async Task<double> MeasureAsync(ProxyProcess proxy)
    {
        var before = proxy.Processor;
        await MoveAsync(proxy, RoundBytes);
        return (proxy.Processor - before) * PerGigabyte;
    }

    // A connection for each direction: what a proxy learns of a connection, such as whether splicing pays, must not depend on what went the other way before.
    private static async Task MoveAsync(ProxyProcess proxy, long bytes)
    {
        using (var down = new BulkClient(proxy.Ports.Traffic)) await down.DownloadAsync(bytes / 2);
        using (var up = new BulkClient(proxy.Ports.Traffic)) await up.UploadAsync(bytes / 2);
    }
}
