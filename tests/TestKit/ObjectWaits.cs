using Gatehouse.Api.Client;
using Gatehouse.Objects;

namespace Gatehouse.TestKit;

/// <summary>Waiting for objects by watching them: no polling, no sleeping.</summary>
public static class ObjectWaits
{
    /// <summary>Waits until the object is as wanted; null stands for an object that does not exist.</summary>
    /// <param name="fields">The field selector that the client may use; null for the object's name.</param>
    public static async Task<T?> UntilAsync<T>(this IObjectClient client, ObjectKey key, Func<T?, bool> wanted, string? fields = null)
        where T : ApiObject, IKind<T>
    {
        using var patience = new CancellationTokenSource(Patience.Limit);
        var selection = new Selection(Fields: fields ?? $"metadata.name={key.Name}");
        T? last = null;
        try
        {
            while (true)
            {
                // The list's revision starts the watch: nothing that happens in between is missed.
                var list = await client.ListAsync<T>(selection, patience.Token);
                last = list.Items.FirstOrDefault(i => i.Key == key);
                if (wanted(last)) return last;
                await foreach (var change in client.WatchAsync<T>(selection, list.ResourceVersion, patience.Token))
                {
                    if (change.Object is not { } value || value.Key != key) continue;
                    last = change.Type == ObjectEventType.Deleted ? null : value;
                    if (wanted(last)) return last;
                }
            }
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            throw new TimeoutException($"{T.Info.Kind} {key} did not become as wanted; it is {(last is null ? "absent" : System.Text.Json.JsonSerializer.Serialize(last, T.Info.Json))}");
        }
    }

    /// <summary>Waits until the object exists and is as wanted.</summary>
    public static async Task<T> UntilThereAsync<T>(this IObjectClient client, ObjectKey key, Func<T, bool> wanted, string? fields = null)
        where T : ApiObject, IKind<T> => (await client.UntilAsync<T>(key, o => o is not null && wanted(o), fields))!;

    /// <summary>Waits until the object was as wanted at some moment after a revision: for states that pass by themselves.</summary>
    public static async Task<T> UntilSeenAsync<T>(this IObjectClient client, ObjectKey key, string after, Func<T, bool> wanted)
        where T : ApiObject, IKind<T>
    {
        using var patience = new CancellationTokenSource(Patience.Limit);
        await foreach (var change in client.WatchAsync<T>(new Selection(Fields: $"metadata.name={key.Name}"), after, patience.Token))
        {
            if (change.Object is { } value && value.Key == key && wanted(value)) return value;
        }

        throw new InvalidOperationException($"the watch of {T.Info.Kind} {key} ended before it was as wanted");
    }

    /// <summary>Waits until the object is gone.</summary>
    public static Task UntilGoneAsync<T>(this IObjectClient client, ObjectKey key)
        where T : ApiObject, IKind<T> => client.UntilAsync<T>(key, static o => o is null);
}
