using System.Threading.Channels;
using Gatehouse.Objects;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Api.Client;

/// <summary>Writes an informer's state file some time after a change, however many changes there were, and at the end.</summary>
/// <remarks>One loop writes; the informer marks and hands over states.</remarks>
internal sealed partial class StateSaver<T>(StateFile<T> file, InformerOptions options, Func<InformerState<T>> state)
    where T : ApiObject, IKind<T>
{
    /// <summary>A write may take one part in this of the time.</summary>
    private const int Share = 20;

    private static readonly TimeSpan ConfirmEvery = TimeSpan.FromSeconds(30);

    private readonly Channel<bool> _changed = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private InformerState<T>? _written;
    private TimeSpan _lastWrite;
    private DateTimeOffset _confirmed;
    private bool _failing;

    /// <summary>The state changed.</summary>
    public void Mark() => _changed.Writer.TryWrite(true);

    /// <summary>The server confirmed the state, unchanged.</summary>
    public void Confirm(DateTimeOffset at)
    {
        if (_written is null || at - _confirmed < ConfirmEvery) return;
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
                if (!Save()) Mark();
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            if (_changed.Reader.TryRead(out _)) Save();
        }
    }

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
        var present = state();
        try
        {
            file.Write(present);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            ClientMetrics.StateWrites.Add(1, ClientMetrics.Kind(T.Info.Plural), ClientMetrics.Outcome("failed"));
            if (!_failing) LogFailed(options.Logger, T.Info.Plural, e.Message);
            _failing = true;
            return false;
        }

        ClientMetrics.StateWrites.Add(1, ClientMetrics.Kind(T.Info.Plural), ClientMetrics.Outcome("written"));
        _failing = false;
        _written = present;
        _lastWrite = options.Time.GetElapsedTime(started);
        return true;
    }

    [LoggerMessage(LogLevel.Error, "The state of {Kind} can't be written; a restart without the server would begin from an older one: {Message}")]
    private static partial void LogFailed(ILogger logger, string kind, string message);
}
