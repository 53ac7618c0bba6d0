using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Gatehouse.Api.Reconciling;

/// <summary>What the loops of this process do; tag <c>loop</c>.</summary>
internal static class ReconcileMetrics
{
    private static readonly Meter Meter = new("gatehouse.reconcile");
    private static readonly Counter<long> Steps = Meter.CreateCounter<long>("gatehouse.reconcile.steps", "{step}", "Steps by outcome: done, unreachable, or the refusal's reason.");
    private static readonly Histogram<double> Duration = Meter.CreateHistogram<double>("gatehouse.reconcile.duration", "s", "Time of one step.");
    private static readonly ConcurrentDictionary<Watched, byte> Loops = new();

    static ReconcileMetrics()
    {
        Meter.CreateObservableGauge("gatehouse.reconcile.pending", () => Observe(w => w.Pending()), "{key}", "Keys that wait or are at work.");
        Meter.CreateObservableGauge("gatehouse.reconcile.failing", () => Observe(w => w.Failing()), "{key}", "Keys whose last step failed.");
    }

    public static void Step(string loop, string outcome, TimeSpan took)
    {
        Steps.Add(1, new KeyValuePair<string, object?>("loop", loop), new KeyValuePair<string, object?>("outcome", outcome));
        Duration.Record(took.TotalSeconds, new KeyValuePair<string, object?>("loop", loop));
    }

    public static IDisposable Watch(string loop, Func<int> pending, Func<int> failing) => new Watched(loop, pending, failing);

    private static IEnumerable<Measurement<int>> Observe(Func<Watched, int> read) =>
        Loops.Keys.Select(w => new Measurement<int>(read(w), new KeyValuePair<string, object?>("loop", w.Loop)));

    private sealed class Watched : IDisposable
    {
        public Watched(string loop, Func<int> pending, Func<int> failing)
        {
            (Loop, Pending, Failing) = (loop, pending, failing);
            Loops[this] = 0;
        }

        public string Loop { get; }

        public Func<int> Pending { get; }

        public Func<int> Failing { get; }

        public void Dispose() => Loops.TryRemove(this, out _);
    }
}
