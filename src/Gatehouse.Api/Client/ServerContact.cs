namespace Gatehouse.Api.Client;

/// <summary>
/// Whether a server answers, as all requests of one client experience it. While it does not, one waiter at a time tries for all the others, so that an outage costs one
/// attempt for each process and not one for each mirror; the first answer wakes them all.
/// </summary>
/// <remarks>Safe for any thread.</remarks>
public sealed class ServerContact
{
    private readonly Lock _gate = new();
    private TaskCompletionSource _regained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _lost;
    private bool _isTried;

    /// <summary>Whether the last that was heard of the server is that it does not answer.</summary>
    public bool IsLost
    {
        get
        {
            lock (_gate) return _lost;
        }
    }

    /// <summary>A request was answered as it should be.</summary>
    public void Made()
    {
        TaskCompletionSource regained;
        lock (_gate)
        {
            if (!_lost) return;
            _lost = false;
            regained = _regained;
            _regained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        regained.SetResult();
    }

    /// <summary>A request found nobody, or a server that can't answer.</summary>
    public void Lost()
    {
        lock (_gate) _lost = true;
    }

    /// <summary>Pauses between two attempts; ends at once when the server answers somebody.</summary>
    /// <param name="pause">Of the one that tries for all: its own back-off, with jitter.</param>
    /// <param name="longest">Of the others: should the one that tries hang, they try by themselves after this.</param>
    /// <param name="time">The clock of the pause.</param>
    public async Task PauseAsync(TimeSpan pause, TimeSpan longest, TimeProvider time, CancellationToken cancellation)
    {
        var tries = false;
        lock (_gate)
        {
            if (_lost && !_isTried) tries = _isTried = true;
            else if (_lost) pause = longest;
        }

        try
        {
            await WaitAsync(pause, time, cancellation);
        }
        finally
        {
            if (tries)
            {
                lock (_gate) _isTried = false;
            }
        }
    }

    /// <summary>A pause of somebody who tries anyway; ends at once when a server that was lost when it began answers somebody.</summary>
    public async Task WaitAsync(TimeSpan pause, TimeProvider time, CancellationToken cancellation)
    {
        Task? regained;
        lock (_gate) regained = _lost ? _regained.Task : null;
        if (regained is null)
        {
            await Task.Delay(pause, time, cancellation);
            return;
        }

        using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await Task.WhenAny(regained, Task.Delay(pause, time, ends.Token));
        await ends.CancelAsync();
        cancellation.ThrowIfCancellationRequested();
    }
}
