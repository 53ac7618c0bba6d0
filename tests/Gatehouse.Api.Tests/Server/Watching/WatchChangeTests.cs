using Gatehouse.Api.Client;
using Gatehouse.Api.Server;
using Gatehouse.Api.Server.Registry;
using Gatehouse.Api.Server.Watching;
using Gatehouse.Objects.Kinds;
using Gatehouse.Store;

namespace Gatehouse.Api.Tests.Server.Watching;

public sealed class WatchChangeTests
{
    private const int Readers = 4;
    private const int Rounds = 300;

    /// <summary>A large object, so that those who come while it is made are many.</summary>
    private static readonly byte[] Value = System.Text.Encoding.UTF8.GetBytes(
        $$$"""{"apiVersion":"gatehouse.dev/v1","kind":"Worker","metadata":{"name":"w","annotations":{"long":"{{{new string('x', 20_000)}}}"}},"spec":{}}""");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Readers_at_the_same_moment_share_what_one_of_them_made(bool frames)
    {
        using var metrics = new ApiServerMetrics();
        var kind = new RegisteredKind(Worker.Info, []);
        var changes = Enumerable.Range(1, Rounds).Select(i => new WatchChange(kind, new StoreEvent(i, kind.KeyOf("w"), Value, null), metrics)).ToArray();
        using var together = new Barrier(Readers);
        var made = await Task.WhenAll(Enumerable.Range(0, Readers).Select(_ => Task.Factory.StartNew(
            () => changes.Select(change => Take(change, together, frames)).ToArray(), default, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        for (var i = 0; i < Rounds; i++) Assert.Single(made.Select(m => m[i]).Distinct(ReferenceEqualityComparer.Instance));
    }

    private static object Take(WatchChange change, Barrier together, bool frames)
    {
        together.SignalAndWait();
        return frames ? change.Frame(ObjectEventType.Added) : change.Read<Worker>(ObjectEventType.Added);
    }
}
