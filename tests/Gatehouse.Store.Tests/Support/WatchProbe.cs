namespace Gatehouse.Store.Tests.Support;

/// <summary>A watch that a test moves by hand.</summary>
internal sealed class WatchProbe : IAsyncDisposable
{
    private readonly CancellationTokenSource _limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly IAsyncEnumerator<StoreEvent> _events;
    private Task<bool>? _pending;

    public WatchProbe(IRevisionStore store, string prefix, long after)
    {
        _limit.CancelAfter(StoreReading.Patience);
        _events = store.WatchAsync(prefix, after, _limit.Token).GetAsyncEnumerator(_limit.Token);
    }

    /// <summary>Starts to wait for the next event. When this returns the watch is attached: it waits, or has an event.</summary>
    public void Arm() => _pending ??= _events.MoveNextAsync().AsTask();

    /// <summary>Whether an event is there without waiting.</summary>
    public bool HasEvent
    {
        get
        {
            Arm();
            return _pending!.IsCompleted;
        }
    }

    /// <summary>The next event; null at the end of the sequence.</summary>
    public async Task<StoreEvent?> NextAsync()
    {
        Arm();
        var more = await _pending!;
        _pending = null;
        return more ? _events.Current : null;
    }

    public async ValueTask DisposeAsync()
    {
        await _limit.CancelAsync();
        try
        {
            if (_pending is not null) await _pending;
        }
        catch (Exception e) when (e is OperationCanceledException or RevisionCompactedException)
        {
            // The test has seen what it wanted.
        }

        await _events.DisposeAsync();
        _limit.Dispose();
    }
}
