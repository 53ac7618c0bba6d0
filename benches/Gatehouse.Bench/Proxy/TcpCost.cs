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
        // Pipes of 64 KB are HAProxy's default. With larger ones it may do better, which the figure does not take from it without saying so.
        contenders.Add("haproxy, pipes of 1 MB", await Haproxy.StartAsync("haproxy-pipes", setup, "tune.pipesize 1048576", stage.Cancellation));
        var clients = new List<BulkClient>();
        try
        {
            var measures = new List<(string Name, Func<Task<double>> MeasureAsync)>();
            foreach (var (name, proxy) in contenders.All)
            {
                var client = new BulkClient(proxy.Ports.Traffic);
                clients.Add(client);
                await MoveAsync(client, RoundBytes / 4);
                measures.Add((name, async () =>
                {
                    var before = proxy.Processor;
                    await MoveAsync(client, RoundBytes);
                    return (proxy.Processor - before) * PerGigabyte;
                }));
            }

            var rounds = new Rounds(stage.Report, count);
            var all = await rounds.RunAsync(measures, stage.Cancellation);
            rounds.Tell(all, "ms of processor time for each GB");
            rounds.Ratio(all[1], all[2]);
            stage.Report.Figure("proxy.tcp_cpu_per_byte_vs_haproxy", rounds.Ratio(all[1], all[0]), "<= 0.90");
        }
        finally
        {
            clients.ForEach(c => c.Dispose());
        }
    }

    private static async Task MoveAsync(BulkClient client, long bytes)
    {
        await client.DownloadAsync(bytes / 2);
        await client.UploadAsync(bytes / 2);
    }
}
