using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Gatehouse.Objects;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Api.Client;

/// <summary>The informer that every role uses.</summary>
/// <remarks>
/// From disk it serves, but it does not resume: the first thing that it asks the server for is a list. Inside a process it resumes from the last revision, and
/// lists again when that is gone (410) or when events contradict each other.
/// </remarks>
public sealed partial class Informer<T> : IInformer<T>, IAsyncDisposable
    where T : ApiObject, IKind<T>
{
    private readonly IObjectClient _client;
    private readonly Selection _selection;
    private readonly InformerOptions _options;
    private readonly MirrorTable<T> _table;
    private readonly StateFile<T>? _file;
    private readonly StateSaver<T>? _saver;
    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stop = new();

    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Held while the state changes and while a reader begins, so that no reader misses a change.</summary>
    private readonly Lock _gate = new();
    private readonly List<ChangeReader<T>> _readers = [];
    private volatile InformerState<T> _state = InformerState<T>.Empty;
    private volatile object? _syncedAt;
    private volatile string? _lastFault;
    private Task? _run;
    private bool _fileRead;
    private bool _mustList = true;
    private bool _disposed;

    /// <summary>Stores its settings; nothing is read or sent.</summary>
    public Informer(IObjectClient client, Selection selection, InformerOptions options)
    {
        _client = client;
        _selection = selection;
        _options = options;
        _table = new MirrorTable<T>(options.Tombstones);
        if (options.StateFile is null) return;
        _file = new StateFile<T>(options.StateFile, selection);
        _saver = new StateSaver<T>(_file, options, () => _state);
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<ObjectKey, T> Snapshot => _state.Objects;

    /// <inheritdoc/>
    public DateTimeOffset? SyncedAt => (DateTimeOffset?)_syncedAt;

    /// <inheritdoc/>
    public DateTimeOffset? ConfirmedAt => _state.ConfirmedAt;

    /// <summary>Why the last attempt to reach the server failed, for people; null since the server answered again.</summary>
    public string? LastFault => _lastFault;

    /// <summary>
    /// Takes the state file, without any network; <see cref="RunAsync"/> does it when it was not done. A file that can't be trusted is reported, set aside,
    /// and replaced by what the server says.
    /// </summary>
    /// <returns>False when there is no state to trust.</returns>
    public bool LoadState()
    {
        if (_fileRead || _file is null) return _loaded.Task.IsCompleted;
        _fileRead = true;
        var load = _file.Read(_options.Time.GetUtcNow());
        var outcome = load.State is not null ? "loaded" : load.Refusal is null ? "absent" : "refused";
        ClientMetrics.StateLoads.Add(1, ClientMetrics.Kind(T.Info.Plural), ClientMetrics.Outcome(outcome));
        if (load.Refusal is { } refusal) LogRefused(_options.Logger, refusal);
        if (load.State is not { } state) return false;
        Publish(_table.Load(state.Objects), state.ConfirmedAt);
        _loaded.TrySetResult();
        return true;
    }

    /// <summary>Loads the state file, then lists and watches until cancelled or disposed, and then returns. A fault of the server or the network never ends it. Call it once.</summary>
    public Task RunAsync(CancellationToken cancellation)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_run is not null) throw new InvalidOperationException($"the informer of {T.Info.Plural} runs already");
            _run = RunLoopsAsync(cancellation);
            return _run;
        }
    }

    /// <inheritdoc/>
    public Task LoadedAsync(CancellationToken cancellation) => _loaded.Task.WaitAsync(cancellation);

    /// <summary>Completes when the snapshot comes from the server's answer in this process: from then on, what is missing in it is missing there.</summary>
    public Task SyncedAsync(CancellationToken cancellation) => _synced.Task.WaitAsync(cancellation);

    /// <inheritdoc/>
    public async IAsyncEnumerable<ObjectEvent<T>> ChangesAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var batch in ChangeBatchesAsync(256, cancellation))
        {
            foreach (var change in batch) yield return change;
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<IReadOnlyList<ObjectEvent<T>>> ChangeBatchesAsync(int max, [EnumeratorCancellation] CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(max, 1);
        await foreach (var batch in ReadAsync(AddReader(ImmutableDictionary<ObjectKey, T>.Empty), max, cancellation)) yield return batch;
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<IReadOnlyList<ObjectEvent<T>>> ChangesSince(IReadOnlyDictionary<ObjectKey, T> known, int max, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(max, 1);
        return ReadAsync(AddReader(known), max, cancellation);
    }

    /// <summary>Ends the loop and the readers and writes what is not on disk yet.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
        }

        await _stop.CancelAsync();
        if (_run is not null) await _run;
        lock (_gate)
        {
            foreach (var reader in _readers) reader.Complete();
        }

        ClientMetrics.InformerObjects.Add(-_state.Objects.Count, ClientMetrics.Kind(T.Info.Plural));
        _stop.Dispose();
    }

    private async Task RunLoopsAsync(CancellationToken cancellation)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _stop.Token);
        LoadState();
        using var saved = new CancellationTokenSource();
        var saver = _saver?.RunAsync(saved.Token) ?? Task.CompletedTask;
        try
        {
            await FollowAsync(ends.Token);
        }
        catch (OperationCanceledException) when (ends.IsCancellationRequested)
        {
            // Asked to end.
        }
        finally
        {
            await saved.CancelAsync();
            await saver;
        }
    }

    private async Task FollowAsync(CancellationToken cancellation)
    {
        var backoff = new Backoff(_options.BackoffFirst, _options.BackoffMax, _options.Random);
        while (true)
        {
            var started = _options.Time.GetTimestamp();
            TimeSpan? retryAfter = null;
            var isAway = false;
            try
            {
                if (_mustList) await ListAsync(cancellation);
                await WatchAsync(cancellation);
            }
            catch (ApiStatusException e)
            {
                if (e.Is(StatusReason.Expired) || e.Is(StatusReason.Gone) || e.Status.Code == 410) _mustList = true;
                if (e.Status.Details?.RetryAfterSeconds is { } seconds) retryAfter = TimeSpan.FromSeconds(seconds);
                isAway = e.Status.Code >= 500;
                Fail($"{e.Status.Reason ?? "refused"}: {e.Message}");
            }
            catch (ApiUnreachableException e)
            {
                Fail(e.Message);
                isAway = true;
            }

            var healthy = _options.Time.GetElapsedTime(started) >= _options.HealthyAfter;
            var pause = backoff.Next(healthy, retryAfter);
            if (!isAway) await Task.Delay(pause, _options.Time, cancellation);
            else await AwayAsync(pause, cancellation);
        }
    }

    /// <summary>A server that is away is looked for more often than one that refuses, by one informer for all of the client's.</summary>
    private Task AwayAsync(TimeSpan pause, CancellationToken cancellation)
    {
        // Spread over half of the bound: the processes that have waited for a server don't come back in one moment.
        var bound = _options.AwayMax * (0.5 + (_options.Random.NextDouble() / 2));
        var bounded = pause < bound ? pause : bound;
        return _client.Contact?.PauseAsync(bounded, _options.BackoffMax, _options.Time, cancellation) ?? Task.Delay(bounded, _options.Time, cancellation);
    }

    private async Task ListAsync(CancellationToken cancellation)
    {
        var list = await _client.ListAsync<T>(_selection, cancellation);
        ClientMetrics.InformerLists.Add(1, ClientMetrics.Kind(T.Info.Plural));
        var changes = _table.Replace(list);
        Publish(changes, Confirm());
        _mustList = false;
        _saver?.Mark(changes);
        _loaded.TrySetResult();
        _synced.TrySetResult();
    }

    private async Task WatchAsync(CancellationToken cancellation)
    {
        var changes = new List<ObjectEvent<T>>(2);
        await foreach (var change in _client.WatchAsync<T>(_selection, _table.Revision, cancellation).WithCancellation(cancellation))
        {
            changes.Clear();
            var outcome = _table.Apply(change, changes);
            if (outcome == ApplyOutcome.InDoubt)
            {
                _mustList = true;
                LogInDoubt(_options.Logger, T.Info.Plural, $"{change.Object?.Key}", change.ResourceVersion);
                return;
            }

            if (outcome == ApplyOutcome.Repeated) ClientMetrics.InformerIgnored.Add(1, ClientMetrics.Kind(T.Info.Plural));
            var now = Confirm();
            Publish(changes, now);
            if (changes.Count > 0) _saver?.Mark(changes);
            else _saver?.Confirm(now);
        }
    }

    private void Publish(IReadOnlyList<ObjectEvent<T>> changes, DateTimeOffset? confirmedAt)
    {
        lock (_gate)
        {
            ClientMetrics.InformerObjects.Add(_table.Objects.Count - _state.Objects.Count, ClientMetrics.Kind(T.Info.Plural));
            _state = new InformerState<T>(_table.Objects, _table.Revision, confirmedAt);
            if (changes.Count == 0) return;
            foreach (var reader in _readers) reader.Put(changes);
        }
    }

    private async IAsyncEnumerable<IReadOnlyList<ObjectEvent<T>>> ReadAsync(ChangeReader<T> reader, int max, [EnumeratorCancellation] CancellationToken cancellation)
    {
        try
        {
            while (await reader.TakeAsync(max, cancellation) is { } batch) yield return batch;
        }
        finally
        {
            lock (_gate) _readers.Remove(reader);
            reader.Drop();
        }
    }

    private ChangeReader<T> AddReader(IReadOnlyDictionary<ObjectKey, T> known)
    {
        var reader = new ChangeReader<T>();
        lock (_gate)
        {
            reader.Put(known.Where(k => !_state.Objects.TryGetValue(k.Key, out var now) || now.Metadata.Uid != k.Value.Metadata.Uid)
                .Select(k => new ObjectEvent<T>(ObjectEventType.Deleted, k.Value, _state.Revision)));
            reader.Put(_state.Objects.Values.Select(o => new ObjectEvent<T>(ObjectEventType.Added, o, o.Metadata.ResourceVersion ?? "")));
            if (_disposed) reader.Complete();
            _readers.Add(reader);
        }

        return reader;
    }

    private DateTimeOffset Confirm()
    {
        var now = _options.Time.GetUtcNow();
        if (_lastFault is not null || _syncedAt is null) LogSynced(_options.Logger, T.Info.Plural, _table.Objects.Count);
        _lastFault = null;
        _syncedAt = now;
        return now;
    }

    private void Fail(string fault)
    {
        ClientMetrics.InformerFaults.Add(1, ClientMetrics.Kind(T.Info.Plural));
        if (_lastFault is null) LogFault(_options.Logger, T.Info.Plural, _state.Objects.Count, _state.ConfirmedAt, fault);
        _lastFault = fault;
    }

    [LoggerMessage(LogLevel.Information, "{Kind}: in step with the server, {Count} objects")]
    private static partial void LogSynced(ILogger logger, string kind, int count);

    [LoggerMessage(LogLevel.Warning, "{Kind}: no contact; {Count} objects of {ConfirmedAt} stay in force: {Fault}")]
    private static partial void LogFault(ILogger logger, string kind, int count, DateTimeOffset? confirmedAt, string fault);

    [LoggerMessage(LogLevel.Warning, "{Kind}: the event of {Key} at revision {Revision} contradicts what is known; listing again")]
    private static partial void LogInDoubt(ILogger logger, string kind, string key, string revision);

    [LoggerMessage(LogLevel.Error, "{Refusal}")]
    private static partial void LogRefused(ILogger logger, string refusal);
}
