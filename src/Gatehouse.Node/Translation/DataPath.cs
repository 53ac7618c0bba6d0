using System.Diagnostics;
using Gatehouse.Linux;
using Gatehouse.Node.Ruleset;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Node.Translation;

/// <summary>
/// The tables in the kernel and what they should hold. Changes are gathered while the kernel works on the batch before them, so a burst of a hundred becomes a few
/// transactions. When a batch is refused, the tables are loaded whole: running flows don't notice that.
/// </summary>
/// <remarks>Safe for any thread.</remarks>
internal sealed class DataPath : IDisposable
{
    private readonly Lock _gate = new();
    private readonly ElementTable _table = new();
    private readonly HashSet<PolicyChain> _chains = [.. PolicyChain.Ready];
    private readonly Dictionary<ElementKey, TableChange> _pending = [];
    private readonly KernelTables _kernel;
    private readonly NodeMetrics _metrics;
    private readonly ILogger _log;
    private readonly Dictionary<uint, int> _marks = [];
    private List<TaskCompletionSource> _waiting = [];
    private RulesetShape? _shape;
    private bool _running;

    public DataPath(KernelTables kernel, NodeMetrics metrics, ILogger log)
    {
        _kernel = kernel;
        _metrics = metrics;
        _log = log;
    }

    /// <summary>Marks of instances of which nothing is known any more: their flows must not stay pinned to them. Called outside of all locks, after the kernel has the change.</summary>
    public Action<IReadOnlyCollection<uint>>? InstancesGone { get; set; }

    /// <summary>Elements that the kernel should hold.</summary>
    public int Count
    {
        get
        {
            lock (_gate) return _table.Count;
        }
    }

    /// <summary>Loads the tables whole, with everything that is known, in one transaction. Until then changes are only noted.</summary>
    public void Load(RulesetShape shape)
    {
        lock (_gate)
        {
            if (_shape == shape) return;
            _shape = shape;
            Reload("load");
        }
    }

    /// <summary>Loads the tables anew when somebody removed them, or part of them.</summary>
    /// <param name="thorough">Look at every rule, even when nobody else seems to have changed any.</param>
    /// <returns>Whether they were not whole.</returns>
    public bool Restore(bool thorough)
    {
        lock (_gate)
        {
            // Asked under the lock: while the first load is under way, nothing is missing.
            if (_shape is null || _kernel.AreThere(thorough)) return false;
            Reload("restore");
            return true;
        }
    }

    /// <summary>Replaces what one owner wants.</summary>
    /// <returns>Ends when the kernel holds it.</returns>
    public Task ReplaceAsync(string owner, IEnumerable<NftElement> elements, params ReadOnlySpan<PolicyChain> chains) => ReplaceAsync([(owner, elements)], chains);

    /// <summary>Replaces what several owners want, in one transaction.</summary>
    public Task ReplaceAsync(IEnumerable<(string Owner, IEnumerable<NftElement> Elements)> owners, params ReadOnlySpan<PolicyChain> chains)
    {
        lock (_gate)
        {
            var news = NewChains(chains);
            foreach (var (owner, elements) in owners)
            {
                foreach (var change in _table.Replace(owner, elements))
                {
                    CountMark(change);
                    Merge(change);
                }
            }

            if (_shape is null) return Task.CompletedTask;
            if (news.Count > 0) AddChains(news);
            return _pending.Count == 0 && !_running ? Task.CompletedTask : Enqueue();
        }
    }

    /// <summary>Refuses addresses in the kernel for a while.</summary>
    public Task RefuseAsync(System.Net.IPAddress address, TimeSpan time)
    {
        lock (_gate)
        {
            var schema = NftSchema.For(IpFamilies.Of(address));
            if (_shape is null || _table.Find(NftElement.Member(schema.Known, address).Key) is not null) return Task.CompletedTask;
            foreach (var set in new[] { schema.Refused, schema.Known })
            {
                var element = NftElement.Member(set, address).For(time);
                Merge(new(element.Key, element.Value, null));
            }

            return Enqueue();
        }
    }

    /// <summary>The value that the kernel should hold; null when there is none.</summary>
    public ElementValue? Find(ElementKey key)
    {
        lock (_gate) return _table.Find(key);
    }

