using Gatehouse.Api.Client;
using Gatehouse.Objects;

namespace Gatehouse.Access;

/// <summary>Waits until the objects of a kind are as wanted, by list and watch.</summary>
internal static class ObjectWait
{
    /// <summary>Follows a selection until <paramref name="done"/> holds for all of its objects together.</summary>
    /// <returns>False when the time is over first.</returns>
    public static async Task<bool> UntilAsync<T>(
        IObjectClient client, Selection selection, Func<IReadOnlyCollection<T>, bool> done, TimeSpan patience, TimeProvider time, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        using var deadline = new CancellationTokenSource(patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellation);
        try
        {
            while (true)
            {
                if (await FollowAsync(client, selection, done, either.Token)) return true;
            }
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <returns>False when the server ended the watch, or its start is gone: list again.</returns>
    private static async Task<bool> FollowAsync<T>(IObjectClient client, Selection selection, Func<IReadOnlyCollection<T>, bool> done, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        var list = await client.ListAsync<T>(selection, cancellation);
        var present = list.Items.ToDictionary(o => o.Key);
        if (done(present.Values)) return true;
        try
        {
            await foreach (var change in client.WatchAsync<T>(selection, list.ResourceVersion, cancellation))
            {
                if (change.Object is null) continue;
                if (change.Type == ObjectEventType.Deleted) present.Remove(change.Object.Key);
                else present[change.Object.Key] = change.Object;
                if (done(present.Values)) return true;
            }
        }
        catch (ApiStatusException e) when (e.Is(StatusReason.Expired) || e.Is(StatusReason.Gone))
        {
            return false;
        }

        return false;
    }
}
