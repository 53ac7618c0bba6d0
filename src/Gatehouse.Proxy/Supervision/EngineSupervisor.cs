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

    /// <summary>Where the last configuration is kept for the next start. Null: nowhere.</summary>
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
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    /// <summary>An engine that does not serve by then never will.</summary>
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly SupervisorOptions _options;
    private readonly TimeProvider _time;
    private readonly Action<SupervisorEvent> _tell;
    private readonly SemaphoreSlim _gate = new(1);
    private readonly ListenerSockets _sockets = new();
    private readonly CancellationTokenSource _stop = new();
    private SafeFileHandle? _control;
    private volatile EngineProcess? _engine;
    private ProxyConfig _config = new();
    private long _revision = 1;
    private volatile bool _stopping;
    private Task _watch = Task.CompletedTask;

    /// <param name="options">How.</param>
    /// <param name="time">The clock.</param>
    /// <param name="tell">Gets what happens, from any thread; it must not wait.</param>
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
        if (predecessor is null && _options.ControlPath is { } control) ListenerSockets.RequireNobodyAt(control);
        if (_sockets.Bind(config, out _) is { Count: > 0 } faults) return faults;
        if (_options.ControlPath is { } path) _control ??= ListenerSockets.OpenControl(path);
        _config = config;
        Keep(config);
        await StartEngineAsync();
        predecessor?.Ask(new ControlRequest { Act = ControlAct.Replaced });
        _watch = WatchAsync();
        return [];
    }

    /// <summary>Puts a configuration in place of the present one; it must be valid.</summary>
    /// <returns>What could not be bound; then all stays as it was.</returns>
    /// <exception cref="OperationCanceledException">The engine ends, or another parent has its listeners.</exception>
    public async Task<IReadOnlyList<ConfigFault>> ApplyAsync(ProxyConfig config)
    {
        await _gate.WaitAsync(_stop.Token);
        try
        {
            _stop.Token.ThrowIfCancellationRequested();
            if (_sockets.Bind(config, out var bound) is { Count: > 0 } faults) return faults;
            _sockets.Trim(config);
            var engine = _engine!;
            var delta = ConfigDelta.Between(_config, config, engine.Revision, _revision + 1);
            _config = config;
            if (delta.IsEmpty && bound.Count == 0) return [];
            _revision++;
            Keep(config);
            engine.Give(_sockets.All.Where(s => bound.Contains(s.Key)));
            TellFaults(await ChangeAsync(engine, delta));
            return [];
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Has the engine end after what it has begun, or at its deadline. No new connection is taken.</summary>
    public async Task DrainAsync()
    {
        await StopAsync();
        await _gate.WaitAsync();
        try
        {
            // First here, then there: the engine takes what waits in the kernel before it closes for good.
            var serves = _control is not null;
            LetGo();
            if (serves && _options.ControlPath is { } path && _engine?.Replaced.IsCompleted == false) File.Delete(path);
            _engine?.Drain();
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Ends the engine at once.</summary>
    public void Kill()
    {
        _ = StopAsync();
        _engine?.Kill();
    }

    /// <summary>Has the engine open its access log anew.</summary>
    public void ReopenLog() => _engine?.ReopenLog();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Kill();
        await _watch;
        await _gate.WaitAsync();
        _engine?.Dispose();
        LetGo();
        _gate.Dispose();
        _stop.Dispose();
    }

    /// <summary>No other engine is started.</summary>
    private Task StopAsync()
    {
        _stopping = true;
        return _stop.CancelAsync();
    }

    /// <summary>Holds nothing any more for which clients could wait.</summary>
    private void LetGo()
    {
        _sockets.Dispose();
        _control?.Dispose();
        _control = null;
    }

    private ControlClient TakeOver(ProxyConfig config)
    {
        var path = _options.ControlPath ?? throw new IOException("to take over, a control socket must be named");
        var predecessor = ControlClient.Connect(path) ?? throw new IOException($"{path}: nobody answers there from whom to take over");
        try
        {
            var taken = predecessor.TakeOver();
            if (taken.Remove(EngineHost.ControlName, out var control)) _control = control;
            _sockets.Adopt(config, taken);
            return predecessor;
        }
        catch
        {
            predecessor.Dispose();
            throw;
        }
    }

    /// <summary>Keeps a configuration for the next start. Where that can't be done, it is served all the same.</summary>
    private void Keep(ProxyConfig config)
    {
        if (_options.SnapshotPath is not { } path) return;
        try
        {
            SnapshotFile.Write(path, config, _revision);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _tell(new SupervisorEvent(IsFault: true, $"the configuration is not kept: {path}: {e.Message}"));
        }
    }

    private async Task<EngineMessage> ChangeAsync(EngineProcess engine, ConfigDelta delta)
    {
        var answer = await engine.ChangeAsync(delta);
        if (answer.Problem is { } difference && answer.Act == EngineAct.Applied)
        {
            _tell(new SupervisorEvent(IsFault: true, $"the engine did not take the change: {difference}; it gets the whole"));
            answer = await engine.ReplaceAsync(_config, _revision, Restarts);
        }

        if (answer.Problem is { } problem) _tell(new SupervisorEvent(IsFault: true, $"the engine (pid {engine.Pid}) did not take the change: {problem}"));
        return answer;
    }

    private void TellFaults(EngineMessage answer) => TellFaults(answer.Faults ?? []);

    private void TellFaults(IReadOnlyList<string> faults)
    {
        foreach (var fault in faults) _tell(new SupervisorEvent(IsFault: true, fault));
    }

    private async Task StartEngineAsync()
    {
        var engine = EngineProcess.Start(_options.Command, _config, _revision, Restarts, text => _tell(new SupervisorEvent(IsFault: true, $"engine: {text}")));
        engine.Give(_sockets.All);
        if (_control is not null) engine.Give([KeyValuePair.Create(EngineHost.ControlName, _control)]);
        engine.Serve();
        _engine?.Dispose();
        _engine = engine;
        if (_stopping) engine.Kill(); // Who stopped may have looked before it was there.
        try
        {
            TellFaults(await engine.Ready.WaitAsync(StartLimit, _time));
        }
        catch (TimeoutException e)
        {
            engine.Kill();
            throw new IOException($"the engine (pid {engine.Pid}) did not serve within {StartLimit.TotalSeconds:0} s, and was ended", e);
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
            var end = engine.WaitForEndAsync();
            if (await Task.WhenAny(end, engine.Replaced) != end) await GiveUpAsync();
            var exit = await end;
            if (engine.Replaced.IsCompleted) await GiveUpAsync();
            if (_stopping) return;
            var how = exit.Signal is { } signal ? $"was ended by signal {signal}" : $"ended with {exit.Code}";
            _tell(new SupervisorEvent(IsFault: true, $"the engine (pid {engine.Pid}) {how}; starting another"));
            pause = _time.GetElapsedTime(began) >= LeastLife ? TimeSpan.Zero : Min((pause * 2) + FirstPause, LongestPause);
            await RestartAsync(pause);
        }
    }

    /// <summary>A successor has the listeners: whoever connects is its business alone.</summary>
    private async Task GiveUpAsync()
    {
        await StopAsync();
        await _gate.WaitAsync();
        LetGo();
        _gate.Release();
    }

    private async Task RestartAsync(TimeSpan pause)
    {
        try
        {
            if (pause > TimeSpan.Zero) await Task.Delay(pause, _time, _stop.Token);
            await _gate.WaitAsync(_stop.Token);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        try
        {
            if (_stopping) return;
            Restarts++;
            await StartEngineAsync();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _tell(new SupervisorEvent(IsFault: true, $"the engine does not start: {e.Message}")); // Its end is seen, and it is tried again.
        }
        finally
        {
            _gate.Release();
        }
    }

    private static TimeSpan Min(TimeSpan left, TimeSpan right) => left < right ? left : right;
}
