namespace Gatehouse.Proxy.Listeners;

/// <summary>A listener through all snapshots: its descriptors, and what it is now.</summary>
internal sealed class ListenerState(string name, int counter, ListenerModel model)
{
    private volatile ListenerModel _current = model;
    private volatile bool _isRemoved;
    private int _connections;

    public string Name { get; } = name;

    /// <summary>Where it is counted.</summary>
    public int Counter { get; } = counter;

    /// <summary>The present snapshot's.</summary>
    public ListenerModel Current { get => _current; set => _current = value; }

    /// <summary>No longer configured: its clients end what they have begun.</summary>
    public bool IsRemoved { get => _isRemoved; set => _isRemoved = value; }

    /// <summary>Connections that are open, over all loops.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>How many of them each client has, where that is bounded.</summary>
    public ClientCounts Clients { get; } = new();

    public void Opened() => Interlocked.Increment(ref _connections);

    public void Closed() => Interlocked.Decrement(ref _connections);
}
