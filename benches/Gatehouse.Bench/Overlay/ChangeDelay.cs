using System.Diagnostics;
using System.Net;
using Gatehouse.Bench.Store;
using Gatehouse.Linux;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Bench.Overlay;

/// <summary>From an instance's change at the cluster manager until the maps of a worker hold it.</summary>
internal static class ChangeDelay
{
    private const int WarmUp = 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Moves instances of services that the worker knows, one after the other, from one namespace address to another.</summary>
    /// <param name="services">Numbers in the population, of services that nothing real answers for.</param>
    public static async Task<double[]> MeasureAsync(OverlayLab lab, Population population, NetworkNamespace worker, IReadOnlyList<int> services, int changes, CancellationToken cancellation)
    {
        using var events = new MapEvents(worker);
        var delays = new List<double>(changes);
        for (var i = -WarmUp; i < changes; i++)
        {
            var number = services[(i + WarmUp) % services.Count];
            var instance = (await lab.InstancesAsync(Population.Name(number), cancellation)).Single();
            var place = instance.Status!.NamespaceAddress!;
            var next = place with { Ipv4 = Population.Elsewhere(place.Ipv4!) };
            events.Skip();
            var start = Stopwatch.GetTimestamp();
            var heard = Task.Run(() => events.WaitFor(population[number], IPAddress.Parse(next.Ipv4!), Patience), cancellation);
            await population.MoveAsync(number, next, cancellation);
            var there = await heard;
            if (there == 0) throw new TimeoutException($"the worker's maps did not hold {Population.Name(number)} at {next.Ipv4} after {Patience.TotalSeconds:0} s");
            await population.MoveAsync(number, place, cancellation);
            if (i >= 0) delays.Add(Stopwatch.GetElapsedTime(start, there).TotalMilliseconds);
        }

        return [.. delays];
    }

    /// <summary>So many changes a second of one service, for a while; as many as the manager takes when it takes fewer.</summary>
    /// <returns>Changes that were acknowledged.</returns>
    public static async Task<int> StormAsync(Population population, int number, AddressPair place, int perSecond, TimeSpan duration, CancellationToken cancellation)
    {
        var other = place with { Ipv4 = Population.Elsewhere(place.Ipv4!) };
        var count = 0;
        var start = Stopwatch.GetTimestamp();
        using var pace = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / perSecond));
        var running = new List<Task>();
        while (Stopwatch.GetElapsedTime(start) < duration && await pace.WaitForNextTickAsync(cancellation))
        {
            // The timer joins ticks that it missed.
            while (running.Count < Stopwatch.GetElapsedTime(start).TotalSeconds * perSecond && running.Count < duration.TotalSeconds * perSecond)
                running.Add(ChangeAsync(running.Count % 2 == 0 ? other : place));
        }

        await Task.WhenAll(running);
        return count;

        async Task ChangeAsync(AddressPair to)
        {
            await population.MoveAsync(number, to, cancellation);
            Interlocked.Increment(ref count);
        }
    }

    /// <summary>The rows and the figures.</summary>
    public static void Tell(BenchContext context, double[] delays, int known)
    {
        context.Report.Row("");
        context.Report.Row($"an instance's change at the cluster manager until the maps of a worker with {known:n0} services hold it, {delays.Length} changes: "
            + $"p50 {Statistics.Percentile(delays, 0.5):0.0} ms, p99 {Statistics.Percentile(delays, 0.99):0.0} ms, worst {delays.Max():0.0} ms");
        context.Report.Figure("overlay.change_ms_p99", Statistics.Percentile(delays, 0.99), "<= 20");
        context.Report.Figure("overlay.change_ms_p50", Statistics.Percentile(delays, 0.5));
    }
}
