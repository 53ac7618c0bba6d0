using System.Collections.Concurrent;
using System.Globalization;
using Gatehouse.Api.Client;
using Gatehouse.Api.Reconciling;
using Gatehouse.Objects;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Cluster.Upstream;

/// <summary>A selection of root's objects as root last said it, from disk while root is away.</summary>
internal sealed class Mirror<T> : IAsyncDisposable
    where T : ApiObject, IKind<T>
{
    private readonly Informer<T> _informer;
    private readonly Action<ObjectEvent<T>> _onChange;
    private readonly Action _onConfirmed;
    private readonly ConcurrentDictionary<string, T> _noted = new(StringComparer.Ordinal);
    private readonly PriorityQueue<string, long> _notes = new();

    /// <summary>Name to uid of what we deleted at root and the watch still shows.</summary>
    private readonly ConcurrentDictionary<string, string> _gone = new(StringComparer.Ordinal);
    private volatile bool _confirmed;

    /// <summary>How far the watch has come; guarded by the lock on the notes.</summary>
    private long _seen;

    /// <param name="file">The state file; null for none.</param>
    /// <param name="onChange">Short; called from one loop. Begins with one <c>Added</c> for each object.</param>
    /// <param name="onConfirmed">Called once, when root first answered and its answer went through <paramref name="onChange"/>.</param>
    public Mirror(MirrorSource source, Selection selection, string? file, Action<ObjectEvent<T>> onChange, Action onConfirmed)
    {
        (_onChange, _onConfirmed) = (onChange, onConfirmed);
        _informer = new Informer<T>(source.Root, selection, new InformerOptions
        {
            StateFile = source.Directory is null || file is null ? null : Path.Combine(source.Directory, file),
            Time = source.Time,
            BackoffMax = source.Retry,
            Logger = source.Logger,
        });
    }

    /// <summary>Whether root answered in this process: only then does a missing object mean that root has none.</summary>
    public bool IsConfirmed => _confirmed;

    /// <summary>All objects, in no order.</summary>
    public IEnumerable<T> All => _informer.Snapshot.Values;

    /// <summary>One object; null when it is not known.</summary>
    public T? Find(string name)
    {
        // The notes before the snapshot: one is dropped only when the snapshot has what it said, so that what is found in neither is in neither.
        var noted = _noted.GetValueOrDefault(name);
        var gone = _gone.GetValueOrDefault(name);
        var mirrored = _informer.Snapshot.GetValueOrDefault(name);
        if (gone is not null && mirrored?.Metadata.Uid == gone) mirrored = null;
        return noted is not null && Revision(noted.Metadata.ResourceVersion) > Revision(mirrored?.Metadata.ResourceVersion) ? noted : mirrored;
    }

    /// <summary>Takes root's answer to a write of ours as known, until the watch has come as far.</summary>
    public T Note(T answer)
    {
        var revision = Revision(answer.Metadata.ResourceVersion);
        lock (_notes)
        {
            // The watch may be ahead of the answer: what it has said since, a delete for example, is newer.
            if (revision <= _seen) return answer;
            _noted[answer.Metadata.Name] = answer;
            _notes.Enqueue(answer.Metadata.Name, revision);
        }

        return answer;
    }

    /// <summary>Takes our own delete at root as known: until the watch says so, nothing may be made from what it still shows.</summary>
    public void NoteGone(string name)
    {
        _noted.TryRemove(name, out _);
        if (_informer.Snapshot.GetValueOrDefault(name)?.Metadata.Uid is not { } uid) return;
        _gone[name] = uid;
        // The watch may have said so between the look and the note.
        if (_informer.Snapshot.GetValueOrDefault(name)?.Metadata.Uid != uid) _gone.TryRemove(name, out _);
    }

    /// <summary>Takes the state on disk, without any network.</summary>
    public void Load()
    {
        _informer.LoadState();
        foreach (var value in _informer.Snapshot.Values) _onChange(new ObjectEvent<T>(ObjectEventType.Added, value, value.Metadata.ResourceVersion ?? "0"));
    }

    /// <summary>Follows root until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await using var changes = _informer.ChangeBatchesAsync(1_000, ends.Token).GetAsyncEnumerator(ends.Token);
        // Asking makes this a reader before the informer hears of root: what was on disk and is gone at root comes as an event.
        var first = changes.MoveNextAsync().AsTask();
        await RoleTasks.RunAllAsync(cancellation, _informer.RunAsync, ct => FollowAsync(changes, first, ends, ct), ConfirmAsync);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _informer.DisposeAsync();

    // Ends only when the reader did: one that still waits for its next batch can't be disposed.
    private async Task FollowAsync(IAsyncEnumerator<IReadOnlyList<ObjectEvent<T>>> changes, Task<bool> first, CancellationTokenSource ends, CancellationToken cancellation)
    {
        await using var ending = cancellation.Register(ends.Cancel);
        for (var more = await first; more; more = await changes.MoveNextAsync())
        {
            foreach (var change in changes.Current)
            {
                DropNotes(Revision(change.ResourceVersion));
                if (change is { Type: ObjectEventType.Deleted, Object: { } deleted }) _gone.TryRemove(deleted.Metadata.Name, out _);
                _onChange(change);
            }
        }
    }

    private void DropNotes(long upTo)
    {
        lock (_notes)
        {
            _seen = Math.Max(_seen, upTo);
            while (_notes.TryPeek(out var name, out var revision) && revision <= upTo)
            {
                _notes.Dequeue();
                if (_noted.TryGetValue(name, out var noted) && Revision(noted.Metadata.ResourceVersion) <= upTo) _noted.TryRemove(name, out _);
            }
        }
    }

    private static long Revision(string? text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var revision) ? revision : 0;

    private async Task ConfirmAsync(CancellationToken cancellation)
    {
        await _informer.SyncedAsync(cancellation);
        _confirmed = true;
        _onConfirmed();
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation);
    }
}

/// <summary>Where mirrors come from.</summary>
/// <param name="Root">Root's API server.</param>
/// <param name="Directory">Where state files lie; null: not on disk.</param>
/// <param name="Retry">The longest pause between attempts.</param>
internal sealed record MirrorSource(IObjectClient Root, string? Directory, TimeSpan Retry, TimeProvider Time, ILogger Logger);
