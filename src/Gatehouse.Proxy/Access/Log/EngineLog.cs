using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Engine;

namespace Gatehouse.Proxy.Access.Log;

/// <summary>The access log of an engine: a buffer for each loop and one thread that writes them all. What is not asked for is not made.</summary>
/// <param name="engine">Whose loops write.</param>
/// <param name="time">The clock.</param>
/// <param name="tell">Gets what is wrong with where lines go.</param>
internal sealed class EngineLog(ProxyEngine engine, TimeProvider time, Action<string> tell) : IDisposable
{
    private readonly Lock _lock = new();
    private AccessLog _settings = new();
    private LogBuffer[] _buffers = [];
    private LogWriter? _writer;

    /// <summary>Lines that the loops wrote. Any thread may read it.</summary>
    public long Lines => Volatile.Read(ref _buffers).Sum(b => b.Lines);

    /// <summary>Lines that were dropped, for want of room or since they could not be written. Any thread may read it.</summary>
    public long Dropped => Volatile.Read(ref _buffers).Sum(b => b.Dropped) + (Volatile.Read(ref _writer)?.Lost ?? 0);

    /// <summary>Writes what is asked for from now on.</summary>
    public void Apply(AccessLog settings)
    {
        lock (_lock)
        {
            if (settings == _settings) return;
            var (was, elsewhere) = (_settings, settings.Path != _settings.Path);
            _settings = settings;
            if (settings.Format == AccessLogFormat.None)
            {
                if (was.Format != AccessLogFormat.None) OnLoops(static _ => null);
                return;
            }

            if (_writer is null)
            {
                _buffers = [.. engine.Loops.Select(_ => new LogBuffer())];
                _writer = new LogWriter(_buffers, LogSink.Of(settings.Path, time), tell);
                _writer.Reopen();
            }
            else if (elsewhere)
            {
                _writer.ChangeTo(LogSink.Of(settings.Path, time));
            }

            var writer = _writer;
            if (settings.Format != was.Format) OnLoops(loop => new LoopLog(loop.Loop, settings.Format, _buffers[loop.Loop.Index], new LogClock(time), writer));
        }
    }

    /// <summary>Opens the file anew, after somebody has moved it away.</summary>
    public void Reopen() => Volatile.Read(ref _writer)?.Reopen();

    /// <summary>Writes what is left. The loops must have ended.</summary>
    public void Dispose() => _writer?.Dispose();

    private void OnLoops(Func<EngineLoop, LoopLog?> make)
    {
        foreach (var loop in engine.Loops)
        {
            var log = make(loop);
            loop.Loop.Post(_ =>
            {
                loop.Log = log;
                loop.Loop.AfterTurn = log is null ? null : () => log.EndTurn(loop.Loop.Now);
            });
        }
    }
}
