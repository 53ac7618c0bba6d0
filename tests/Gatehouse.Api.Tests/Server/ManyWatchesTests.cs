using System.Diagnostics;
using System.Net;

namespace Gatehouse.Api.Tests.Server;

/// <summary>As many watches as the largest installation has. Explicit: it takes half a minute of two cores.</summary>
public sealed class ManyWatchesTests(ITestOutputHelper output)
{
    [Theory(Explicit = true)]
    [InlineData(15_360)]
    public async Task Every_worker_watches_its_own_interests(int workers)
    {
        const int Streams = 900;
        await using var server = await TestServer.StartAsync();
        var admin = server.Operator(HttpVersion.Version20);
        var clock = Stopwatch.StartNew();
        var watches = new RawWatch[workers];
        await Parallel.ForEachAsync(Enumerable.Range(0, (workers + Streams - 1) / Streams), TestContext.Current.CancellationToken, async (connection, _) =>
        {
            var client = server.Operator(HttpVersion.Version20);
            for (var i = connection * Streams; i < Math.Min(workers, (connection + 1) * Streams); i++)
                watches[i] = await client.WatchAsync($"{Bodies.Interests}?watch=1&resourceVersion=0&allowWatchBookmarks=true&fieldSelector=spec.holder%3Dw{i}");
        });
        output.WriteLine($"{workers} watches open after {clock.Elapsed.TotalSeconds:0.0} s, {GC.GetTotalMemory(true) / 1048576} MiB managed (client and server)");
        var delays = new List<double>();
        for (var i = 0; i < 500; i++)
        {
            var worker = i * 31 % workers;
            clock.Restart();
            var created = admin.PostAsync(Bodies.Interests, Bodies.Interest($"i{i}", $"w{worker}"));
            var line = await watches[worker].NextAsync();
            while (line!.Type == "BOOKMARK") line = await watches[worker].NextAsync();
            Assert.Equal($"i{i}", line.Name);
            delays.Add(clock.Elapsed.TotalMilliseconds);
            (await created).Expect(201);
        }

        delays.Sort();
        output.WriteLine($"create to event: p50 {delays[250]:0.00} ms, p99 {delays[495]:0.00} ms");
        Assert.True(delays[495] < 250, $"{delays[495]} ms");
        foreach (var watch in watches) watch.Dispose();
    }
}
