using System.Threading.Channels;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Cluster.Gateways;

/// <summary>Brings the changes of six kinds, as acts upon the state, into the reconciler's inbox; each kind begins with all that there is.</summary>
internal sealed class GatewayFeeds(IObjectClient local, TimeProvider time, ILoggerFactory logs, ChannelWriter<Action<GatewayState>> inbox) : IAsyncDisposable
{
    private const int Kinds = 6;
    private readonly List<IAsyncDisposable> _informers = [];
    private int _complete;

    /// <summary>Feeds until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation) => await Task.WhenAll(
        FeedAsync<Worker>(static (s, k, o) => s.OnWorker(k.Name, o), cancellation),
        FeedAsync<GatewayHost>(static (s, k, o) => s.OnGateway(k.Name, o), cancellation),
        FeedAsync<Exposure>(static (s, k, o) => s.OnExposure(k.Name, o), cancellation),
        FeedAsync<FabricService>(static (s, k, o) => s.OnAddresses(k, o), cancellation),
        FeedAsync<FabricInstance>(static (s, k, o) => s.OnAddresses(k, o), cancellation),
        FeedAsync<Interest>(static (s, k, o) => s.OnInterest(k, o), cancellation));

    /// <summary>Applies what comes until each kind was read whole once.</summary>
    public async Task CompleteAsync(ChannelReader<Action<GatewayState>> inboxReader, GatewayState state, CancellationToken cancellation)
    {
        while (Volatile.Read(ref _complete) < Kinds)
        {
            var change = await inboxReader.ReadAsync(cancellation);
            change(state);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var informer in _informers) await informer.DisposeAsync();
    }

    private async Task FeedAsync<T>(Action<GatewayState, ObjectKey, T?> apply, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        var informer = new Informer<T>(local, Selection.All, new InformerOptions { Time = time, Logger = logs.CreateLogger<Informer<T>>() });
        _informers.Add(informer);
        var running = informer.RunAsync(cancellation);
        await informer.LoadedAsync(cancellation);
        var changes = informer.ChangeBatchesAsync(1_000, cancellation).GetAsyncEnumerator(cancellation);
        await using (changes)
        {
            // Asking for the first batch makes this a reader: a delete after this moment is an event, one before it is missing from the snapshot.
            var first = changes.MoveNextAsync().AsTask();
            try
            {
                await inbox.WriteAsync(
                    state =>
                    {
                        foreach (var (key, value) in informer.Snapshot) apply(state, key, value);
                        Interlocked.Increment(ref _complete);
                    },
                    cancellation);
            }
            catch (OperationCanceledException)
            {
                // A reader that still waits can't be disposed.
                await ((Task)first).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                throw;
            }

            for (var more = await first; more; more = await changes.MoveNextAsync()) await DeliverAsync(changes.Current, apply, cancellation);
        }

        await running;
    }

    private ValueTask DeliverAsync<T>(IReadOnlyList<ObjectEvent<T>> batch, Action<GatewayState, ObjectKey, T?> apply, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => inbox.WriteAsync(
            state =>
            {
                foreach (var change in batch)
                {
                    if (change.Object is { } value) apply(state, value.Key, change.Type == ObjectEventType.Deleted ? null : value);
                }
            },
            cancellation);
}
