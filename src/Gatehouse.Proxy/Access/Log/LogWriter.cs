using Gatehouse.Linux.Sockets;

namespace Gatehouse.Proxy.Access.Log;

/// <summary>
/// The thread that writes the lines of all loops. It looks after what has come every 50 ms, sleeps while nothing comes, and is woken when a buffer is half full: waking it for each
/// turn of a loop would cost more than the lines do.
/// </summary>
internal sealed class LogWriter : IDisposable
{
    private const int PaceMilliseconds = 50;

    /// <summary>How long what is left may take to be written at the end; a reader of standard output may have stopped.</summary>
    private static readonly TimeSpan LastChance = TimeSpan.FromSeconds(2);

    private readonly IReadOnlyList<LogBuffer> _buffers;
    private readonly Action<string> _tell;
    private readonly int _event = SocketCalls.OpenEvent();
    private readonly Thread _thread;
    private readonly Lock _lock = new();
    private LogSink _sink;
    private LogSink? _next;
    private bool _reopen;
    private string? _told;
    private long _lost;
    private int _isAsleep;
    private volatile bool _ending;

    /// <param name="buffers">One for each loop.</param>
    /// <param name="sink">Where they go; the writer owns it.</param>
    /// <param name="tell">Gets what is wrong with the sink, once when it begins and once when it ends.</param>
    public LogWriter(IReadOnlyList<LogBuffer> buffers, LogSink sink, Action<string> tell)
    {
        (_buffers, _sink, _tell) = (buffers, sink, tell);
        _thread = new Thread(Run) { IsBackground = true, Name = "access log" };
        _thread.Start();
    }

    /// <summary>Lines that could not be written where they were to go. Any thread may read it.</summary>
    public long Lost => Volatile.Read(ref _lost);

    /// <summary>A buffer fills: do not wait for the pace.</summary>
    public void Hurry() => SocketCalls.SignalEvent(_event);

    /// <summary>Something was added.</summary>
    public void WakeIfAsleep()
    {
        // The addition must be seen before this is read: the writer says that it sleeps, and then looks once more.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _isAsleep) != 0 && Interlocked.Exchange(ref _isAsleep, 0) != 0) SocketCalls.SignalEvent(_event);
    }

    /// <summary>Writes elsewhere from now on; what has come before still goes where it was to go.</summary>
    public void ChangeTo(LogSink sink)
    {
        lock (_lock)
        {
            _next?.Dispose();
            _next = sink;
        }

        Hurry();
    }

    /// <summary>Opens the file anew.</summary>
    public void Reopen()
    {
        lock (_lock) _reopen = true;
        Hurry();
    }

    /// <summary>Writes what is left, and ends. The loops must have ended.</summary>
    public void Dispose()
    {
        _ending = true;
        Hurry();
        if (_thread.Join(LastChance)) SocketCalls.Close(_event);
    }

    private void Run()
    {
        using var epoll = new Epoll(1);
        _ = epoll.Add(_event, EpollEvents.In, 0);
        while (true)
        {
            var ending = _ending;
            var wrote = WriteAll();
            if (ending) break;
            ObeySettings();
            TellProblem();
            if (wrote || !Sleep())
            {
                _ = epoll.Wait(PaceMilliseconds);
            }
            else
            {
                _ = epoll.Wait(-1);
                Volatile.Write(ref _isAsleep, 0);
            }

            SocketCalls.ClearEvent(_event);
        }

        _sink.Dispose();
    }

    /// <summary>False: something came meanwhile.</summary>
    private bool Sleep()
    {
        Interlocked.Exchange(ref _isAsleep, 1);
        foreach (var buffer in _buffers)
        {
            if (buffer.Peek().IsEmpty) continue;
            Volatile.Write(ref _isAsleep, 0);
            return false;
        }

        return true;
    }

    private bool WriteAll()
    {
        var any = false;
        foreach (var buffer in _buffers)
        {
            // What comes while it is being written waits for the next time: one loop must not keep the others from their turn.
            for (var rounds = 0; rounds < 2 && buffer.Peek() is { IsEmpty: false } lines; rounds++)
            {
                any = true;
                if (_sink.Write(lines) is > 0 and var lost) Volatile.Write(ref _lost, _lost + lost);
                buffer.Take(lines.Length);
            }
        }

        return any;
    }

    private void ObeySettings()
    {
        lock (_lock)
        {
            if (_next is not null)
            {
                _sink.Dispose();
                (_sink, _next) = (_next, null);
                _reopen = true; // So that it is there at once, and not with the first line.
            }

            if (!_reopen) return;
            _reopen = false;
        }

        _sink.Reopen();
    }

    private void TellProblem()
    {
        if (_sink.Problem == _told) return;
        _tell(_sink.Problem is { } problem ? $"the access log can't be written: {problem}" : "the access log is written again");
        _told = _sink.Problem;
    }
}