    /// <summary>The marks of all instances that are known.</summary>
    public HashSet<uint> Marks()
    {
        lock (_gate)
        {
            return [.. _marks.Keys];
        }
    }

    public void Dispose() => _kernel.Dispose();

    private static bool IsMark(TableChange change) => ReferenceEquals(change.Key.Set, NftSchema.For(change.Key.Set.Family).Marks);

    private static uint MarkOf(TableChange change) => BitConverter.ToUInt32((change.Value ?? change.Before)!.Bytes!);

    /// <summary>Both families of an instance have one mark.</summary>
    private void CountMark(TableChange change)
    {
        if (!IsMark(change) || (change.Value is null) == (change.Before is null)) return;
        var mark = MarkOf(change);
        var count = _marks.GetValueOrDefault(mark) + (change.Value is null ? -1 : 1);
        if (count > 0) _marks[mark] = count;
        else _marks.Remove(mark);
    }

    private void Merge(TableChange change)
    {
        if (!_pending.TryGetValue(change.Key, out var earlier))
        {
            _pending[change.Key] = change;
            return;
        }

        if (earlier.Before == change.Value) _pending.Remove(change.Key);
        else _pending[change.Key] = change with { Before = earlier.Before };
    }

    private List<PolicyChain> NewChains(ReadOnlySpan<PolicyChain> chains)
    {
        var news = new List<PolicyChain>();
        foreach (var chain in chains)
        {
            if (_chains.Add(chain)) news.Add(chain);
        }

        return news;
    }

    private void AddChains(List<PolicyChain> news)
    {
        try
        {
            _kernel.Add(news);
        }
        catch (LinuxException fault)
        {
            // Somebody took the tables away a moment ago. They are known by now, so the load has them.
            _log.BatchRefused(news.Count, fault.Message);
            Reload("repair");
        }
    }

    private Task Enqueue()
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting.Add(done);
        if (_running) return done.Task;
        _running = true;
        ThreadPool.UnsafeQueueUserWorkItem(static self => self.Drain(), this, preferLocal: false);
        return done.Task;
    }

    private void Drain()
    {
        while (true)
        {
            List<TaskCompletionSource> waiting;
            TableChange[] changes;
            lock (_gate)
            {
                if (_waiting.Count == 0)
                {
                    _running = false;
                    return;
                }

                (waiting, _waiting) = (_waiting, []);
                changes = [.. _pending.Values];
                _pending.Clear();
            }

            Finish(waiting, Apply(changes));
            Announce(changes);
        }
    }

    private static void Finish(List<TaskCompletionSource> waiting, LinuxException? fault)
    {
        foreach (var done in waiting)
        {
            if (fault is null) done.TrySetResult();
            else done.TrySetException(fault);
        }
    }

    /// <returns>Null, or why the kernel has neither the changes nor the whole table.</returns>
    private LinuxException? Apply(TableChange[] changes)
    {
        if (changes.Length == 0) return null;
        var start = Stopwatch.GetTimestamp();
        try
        {
            _kernel.Apply(changes);
            _metrics.Applied(changes.Length, Stopwatch.GetElapsedTime(start));
            return null;
        }
        catch (LinuxException fault)
        {
            _log.BatchRefused(changes.Length, fault.Message);
        }

        try
        {
            lock (_gate) Reload("repair");
            return null;
        }
        catch (LinuxException fault)
        {
            _log.LoadRefused(fault.Message);
            return fault;
        }
    }

    private void Reload(string why)
    {
        var start = Stopwatch.GetTimestamp();
        _pending.Clear();
        _kernel.Load(_shape!, _chains, _table.Elements);
        _metrics.Loaded(why, Stopwatch.GetElapsedTime(start));
    }

    /// <summary>An instance is gone when neither family's address of it is known any more.</summary>
    private void Announce(TableChange[] changes)
    {
        HashSet<uint> lost = [.. changes.Where(c => c.Value is null && IsMark(c)).Select(MarkOf)];
        if (lost.Count == 0) return;
        lock (_gate) lost.RemoveWhere(_marks.ContainsKey);
        if (lost.Count > 0) InstancesGone?.Invoke(lost);
    }
}
