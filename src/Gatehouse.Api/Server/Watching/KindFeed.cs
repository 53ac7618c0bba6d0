using Gatehouse.Api.Server.Registry;

namespace Gatehouse.Api.Server.Watching;

/// <summary>
/// The watches of one kind and its recent changes. A watch that binds a field to one value (<c>spec.holder=w1</c>) is found by that value, so that a
/// change costs as much as there are watches that may want it, not as there are watches.
/// </summary>
internal sealed class KindFeed(RegisteredKind kind, ApiServerLimits limits, ApiServerMetrics metrics)
{
    private readonly Lock _lock = new();
    private readonly Queue<WatchChange> _recent = new();
    private readonly HashSet<Watcher> _open = [];
    private readonly Dictionary<(int Field, string Value), HashSet<Watcher>> _bound = [];
    private readonly int[] _boundByField = new int[kind.FieldPaths.Count];
    private readonly List<Watcher> _slow = [];
    private long _recentBytes;
    private long _complete; // every change of the kind after this revision, up to _last, is in _recent
    private long _last;

    public RegisteredKind Kind => kind;

    /// <summary>Forgets the recent changes and ends all watches: what comes next begins after <paramref name="revision"/>.</summary>
    public void Reset(long revision)
    {
        List<Watcher> all;
        lock (_lock)
        {
            _recent.Clear();
            (_recentBytes, _complete, _last) = (0, revision, revision);
            all = [.. All()];
        }

        foreach (var watcher in all) watcher.End();
    }

    /// <summary>Lets a watch in when all that it missed after <see cref="Watcher.After"/> is in memory.</summary>
    /// <returns>False when older changes must be read from the store first.</returns>
    public bool TryEnter(Watcher watcher)
    {
        lock (_lock)
        {
            if (watcher.After < _complete) return false;
            foreach (var change in _recent)
            {
                if (!watcher.Offer(change))
                {
                    metrics.Overflowed(kind);
                    watcher.End();
                    return true;
                }
            }

            Add(watcher);
            return true;
        }
    }

    public void Leave(Watcher watcher)
    {
        lock (_lock) Remove(watcher);
    }

    /// <summary>Hands a change to the watches that may want it.</summary>
    public void Publish(WatchChange change)
    {
        lock (_lock)
        {
            Remember(change);
            foreach (var watcher in _open) Offer(watcher, change);
            for (var field = 0; field < _boundByField.Length; field++)
            {
                if (_boundByField[field] == 0) continue;
                var (now, before) = (change.Now?.Fields[field], change.Before?.Fields[field]);
                OfferBound(field, now, change);
                if (before != now) OfferBound(field, before, change);
            }

            foreach (var watcher in _slow)
            {
                metrics.Overflowed(kind);
                Remove(watcher);
                watcher.End();
            }

            _slow.Clear();
        }
    }

    /// <summary>Tells the watches of one slot how far they are.</summary>
    /// <param name="revision">Every change up to it was published.</param>
    public void Bookmark(long revision, int slot)
    {
        lock (_lock)
        {
            revision = Math.Max(revision, _last);
            foreach (var watcher in All())
            {
                if (watcher.Bookmarks && watcher.Slot == slot) watcher.OfferBookmark(revision);
            }
        }
    }

    private IEnumerable<Watcher> All() => _open.Concat(_bound.Values.SelectMany(static w => w));

    private void OfferBound(int field, string? value, WatchChange change)
    {
        if (value is null || !_bound.TryGetValue((field, value), out var watchers)) return;
        foreach (var watcher in watchers) Offer(watcher, change);
    }

    private void Offer(Watcher watcher, WatchChange change)
    {
        if (!watcher.Offer(change)) _slow.Add(watcher);
    }

    private void Remember(WatchChange change)
    {
        _recent.Enqueue(change);
        _recentBytes += change.Size;
        _last = change.Revision;
        while (_recent.Count > limits.RecentEvents || _recentBytes > limits.RecentBytes && _recent.Count > 1)
        {
            var forgotten = _recent.Dequeue();
            _recentBytes -= forgotten.Size;
            _complete = forgotten.Revision;
        }
    }

    private void Add(Watcher watcher)
    {
        if (watcher.Filter.Index is not { } index)
        {
            _open.Add(watcher);
            return;
        }

        if (!_bound.TryGetValue(index, out var watchers)) _bound[index] = watchers = [];
        if (watchers.Add(watcher)) _boundByField[index.Field]++;
    }

    private void Remove(Watcher watcher)
    {
        if (watcher.Filter.Index is not { } index)
        {
            _open.Remove(watcher);
            return;
        }

        if (!_bound.TryGetValue(index, out var watchers) || !watchers.Remove(watcher)) return;
        _boundByField[index.Field]--;
        if (watchers.Count == 0) _bound.Remove(index);
    }
}
