using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Configuration.Delta;
using Gatehouse.Proxy.Configuration.Snapshot;
using Microsoft.Win32.SafeHandles;

namespace Gatehouse.Proxy.Supervision;

/// <summary>How a parent runs its engine.</summary>
public sealed record SupervisorOptions
{
    /// <summary>How engines are started.</summary>
    public required EngineCommand Command { get; init; }

    /// <summary>Where the engine answers questions and a successor takes over: the path of a Unix socket. Null: nowhere.</summary>
    public string? ControlPath { get; init; }

    /// <summary>Where the snapshot is kept for engines that start again. Null: in a file of its own that is gone once it is read.</summary>
    public string? SnapshotPath { get; init; }

    /// <summary>Take the listeners of the proxy that answers at <see cref="ControlPath"/>, which then drains.</summary>
    public bool TakeOver { get; init; }
}

/// <summary>Something that a parent saw; for its log.</summary>
/// <param name="IsFault">It should not have happened.</param>
/// <param name="Text">One line.</param>
public sealed record SupervisorEvent(bool IsFault, string Text);

/// <summary>
/// Keeps an engine running: binds the listeners and holds them, starts the engine, hands it configurations, and starts it again when it dies; meanwhile clients wait in the kernel and none
/// is refused. Its methods may be called from any thread.
/// </summary>
public sealed class EngineSupervisor : IAsyncDisposable
{
    private static readonly TimeSpan LeastLife = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    private readonly SupervisorOptions _options;
    private readonly TimeProvider _time;
    private readonly Action<SupervisorEvent> _tell;
    private readonly SemaphoreSlim _gate = new(1);
    private readonly ListenerSockets _sockets = new();
    private readonly CancellationTokenSource _end = new();
    private SafeFileHandle? _control;
    private EngineProcess? _engine;
    private ProxyConfig _config = new();
    private long _revision = 1;
    private bool _stopping;
    private Task _watch = Task.CompletedTask;

    /// <param name="options">How.</param>
    /// <param name="time">The clock.</param>
    /// <param name="tell">Gets what happens; it must not wait.</param>
    public EngineSupervisor(SupervisorOptions options, TimeProvider time, Action<SupervisorEvent> tell) => (_options, _time, _tell) = (options, time, tell);

    /// <summary>Ends when the engine has for good: it was told to drain, or a successor took over.</summary>
    public Task Completion => _watch;

    /// <summary>The engine's pid; it changes when one dies.</summary>
    public int EnginePid => _engine?.Pid ?? 0;

    /// <summary>How often an engine died and another was started.</summary>
    public int Restarts { get; private set; }

    /// <summary>Binds, starts the engine, and returns when it accepts.</summary>
    /// <returns>What could not be bound; then nothing runs.</returns>
    /// <exception cref="IOException">The control socket or the engine can't begin; the message says why.</exception>
    public async Task<IReadOnlyList<ConfigFault>> StartAsync(ProxyConfig config)
    {
        using var predecessor = _options.TakeOver ? TakeOver(config) : null;
        if (_sockets.Bind(config, out _) is { Count: > 0 } faults) return faults;
        if (_options.ControlPath is { } path) _control ??= ListenerSockets.OpenControl(path);
        _config = config;
        await StartEngineAsync();
        predecessor?.Ask(new ControlRequest { Act = ControlAct.Replaced });
        _watch = WatchAsync();
        return [];
    }

