using System.Diagnostics;
using System.Net;

namespace Gatehouse.Api.Tests.Server;

/// <summary>Many narrow watches at one server, each event to the one that it is for. `bench scale` opens as many as the largest installation has.</summary>
public sealed class ManyWatchesTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(2_000)]
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
        for (var i = 0; i < 500; i++)
        {
            var worker = i * 31 % workers;
            var created = admin.PostAsync(Bodies.Interests, Bodies.Interest($"i{i}", $"w{worker}"));
            var line = await watches[worker].NextAsync();
            while (line!.Type == "BOOKMARK") line = await watches[worker].NextAsync();
            Assert.Equal($"i{i}", line.Name);
            (await created).Expect(201);
        }

        foreach (var watch in watches) watch.Dispose();
    }
}
