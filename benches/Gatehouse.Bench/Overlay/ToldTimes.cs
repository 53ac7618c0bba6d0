using System.Collections.Concurrent;
using System.Diagnostics;
using Gatehouse.Api.Client;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Bench.Overlay;

/// <summary>When a watch of a worker's interests brought an address: what the worker itself gets, seen by another reader.</summary>
internal sealed class ToldTimes : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource<long>> _seen = new(StringComparer.Ordinal);
    private Task _reading = Task.CompletedTask;

    private ToldTimes()
    {
    }

    public static async Task<ToldTimes> StartAsync(IObjectClient manager, string worker, CancellationToken cancellation)
    {
        var times = new ToldTimes();
        var selection = new Selection(Fields: $"spec.holder={worker}");
        var there = await manager.ListAsync<Interest>(selection, cancellation);
        times._reading = times.ReadAsync(manager.WatchAsync<Interest>(selection, there.ResourceVersion, cancellation), cancellation);
        return times;
    }

    /// <summary>Forgets that an address came before.</summary>
    public void Skip(string address) => _seen.TryRemove(address, out _);

    /// <summary>The time stamp at which a namespace address came first since it was skipped.</summary>
    public Task<long> OfAsync(string address, CancellationToken cancellation) => Of(address).Task.WaitAsync(cancellation);

    public async ValueTask DisposeAsync()
    {
        try
        {
            await _reading;
        }
        catch (OperationCanceledException)
        {
            // The comparison is through.
        }
    }

    private async Task ReadAsync(IAsyncEnumerable<ObjectEvent<Interest>> changes, CancellationToken cancellation)
    {
        await foreach (var change in changes.WithCancellation(cancellation))
        {
            var now = Stopwatch.GetTimestamp();
            foreach (var instance in change.Object?.Status?.Instances ?? []) Of(instance.NamespaceAddress.Ipv4!).TrySetResult(now);
        }
    }

    private TaskCompletionSource<long> Of(string address) => _seen.GetOrAdd(address, static _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
}
