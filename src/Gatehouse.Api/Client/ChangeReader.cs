using System.Threading.Channels;
using Gatehouse.Objects;

namespace Gatehouse.Api.Client;

/// <summary>
/// What waits for one reader of an informer: for each object the net change since the reader last took it, in the order in which objects first changed. At
/// most two entries for an object (its end, and another object of its name), so the bound is the objects that the reader knows plus those that there are.
/// </summary>
/// <remarks>One informer puts, one reader takes.</remarks>
internal sealed class ChangeReader<T>
    where T : ApiObject, IKind<T>
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ObjectKey, LinkedListNode<Pending>> _byKey = [];
    private readonly LinkedList<Pending> _order = new();

    /// <summary>One mark is enough: a reader takes everything that waits.</summary>
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    public int Count
    {
        get
        {
            lock (_gate) return _order.Count;
        }
    }

    public void Put(IEnumerable<ObjectEvent<T>> changes)
    {
        lock (_gate)
        {
            var before = _order.Count;
            foreach (var change in changes) Merge(change);
            ClientMetrics.ReaderPending.Add(_order.Count - before, ClientMetrics.Kind(T.Info.Plural));
        }

        _wake.Writer.TryWrite(true);
    }

    /// <summary>Ends the reader after what waits.</summary>
    public void Complete() => _wake.Writer.TryComplete();

    /// <summary>Waits for changes; null at the end.</summary>
    public async ValueTask<IReadOnlyList<ObjectEvent<T>>?> TakeAsync(int max, CancellationToken cancellation)
    {
        while (true)
        {
            if (Take(max) is { Count: > 0 } batch) return batch;
            if (!await _wake.Reader.WaitToReadAsync(cancellation)) return Take(max) is { Count: > 0 } last ? last : null;
            _wake.Reader.TryRead(out _);
        }
    }

    /// <summary>The reader left.</summary>
    public void Drop()
    {
        lock (_gate)
        {
            ClientMetrics.ReaderPending.Add(-_order.Count, ClientMetrics.Kind(T.Info.Plural));
            _order.Clear();
            _byKey.Clear();
        }
    }

    private List<ObjectEvent<T>> Take(int max)
    {
        lock (_gate)
        {
            var batch = new List<ObjectEvent<T>>(Math.Min(max, _order.Count + 1));
            var before = _order.Count;
            while (_order.First is { } first && batch.Count < max)
            {
                batch.Add(first.Value.Next());
                if (!first.Value.IsEmpty) continue;
                _order.RemoveFirst();
                _byKey.Remove(first.Value.Key);
            }

            ClientMetrics.ReaderPending.Add(_order.Count - before, ClientMetrics.Kind(T.Info.Plural));
            return batch;
        }
    }

    private void Merge(ObjectEvent<T> change)
    {
        var key = change.Object!.Key;
        if (!_byKey.TryGetValue(key, out var node))
        {
            _byKey[key] = _order.AddLast(new Pending(key, change));
            return;
        }

        if (node.Value.Merge(change)) return;
        _order.Remove(node);
        _byKey.Remove(key);
    }

    /// <summary>The net change of one key.</summary>
    private sealed class Pending(ObjectKey key, ObjectEvent<T> first)
    {
        private ObjectEvent<T>? _deleted = first.Type == ObjectEventType.Deleted ? first : null;
        private ObjectEvent<T>? _present = first.Type == ObjectEventType.Deleted ? null : first;

        public ObjectKey Key => key;

        /// <summary>False when nothing is left to say: the reader never heard of the object, and it is gone.</summary>
        public bool Merge(ObjectEvent<T> change)
        {
            if (change.Type == ObjectEventType.Deleted)
            {
                if (_deleted is null && _present!.Type != ObjectEventType.Added) _deleted = change;
                _present = null;
                return _deleted is not null;
            }

            _present = _present is null ? change : change with { Type = _present.Type };
            return true;
        }

        public bool IsEmpty => _deleted is null && _present is null;

        /// <summary>Takes what comes first: the end of the old object before the new one.</summary>
        public ObjectEvent<T> Next()
        {
            var next = _deleted ?? _present!;
            if (_deleted is null) _present = null;
            _deleted = null;
            return next;
        }
    }
}
