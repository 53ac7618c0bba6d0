using Gatehouse.Objects;

namespace Gatehouse.Api.Client;

/// <summary>
/// The present state of a selection of one kind: list, watch, resume, back off with jitter, and the last state on disk, so that a role starts from it when the
/// server is away. Implemented by <c>Informer&lt;T&gt;</c>.
/// </summary>
/// <remarks>One loop writes; any thread reads.</remarks>
public interface IInformer<T>
    where T : ApiObject, IKind<T>
{
    /// <summary>All objects, replaced whole with each change; a reader may keep it.</summary>
    IReadOnlyDictionary<ObjectKey, T> Snapshot { get; }

    /// <summary>Null until the server answered in this process; the state may come from disk before that.</summary>
    DateTimeOffset? SyncedAt { get; }

    /// <summary>When the server last confirmed the snapshot, in this process or before it; now minus this is the state's age. Null without any state.</summary>
    DateTimeOffset? ConfirmedAt { get; }

    /// <summary>Completes when there is a state to work with, from the server or from disk.</summary>
    Task LoadedAsync(CancellationToken cancellation);

    /// <summary>
    /// The changes since this reader's start, beginning with one <c>Added</c> for each object there is. Each call is a reader of its own. A slow reader gets
    /// the latest state of each object and no change twice: what waits for it is never more than the objects it knows and those that there are.
    /// </summary>
    IAsyncEnumerable<ObjectEvent<T>> ChangesAsync(CancellationToken cancellation);

    /// <summary>The same, everything that waits at once, at most <paramref name="max"/> events in a batch: for readers that make one change of many.</summary>
    IAsyncEnumerable<IReadOnlyList<ObjectEvent<T>>> ChangeBatchesAsync(int max, CancellationToken cancellation);

    /// <summary>
    /// The same for a reader that took in a snapshot before: what was in it and is gone, or is another object of that name by now, is told as <c>Deleted</c> first. The reader
    /// begins with this call, and not with its first batch.
    /// </summary>
    /// <param name="known">What was taken in.</param>
    IAsyncEnumerable<IReadOnlyList<ObjectEvent<T>>> ChangesSince(IReadOnlyDictionary<ObjectKey, T> known, int max, CancellationToken cancellation);
}