    /// <summary>Puts a configuration in place of the present one; it must be valid. Changes that come while one is on its way go together.</summary>
    /// <returns>What could not be bound; then all stays as it was.</returns>
    public async Task<IReadOnlyList<ConfigFault>> ApplyAsync(ProxyConfig config)
    {
        await _gate.WaitAsync(_end.Token);
        try
        {
            if (_sockets.Bind(config, out var bound) is { Count: > 0 } faults) return faults;
            _sockets.Trim(config);
            var delta = ConfigDelta.Between(_config, config, _engine!.Revision, ++_revision);
            _config = config;
            if (delta.IsEmpty && bound.Count == 0) return [];
            if (_options.SnapshotPath is { } path) SnapshotFile.Write(path, config, _revision);
            var problem = await _engine.ChangeAsync(delta);
            if (problem is not null) _tell(new SupervisorEvent(IsFault: true, $"the engine did not take the change: {problem}"));
            _engine.Give(_sockets.All.Where(s => bound.Contains(s.Key)));
            return [];
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Has the engine end after what it has begun, or at its deadline.</summary>
    public void Drain()
    {
        _stopping = true;
        _engine?.Drain();
        _sockets.Dispose();
    }

    /// <summary>Ends the engine at once.</summary>
    public void Kill()
    {
        _stopping = true;
        _engine?.Kill();
    }

    /// <summary>Has the engine open its access log anew.</summary>
    public void ReopenLog() => _engine?.ReopenLog();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Kill();
        await _end.CancelAsync();
        await _watch;
        _engine?.Dispose();
        _sockets.Dispose();
        _control?.Dispose();
        _gate.Dispose();
        _end.Dispose();
    }

    private ControlClient TakeOver(ProxyConfig config)
    {
        var path = _options.ControlPath ?? throw new IOException("to take over, a control socket must be named");
        var predecessor = ControlClient.Connect(path) ?? throw new IOException($"{path}: nobody answers there from whom to take over");
        var taken = predecessor.TakeOver();
        if (taken.Remove(EngineHost.ControlName, out var control)) _control = control;
        _sockets.Adopt(config, taken);
        return predecessor;
    }

    private async Task StartEngineAsync()
    {
        var path = _options.SnapshotPath ?? Path.Combine(Path.GetTempPath(), $"gatehouse-snapshot-{Guid.NewGuid():N}");
        SnapshotFile.Write(path, _config, _revision);
        try
        {
            var engine = EngineProcess.Start(_options.Command, path, _revision, Restarts);
            engine.Give(_sockets.All);
            if (_control is not null) engine.Give([KeyValuePair.Create(EngineHost.ControlName, _control)]);
            engine.Serve();
            _engine?.Dispose();
            _engine = engine;
            await engine.Ready;
        }
        finally
        {
            if (_options.SnapshotPath is null) File.Delete(path);
        }
    }

    /// <summary>Waits for the engine's end, and starts another unless this end was wanted.</summary>
    private async Task WatchAsync()
    {
        var pause = TimeSpan.Zero;
        while (true)
        {
            var engine = _engine!;
            var began = _time.GetTimestamp();
            var exit = await engine.Exit;
            if (_stopping || engine.Replaced.IsCompleted) return;
            _tell(new SupervisorEvent(IsFault: true, exit.Signal is { } signal ? $"the engine (pid {engine.Pid}) was ended by signal {signal}; starting another" : $"the engine (pid {engine.Pid}) ended with {exit.Code}; starting another"));
            pause = _time.GetElapsedTime(began) < LeastLife ? Min(pause * 2 + TimeSpan.FromMilliseconds(50), LongestPause) : TimeSpan.Zero;
            if (!await RestartAsync(pause)) return;
        }
    }

    private async Task<bool> RestartAsync(TimeSpan pause)
    {
        try
        {
            if (pause > TimeSpan.Zero) await Task.Delay(pause, _time, _end.Token);
            await _gate.WaitAsync(_end.Token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }

        try
        {
            Restarts++;
            await StartEngineAsync();
            return true;
        }
        catch (IOException e)
        {
            _tell(new SupervisorEvent(IsFault: true, $"the engine does not start: {e.Message}"));
            return true; // Its end is seen, and it is tried again.
        }
        finally
        {
            _gate.Release();
        }
    }

    private static TimeSpan Min(TimeSpan left, TimeSpan right) => left < right ? left : right;
}
