using System.Collections.Concurrent;
using System.Globalization;
using Gatehouse.Api.Client;
using Gatehouse.Objects;

namespace Gatehouse.Api.Reconciling;

/// <summary>
/// All objects of a kind at the role's own server, in memory, and every change in order, without gap between <see cref="LoadAsync"/> and <see cref="RunAsync"/>.
/// A role's own writes count at once through <see cref="Observe"/>, so that the next step sees what the last one wrote.
/// </summary>
/// <remarks>Readers: any thread. <c>onChange</c> runs under the feed's lock, one change at a time: it must be short and must not wait.</remarks>
public sealed class ObjectFeed<T>(IObjectClient client, TimeProvider time, Action<ObjectEvent<T>> onChange)
    where T : ApiObject, IKind<T>
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(100);
    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<ObjectKey, T> _objects = new();
    private long _seen;

    /// <summary>How many objects there are.</summary>
    public int Count => _objects.Count;

    /// <summary>The objects at some moment, in no order.</summary>
    public IEnumerable<T> All => _objects.Values;

    /// <summary>One object; null when there is none.</summary>
    public T? Find(ObjectKey key) => _objects.GetValueOrDefault(key);

    /// <summary>Lists. What there is comes as <c>Added</c>; on a second call also what differs from the first.</summary>
    public async Task LoadAsync(CancellationToken cancellation)
    {
        var list = await client.ListAsync<T>(Selection.All, cancellation);
        var revision = Revision(list.ResourceVersion);
        lock (_gate)
        {
            var there = list.Items.Select(i => i.Key).ToHashSet();
            foreach (var item in list.Items) Take(item);
            foreach (var gone in _objects.Values.Where(o => !there.Contains(o.Key) && Revision(o) <= revision)) Drop(gone, list.ResourceVersion);
            _seen = Math.Max(_seen, revision);
        }
    }

    /// <summary>Follows from where <see cref="LoadAsync"/> ended until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                var after = Volatile.Read(ref _seen).ToString(CultureInfo.InvariantCulture);
                await foreach (var change in client.WatchAsync<T>(Selection.All, after, cancellation)) Apply(change);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (ApiStatusException e) when (e.Is(StatusReason.Expired) || e.Is(StatusReason.Gone))
            {
                await LoadAsync(cancellation);
            }
            catch (Exception e) when (e is ApiStatusException or ApiUnreachableException)
            {
                await Task.Delay(RetryPause, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Takes the answer of a write as if its event had come, unless a later state is known.</summary>
    public T Observe(T answer)
    {
        lock (_gate)
        {
            if (Revision(answer) > _seen) Take(answer);
        }

        return answer;
    }

    private void Apply(ObjectEvent<T> change)
    {
        lock (_gate)
        {
            var revision = Revision(change.ResourceVersion);
            if (change is { Type: ObjectEventType.Deleted, Object: { } gone })
            {
                if (_objects.TryGetValue(gone.Key, out var known) && Revision(known) <= revision) Drop(gone, change.ResourceVersion);
            }
            else if (change.Object is { } value)
            {
                Take(value);
            }

            _seen = Math.Max(_seen, revision);
        }
    }

    private void Take(T value)
    {
        var exists = _objects.TryGetValue(value.Key, out var known);
        if (known is not null && Revision(known) >= Revision(value)) return;
        _objects[value.Key] = value;
        onChange(new ObjectEvent<T>(exists ? ObjectEventType.Modified : ObjectEventType.Added, value, value.Metadata.ResourceVersion ?? "0"));
    }

    private void Drop(T value, string resourceVersion)
    {
        if (_objects.TryRemove(value.Key, out _)) onChange(new ObjectEvent<T>(ObjectEventType.Deleted, value, resourceVersion));
    }

    private static long Revision(T value) => Revision(value.Metadata.ResourceVersion);

    private static long Revision(string? text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var revision) ? revision : 0;
}
