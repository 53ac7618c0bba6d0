using System.Diagnostics.Metrics;

namespace Gatehouse.Node;

/// <summary>The node role's figures; meter <c>Gatehouse.Node</c>.</summary>
internal sealed class NodeMetrics : IDisposable
{
    private readonly Meter _meter = new("Gatehouse.Node");
    private readonly Histogram<double> _apply;
    private readonly Counter<long> _elements;
    private readonly Histogram<double> _load;
    private readonly Counter<long> _slowPackets;
    private readonly Histogram<double> _resolve;
    private readonly Counter<long> _flowDeletes;
    private readonly Counter<long> _emptied;

    public NodeMetrics()
    {
        _apply = _meter.CreateHistogram<double>("gatehouse.node.table.batch", "s", "One transaction of changed elements.");
        _elements = _meter.CreateCounter<long>("gatehouse.node.table.changes", "{element}", "Elements that changed.");
        _load = _meter.CreateHistogram<double>("gatehouse.node.table.load", "s", "One load of the whole tables; the tag says why.");
        _slowPackets = _meter.CreateCounter<long>("gatehouse.node.slowpath.packets", "{packet}", "Packets that reached user space, by what became of them.");
        _resolve = _meter.CreateHistogram<double>("gatehouse.node.slowpath.resolve", "s", "From a destination's first packet until its packets are put back, or dropped.");
        _flowDeletes = _meter.CreateCounter<long>("gatehouse.node.flows.deletes", "{instance}", "Instances whose flows were ended, since they are gone.");
        _emptied = _meter.CreateCounter<long>("gatehouse.node.instances.logs_emptied", "{file}", "Outputs of instances that grew over their bound and were emptied.");
    }

    public void LogEmptied() => _emptied.Add(1);

    /// <summary>Instances whose flows were ended in the kernel.</summary>
    public void FlowsDeleted(int instances) => _flowDeletes.Add(instances);

    public void Applied(int changes, TimeSpan time)
    {
        _apply.Record(time.TotalSeconds);
        _elements.Add(changes);
    }

    public void Loaded(string why, TimeSpan time) => _load.Record(time.TotalSeconds, new KeyValuePair<string, object?>("why", why));

    /// <param name="fate">queued, returned, unknown, unanswered, full, ignored.</param>
    public void SlowPackets(string fate, int count = 1) => _slowPackets.Add(count, new KeyValuePair<string, object?>("fate", fate));

    public void Resolved(string outcome, TimeSpan time) => _resolve.Record(time.TotalSeconds, new KeyValuePair<string, object?>("outcome", outcome));

    /// <summary>A figure that is read when somebody asks.</summary>
    public void Observe(string name, string unit, string description, Func<long> read) =>
        _meter.CreateObservableGauge(name, read, unit, description);

    public void Dispose() => _meter.Dispose();
}
