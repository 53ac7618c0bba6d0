namespace Gatehouse.Api.Reconciling;

/// <summary>The loops of a role together.</summary>
public static class RoleTasks
{
    /// <summary>Runs all until cancelled. The first that fails or ends ends the others, and its exception is the one that is thrown.</summary>
    public static async Task RunAllAsync(CancellationToken cancellation, params IEnumerable<Func<CancellationToken, Task>> loops)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var running = loops.Select(loop => Task.Run(() => loop(stop.Token), CancellationToken.None)).ToList();
        var first = await Task.WhenAny(running);
        await stop.CancelAsync();
        try
        {
            await Task.WhenAll(running);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested && !first.IsFaulted)
        {
        }

        await IgnoreCancel(first);
    }

    private static async Task IgnoreCancel(Task task)
    {
        try
        {
            await task;
        }
        catch (OperationCanceledException)
        {
        }
    }
}
