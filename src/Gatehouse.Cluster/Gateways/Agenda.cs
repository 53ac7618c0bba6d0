namespace Gatehouse.Cluster.Gateways;

/// <summary>Names with the time at which to look at them again; the earliest time given counts. Any thread. Bounded by the names.</summary>
internal sealed class Agenda
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, DateTimeOffset> _due = new(StringComparer.Ordinal);
    private readonly PriorityQueue<string, DateTimeOffset> _queue = new();

    /// <summary>The earliest time; null when there is none.</summary>
    public DateTimeOffset? Next
    {
        get
        {
            lock (_lock) return _queue.TryPeek(out _, out var due) ? due : null;
        }
    }

    /// <summary>Notes a time for a name, unless an earlier one is noted.</summary>
    public void Add(string name, DateTimeOffset due)
    {
        lock (_lock)
        {
            if (_due.TryGetValue(name, out var noted) && noted <= due) return;
            _due[name] = due;
            _queue.Enqueue(name, due);
        }
    }

    /// <summary>Names whose time has come; they leave the agenda.</summary>
    public IReadOnlyList<string> TakeDue(DateTimeOffset now)
    {
        var taken = new List<string>();
        lock (_lock)
        {
            while (_queue.TryPeek(out var name, out var due) && due <= now)
            {
                _queue.Dequeue();

                // An entry that an earlier one replaced has nothing to say.
                if (_due.TryGetValue(name, out var noted) && noted == due && _due.Remove(name)) taken.Add(name);
            }
        }

        return taken;
    }
}
