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

    /// <summary>Completes when there is a state to work with, from the server or from disk.</summary>
    Task LoadedAsync(CancellationToken cancellation);

    /// <summary>The changes since this reader's start, beginning with one <c>Added</c> for each object there is. Each call is a reader of its own.</summary>
    IAsyncEnumerable<ObjectEvent<T>> ChangesAsync(CancellationToken cancellation);
}
