using System.Buffers;
using System.Globalization;
using Gatehouse.Proxy.Engine;

namespace Gatehouse.Proxy.Access.Metrics;

/// <summary>All figures of an engine as Prometheus reads them. Any thread may ask; the loops are not touched, and what is read of them may be a moment old.</summary>
internal sealed class EngineMetrics(ProxyEngine engine, EngineState state)
{
    /// <summary>Routes that have series of their own; those that stand after them in the configuration have none.</summary>
    public const int MostRoutes = 20_000;

    private const int BufferSize = 64 * 1024;

    private static readonly string Version = typeof(EngineMetrics).Assembly.GetName().Version!.ToString(3);
    private static readonly (Counter Counter, string Class)[] Classes =
        [(Counter.Status1xx, "1xx"), (Counter.Status2xx, "2xx"), (Counter.Status3xx, "3xx"), (Counter.Status4xx, "4xx"), (Counter.Status5xx, "5xx")];

    private static readonly (int Reason, string Name)[] Reasons = [.. RefusalReasons.All.Select(r => (r, RefusalReasons.Name(r)))];
    private static readonly string[] Numbers = [.. Enumerable.Range(0, 1_024).Select(n => n.ToString(CultureInfo.InvariantCulture))];

    /// <summary>Writes them, in parts of 64 KB at most.</summary>
    /// <returns>False: whoever read it was gone before the end.</returns>
    public bool Write(TextSink sink, int mostRoutes = MostRoutes)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            var text = new MetricText(buffer.AsSpan(0, BufferSize), sink);
            var index = engine.Figures();
            WriteProcess(ref text);
            text.Single(MetricList.Routes, index.Routes.Count);
            text.Single(MetricList.RoutesLeftOut, Math.Max(0, index.Routes.Count - mostRoutes));
            text.Single(MetricList.LogLines, state.Log?.Lines ?? 0);
            text.Single(MetricList.LogDropped, state.Log?.Dropped ?? 0);
            WriteRefusals(ref text);
            WriteLoops(ref text);
            WriteListeners(ref text, index);
            WriteRoutes(ref text, index, Math.Min(index.Routes.Count, mostRoutes));
            WriteEndpoints(ref text, index);
            text.Flush();
            return !text.IsBroken;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void WriteProcess(ref MetricText text)
    {
        text.Begin(MetricList.Info);
        text.Series(Version, 1);
        text.Single(MetricList.StartTime, state.StartedAt.ToUnixTimeMilliseconds() / 1_000.0);
        text.Single(MetricList.Resident, Environment.WorkingSet);
        text.Begin(MetricList.Collections);
        for (var generation = 0; generation <= GC.MaxGeneration; generation++) text.Series(Numbers[generation], GC.CollectionCount(generation));
        text.Single(MetricList.GcPause, GC.GetTotalPauseDuration().TotalSeconds);
        text.Single(MetricList.Revision, state.Revision);
        text.Single(MetricList.Restarts, state.Restarts);
        text.Single(MetricList.Draining, state.IsDraining ? 1 : 0);
        text.Single(MetricList.Connections, engine.Connections);
        text.Single(MetricList.MaxConnections, engine.MaxConnections);
    }

    private void WriteRefusals(ref MetricText text)
    {
        text.Begin(MetricList.Refusals);
        foreach (var (reason, name) in Reasons)
        {
            var sum = 0L;
            foreach (var loop in engine.Loops) sum += loop.Counters.ReadReason(reason);
            text.Series(name, sum);
        }
    }

    private void WriteLoops(ref MetricText text)
    {
        EachLoop(ref text, MetricList.LoopTurns, static l => l.Loop.Turns);
        EachLoop(ref text, MetricList.LoopAllocated, static l => l.Loop.AllocatedBytes);
        EachLoop(ref text, MetricList.LoopConnections, static l => l.Connections);
        EachLoop(ref text, MetricList.LoopHandedOver, static l => l.HandedOver);
        EachLoop(ref text, MetricList.LoopBuffers, static l => l.Loop.Buffers.InUse);
        EachLoop(ref text, MetricList.LoopBuffersKept, static l => l.Loop.Buffers.KeptBytes);
        EachLoop(ref text, MetricList.LoopIdle, static l => l.Upstreams.Idle);
    }

    private void EachLoop(ref MetricText text, MetricFamily family, Func<EngineLoop, long> read)
    {
        text.Begin(family);
        foreach (var loop in engine.Loops) text.Series(Numbers[loop.Loop.Index], read(loop));
    }

    private void WriteListeners(ref MetricText text, FigureIndex index)
    {
        foreach (var figure in MetricList.OfListener)
        {
            text.Begin(figure.Family);
            foreach (var listener in index.Listeners) text.Series(listener.Name, Value(listener.Counter, figure));
        }

        text.Begin(MetricList.ListenerResponses);
        foreach (var listener in index.Listeners)
        {
            foreach (var (counter, name) in Classes) text.Series(listener.Name, name, engine.Sum(listener.Counter, counter));
        }
    }

    private void WriteRoutes(ref MetricText text, FigureIndex index, int count)
    {
        foreach (var figure in MetricList.OfRoute)
        {
            text.Begin(figure.Family);
            for (var i = 0; i < count && !text.IsBroken; i++) text.Series(index.Routes[i].Host, index.Routes[i].Config.Name, Value(index.Routes[i].Counter, figure));
        }

        text.Begin(MetricList.RouteResponses);
        for (var i = 0; i < count && !text.IsBroken; i++)
        {
            var route = index.Routes[i];
            foreach (var (counter, name) in Classes) text.Series(route.Host, route.Config.Name, name, engine.Sum(route.Counter, counter));
        }
    }

    private void WriteEndpoints(ref MetricText text, FigureIndex index)
    {
        foreach (var figure in MetricList.OfEndpoint)
        {
            text.Begin(figure.Family);
            foreach (var group in index.Groups)
            {
                foreach (var endpoint in group.Current.Endpoints) text.Series(group.Name, endpoint.Name, Value(endpoint.Index, figure));
            }
        }

        text.Begin(MetricList.EndpointResponses);
        foreach (var group in index.Groups)
        {
            foreach (var endpoint in group.Current.Endpoints)
            {
                foreach (var (counter, name) in Classes) text.Series(group.Name, endpoint.Name, name, engine.Sum(endpoint.Index, counter));
            }
        }
    }

    private double Value(int place, ThingFigure figure)
    {
        // What is taken off is read first, so that what is open is never less than nothing.
        var minus = figure.Minus is { } taken ? engine.Sum(place, taken) : 0;
        return Math.Max(0, engine.Sum(place, figure.Plus) - minus) * figure.Scale;
    }
}
