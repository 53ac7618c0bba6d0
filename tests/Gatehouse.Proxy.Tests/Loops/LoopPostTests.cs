using Gatehouse.Proxy.Loops;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Loops;

public sealed class LoopPostTests
{
    [Fact(Timeout = 240_000)]
    public async Task Nothing_that_is_posted_waits_for_the_next_post()
    {
        using var loop = new Loop(0, TimeProvider.System);
        loop.Start();
        var posters = Enumerable.Range(0, 2).Select(_ => Task.Factory.StartNew(
            () =>
            {
                // Each waits for its own before it posts again, so that the loop is about to sleep whenever something comes.
                var done = 0;
                for (var i = 1; i <= 200_000; i++)
                {
                    loop.Post(_ => Volatile.Write(ref done, i));
                    if (!SpinWait.SpinUntil(() => Volatile.Read(ref done) == i, TimeSpan.FromSeconds(10))) return i;
                }

                return 0;
            }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToList();
        var lost = await Task.WhenAll(posters);
        Assert.Equal([0, 0], lost);
    }
}
