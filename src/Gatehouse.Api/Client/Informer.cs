using System.Collections.Immutable;
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
}

/// <summary>The informer that every role uses.</summary>
public sealed class Informer<T>(IObjectClient client, Selection selection, InformerOptions options) : IInformer<T>, IAsyncDisposable
    where T : ApiObject, IKind<T>
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<ObjectKey, T> Snapshot { get; } = ImmutableDictionary<ObjectKey, T>.Empty;

    /// <inheritdoc/>
    public DateTimeOffset? SyncedAt { get; }

    /// <inheritdoc/>
    public DateTimeOffset? ConfirmedAt { get; }

    /// <summary>Why the last attempt to reach the server failed, for people; null while all is well.</summary>
    public string? LastFault { get; }

    /// <summary>Takes the state file, without any network; <see cref="RunAsync"/> does it when it was not done. False when there is no state to trust.</summary>
    public bool LoadState() => throw new NotSupportedException();

    /// <summary>Loads the state file, then lists and watches until cancelled. A fault of the server or the network never ends it.</summary>
    public Task RunAsync(CancellationToken cancellation) => throw new NotSupportedException($"{client} {selection} {options}");

    /// <inheritdoc/>
    public Task LoadedAsync(CancellationToken cancellation) => throw new NotSupportedException();

    /// <inheritdoc/>
    public IAsyncEnumerable<ObjectEvent<T>> ChangesAsync(CancellationToken cancellation) => throw new NotSupportedException();

    /// <inheritdoc/>
    public IAsyncEnumerable<IReadOnlyList<ObjectEvent<T>>> ChangeBatchesAsync(int max, CancellationToken cancellation) => throw new NotSupportedException();

    /// <summary>Ends the readers and writes what is not on disk yet.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
