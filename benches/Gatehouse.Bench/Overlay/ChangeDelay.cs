using System.Diagnostics;
using System.Net;
using Gatehouse.Bench.Store;
using Gatehouse.Linux;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Bench.Overlay;

/// <summary>From an instance's change at the cluster manager until the maps of a worker hold it.</summary>
internal static class ChangeDelay
{
    /// <summary>Changes before those that count, without pause: what was made for 10,000 services a moment ago has settled in the processes then.</summary>
    private const int WarmUp = 400;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Moves instances of services that the worker knows from one namespace address to another and back, so many a second.</summary>
    /// <param name="services">Numbers in the population, of services that nothing real answers for.</param>
    public static async Task<ChangeTimes[]> MeasureAsync(OverlayLab lab, Population population, NetworkNamespace worker, IReadOnlyList<int> services, int changes, int perSecond, CancellationToken cancellation)
    {
        var places = new List<AddressPair>(services.Count);
        foreach (var number in services) places.Add((await lab.InstancesAsync(Population.Name(number), cancellation)).Single().Status!.NamespaceAddress!);
        using var events = new MapEvents(worker);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await using var told = await ToldTimes.StartAsync(lab.Manager, "worker3", end.Token);
        using var pace = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / perSecond));
        var delays = new List<ChangeTimes>(changes);
        for (var i = -WarmUp; i < changes; i++)
        {
            if (i >= 0) await pace.WaitForNextTickAsync(cancellation);
            var (which, back) = Math.DivRem(i + WarmUp, 2);
            var (number, place) = (services[which % services.Count], places[which % services.Count]);
            var next = back == 1 ? place : place with { Ipv4 = Population.Elsewhere(place.Ipv4!) };
            var times = await MoveAsync(population, events, told, number, next, end.Token);
            if (i >= 0) delays.Add(times);
        }

        await end.CancelAsync();
        return [.. delays];
    }

    private static async Task<ChangeTimes> MoveAsync(Population population, MapEvents events, ToldTimes told, int number, AddressPair next, CancellationToken cancellation)
    {
        events.Skip();
        told.Skip(next.Ipv4!);
        var start = Stopwatch.GetTimestamp();
        var heard = Task.Run(() => events.WaitFor(population[number], IPAddress.Parse(next.Ipv4!), Patience), cancellation);
        await population.MoveAsync(number, next, cancellation);
        var acknowledged = Stopwatch.GetTimestamp();
        var there = await heard;
        var pushed = await told.OfAsync(next.Ipv4!, cancellation);
        if (there == 0) throw new TimeoutException($"the worker's maps did not hold {Population.Name(number)} at {next.Ipv4} after {Patience.TotalSeconds:0} s");
        return new(Milliseconds(start, acknowledged), Milliseconds(start, pushed), Milliseconds(start, there));
    }

    private static double Milliseconds(long start, long end) => Stopwatch.GetElapsedTime(start, end).TotalMilliseconds;

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
    public static void Tell(BenchContext context, ChangeTimes[] times, int known)
    {
        context.Report.Row("");
        context.Report.Row($"an instance's change at the cluster manager until the maps of a worker with {known:n0} services hold it, {times.Length} changes");
        Tell(context, "acknowledged", [.. times.Select(t => t.Acknowledged)]);
        Tell(context, "told to watchers", [.. times.Select(t => t.Told)]);
        double[] delays = [.. times.Select(t => t.InMaps)];
        Tell(context, "in the maps", delays);
        context.Report.Figure("overlay.change_ms_p99", Statistics.Percentile(delays, 0.99), "<= 20");
        context.Report.Figure("overlay.change_ms_p50", Statistics.Percentile(delays, 0.5));
    }

    private static void Tell(BenchContext context, string what, double[] times) => context.Report.Row(
        $"  {what,-24} p50 {Statistics.Percentile(times, 0.5),7:0.00} ms   p99 {Statistics.Percentile(times, 0.99),7:0.00} ms   worst {times.Max(),7:0.00} ms");
}

/// <summary>How far a change was after so many milliseconds since its call.</summary>
/// <param name="Acknowledged">The manager answered: the change is durable.</param>
/// <param name="Told">A watch of the worker's interests brought it.</param>
/// <param name="InMaps">The worker's kernel holds it.</param>
internal sealed record ChangeTimes(double Acknowledged, double Told, double InMaps);
