using System.Threading.Channels;
using Gatehouse.Objects;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Api.Client;

/// <summary>
/// Writes an informer's state file some time after a change, however many changes there were, and at the end: the changed objects to the file's log, and all of them when
/// the log has come to be as long as the file.
/// </summary>
/// <remarks>One loop writes; the informer marks and hands over states.</remarks>
internal sealed partial class StateSaver<T>(StateFile<T> file, InformerOptions options, Func<InformerState<T>> state)
    where T : ApiObject, IKind<T>
{
    /// <summary>A write may take one part in this of the time.</summary>
    private const int Share = 20;

    /// <summary>A small file is not written whole for every change either.</summary>
    private const int LogAtLeast = 100;

    private static readonly TimeSpan ConfirmEvery = TimeSpan.FromSeconds(30);

    private readonly Channel<bool> _changed = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Lock _gate = new();
    private HashSet<ObjectKey> _dirty = [];

    /// <summary>Changes in the log; null when all has to be written.</summary>
    private int? _logged;
    private TimeSpan _lastWrite;
    private DateTimeOffset _confirmed;
    private bool _failing;

    /// <summary>The state changed by these.</summary>
    public void Mark(IReadOnlyList<ObjectEvent<T>> changes)
    {
        lock (_gate) _dirty.UnionWith(changes.Where(static c => c.Object is not null).Select(static c => c.Object!.Key));
        Wake();
    }

    /// <summary>The server confirmed the state, unchanged.</summary>
    public void Confirm(DateTimeOffset at)
    {
        if (_logged is null || at - _confirmed < ConfirmEvery) return;
        _confirmed = at;
        file.Confirm(at);
    }

    /// <summary>Writes until cancelled, and once more then if something is not on disk yet.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            while (await _changed.Reader.WaitToReadAsync(cancellation))
            {
                await Task.Delay(NextDelay(), options.Time, cancellation);
                _changed.Reader.TryRead(out _);
                if (!Save()) Wake();
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            if (_changed.Reader.TryRead(out _)) Save();
        }
    }

    private void Wake() => _changed.Writer.TryWrite(true);

    private TimeSpan NextDelay()
    {
        if (_failing) return options.SaveDelayMax;
        var fair = _lastWrite * Share;
        if (fair < options.SaveDelay) return options.SaveDelay;
        return fair < options.SaveDelayMax ? fair : options.SaveDelayMax;
    }

    private bool Save()
    {
        var started = options.Time.GetTimestamp();
        HashSet<ObjectKey> dirty;
        lock (_gate) (dirty, _dirty) = (_dirty, []);
        var present = state();
        try
        {
            Write(present, dirty);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            ClientMetrics.StateWrites.Add(1, ClientMetrics.Kind(T.Info.Plural), ClientMetrics.Outcome("failed"));
            if (!_failing) LogFailed(options.Logger, T.Info.Plural, e.Message);
            _failing = true;
            _logged = null;
            return false;
        }

        ClientMetrics.StateWrites.Add(1, ClientMetrics.Kind(T.Info.Plural), ClientMetrics.Outcome("written"));
        _failing = false;
        _lastWrite = options.Time.GetElapsedTime(started);
        return true;
    }

    private void Write(InformerState<T> present, HashSet<ObjectKey> dirty)
    {
        if (_logged is not null && dirty.Count == 0)
        {
            if (present.ConfirmedAt is { } at) file.Confirm(at);
            return;
        }

        if (_logged is { } logged && logged + dirty.Count <= Math.Max(LogAtLeast, present.Objects.Count))
        {
            file.Append(present, dirty);
            _logged = logged + dirty.Count;
            return;
        }

        file.Write(present);
        _logged = 0;
    }

    [LoggerMessage(LogLevel.Error, "The state of {Kind} can't be written; a restart without the server would begin from an older one: {Message}")]
    private static partial void LogFailed(ILogger logger, string kind, string message);
}
