namespace Gatehouse.Serve;

/// <summary>Several loops that belong together.</summary>
internal static class Loops
{
    /// <summary>Runs all; when one ends or fails, the others are cancelled and awaited, and the first failure is thrown.</summary>
    public static async Task UntilFirstEndsAsync(IReadOnlyList<Func<CancellationToken, Task>> loops, CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var running = loops.Select(l => l(either.Token)).ToList();
        var first = await Task.WhenAny(running);
        await either.CancelAsync();
        await Task.WhenAll(running).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        await first;
    }
}
