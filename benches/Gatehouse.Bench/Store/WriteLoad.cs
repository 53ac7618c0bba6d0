using System.Diagnostics;

namespace Gatehouse.Bench.Store;

/// <summary>One round.</summary>
/// <param name="P50">Milliseconds from a write to its acknowledgement.</param>
internal readonly record struct WriteResults(double PerSecond, double P50, double P99);

/// <summary>Writers that each rewrite keys of their own, always expecting the revision that their last write of the key made.</summary>
/// <param name="write">Key, value, expected revision -> new revision; throws on a conflict.</param>
/// <param name="name">Keeps the keys of two loads apart.</param>
internal sealed class WriteLoad(int writers, int valueBytes, Func<string, byte[], long, Task<long>> write, string name = "load")
{
    private const int KeysOfWriter = 100;

    private readonly long[][] _revisions = [.. Enumerable.Range(0, writers).Select(_ => new long[KeysOfWriter])];

    public async Task<WriteResults> RunAsync(TimeSpan duration)
    {
        // Nobody's round begins with the garbage of the other.
        GC.Collect();
        var until = Stopwatch.GetTimestamp() + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        var started = Stopwatch.GetTimestamp();
        var times = await Task.WhenAll(Enumerable.Range(0, writers).Select(writer => Task.Run(() => WriteUntilAsync(writer, until))));
        var elapsed = Stopwatch.GetElapsedTime(started);
        var all = times.SelectMany(t => t).ToArray();
        return new WriteResults(all.Length / elapsed.TotalSeconds, Statistics.Percentile(all, 0.5), Statistics.Percentile(all, 0.99));
    }

    private async Task<List<double>> WriteUntilAsync(int writer, long until)
    {
        var times = new List<double>();
        var value = new byte[valueBytes];
        var random = new Random(writer);
        for (var i = 0; Stopwatch.GetTimestamp() < until; i = (i + 1) % KeysOfWriter)
        {
            random.NextBytes(value);
            var started = Stopwatch.GetTimestamp();
            _revisions[writer][i] = await write($"/registry/gatehouse.dev/workers/{name}/w{writer:d3}-{i:d3}", value, _revisions[writer][i]);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        return times;
    }
}
