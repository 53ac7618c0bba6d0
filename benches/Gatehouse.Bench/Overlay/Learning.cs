using System.Collections.Concurrent;
using System.Net;
using Gatehouse.Api.Client;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Bench.Overlay;

/// <summary>Has a worker come to know services in the way that workers do: something on it sends them a datagram.</summary>
internal static class Learning
{
    /// <summary>Addresses that are asked for at the same time; datagrams that a queue drops are sent again, as their senders would.</summary>
    private const int AtOnce = 400;

    private static readonly TimeSpan Again = TimeSpan.FromSeconds(3);

    /// <returns>How many datagrams it took.</returns>
    public static async Task<int> RunAsync(IObjectClient manager, string worker, IReadOnlyList<IPAddress> services, Action<IReadOnlyList<IPAddress>> send, CancellationToken cancellation)
    {
        var known = new ConcurrentDictionary<string, bool>(StringComparer.Ordinal);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var following = FollowAsync(manager, worker, known, end.Token);
        var waiting = new Queue<IPAddress>(services);
        var asked = new Dictionary<IPAddress, DateTimeOffset>();
        var sent = 0;
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        do
        {
            var now = TimeProvider.System.GetUtcNow();
            foreach (var answered in asked.Keys.Where(a => known.ContainsKey(a.ToString())).ToArray()) asked.Remove(answered);
            var next = asked.Where(a => now - a.Value > Again).Select(a => a.Key).ToList();
            while (asked.Count + next.Count < AtOnce && waiting.TryDequeue(out var service)) next.Add(service);
            foreach (var service in next) asked[service] = now;
            send(next);
            sent += next.Count;
            if (following.IsFaulted) await following;
        }
        while ((waiting.Count > 0 || asked.Count > 0) && await pace.WaitForNextTickAsync(cancellation));
        await end.CancelAsync();
        return sent;
    }

    private static async Task FollowAsync(IObjectClient manager, string worker, ConcurrentDictionary<string, bool> known, CancellationToken cancellation)
    {
        var mine = new Selection(Fields: $"spec.holder={worker}");
        var there = await manager.ListAsync<Interest>(mine, cancellation);
        foreach (var interest in there.Items) Note(interest);
        try
        {
            await foreach (var change in manager.WatchAsync<Interest>(mine, there.ResourceVersion, cancellation)) Note(change.Object);
        }
        catch (OperationCanceledException)
        {
            // All are known.
        }

        void Note(Interest? interest)
        {
            if (interest?.Status is { Outcome: ResolutionOutcome.Found }) known[interest.Spec.Query] = true;
        }
    }
}
