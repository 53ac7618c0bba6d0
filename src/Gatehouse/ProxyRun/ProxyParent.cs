using System.Runtime.InteropServices;
using System.Threading.Channels;
using Gatehouse.Commands;
using Gatehouse.Linux.Processes;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Configuration.Snapshot;
using Gatehouse.Proxy.Configuration.Yaml;
using Gatehouse.Proxy.Supervision;
using Gatehouse.Serve;

namespace Gatehouse.ProxyRun;

/// <summary>What <c>gatehouse proxy</c> was told.</summary>
internal sealed record ProxyParentOptions
{
    public required string ConfigFile { get; init; }

    public required string ControlPath { get; init; }

    public string? SnapshotPath { get; init; }

    public bool TakeOver { get; init; }
}

/// <summary>The parent of an engine that serves a file: reads it, starts the engine, and does what signals ask, one after the other.</summary>
internal sealed class ProxyParent(HostContext host, ProxyParentOptions options)
{
    /// <summary>The word that makes a process an engine; see Program.cs.</summary>
    public const string EngineWord = "proxy-engine";

    /// <summary>Where this program stood when it was started; another may stand there now.</summary>
    private static readonly string Program = Environment.ProcessPath!;

    private static readonly string[] Inherited = ["PATH", "HOME", "LANG", "TZ", "DOTNET_ROOT", "DOTNET_ROOT_X64", "SSLKEYLOGFILE", "OPENSSL_CONF"];

    private readonly ServiceNotify _notify = new(host.Variable("NOTIFY_SOCKET"));
    private readonly Channel<Request> _asked = Channel.CreateBounded<Request>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private Task _successor = Task.CompletedTask;
    private int _reloads;
    private int _upgrades;
    private int _ends;

    /// <summary>What wakes the parent up; how often what was asked is counted beside it, so that nothing is lost however fast signals come.</summary>
    private enum Request
    {
        Something,
    }

    public async Task<int> RunAsync()
    {
        using var hangup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, c => Ask(c, ref _reloads));
        using var upgrade = PosixSignalRegistration.Create((PosixSignal)(int)ProcessSignal.User2, c => Ask(c, ref _upgrades));
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, c => Ask(c, ref _ends));
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, c => Ask(c, ref _ends));
        if (Load(atStart: true) is not { } config) return ExitCode.Usage;
        await using var supervisor = new EngineSupervisor(Supervision(), host.Time, Tell);
        if (await StartAsync(supervisor, config) is { Count: > 0 } faults)
        {
            foreach (var fault in faults) host.Error.WriteLine($"{options.ConfigFile}: {fault}");
            return ExitCode.Failed;
        }

        _notify.Serving(Environment.ProcessId);
        host.Error.WriteLine($"gatehouse: serves {options.ConfigFile}: {ProxyCommand.Summary(config)}; engine {supervisor.EnginePid}, control {options.ControlPath}");
        Rest();
        await WorkAsync(supervisor);
        return ExitCode.Ok;
    }

    /// <summary>Starts; whoever asks for the end before it serves gets it.</summary>
    private async Task<IReadOnlyList<ConfigFault>> StartAsync(EngineSupervisor supervisor, ProxyConfig config)
    {
        var started = supervisor.StartAsync(config);
        while (!started.IsCompleted)
        {
            await Task.WhenAny(started, _asked.Reader.WaitToReadAsync().AsTask());
            _asked.Reader.TryRead(out _);
            if (Volatile.Read(ref _ends) > 0) supervisor.Kill();
        }

        _asked.Writer.TryWrite(Request.Something); // What came meanwhile is still to be done.
        return await started;
    }

    private async Task WorkAsync(EngineSupervisor supervisor)
    {
        Task? drain = null;
        Task? reload = null;
        Task asked = Task.CompletedTask;
        while (!supervisor.Completion.IsCompleted)
        {
            // Also the end of a reload: another may have been asked for meanwhile.
            if (asked.IsCompleted) asked = _asked.Reader.WaitToReadAsync().AsTask();
            await Task.WhenAny(reload is null ? [asked, supervisor.Completion] : [asked, supervisor.Completion, reload]);
            _asked.Reader.TryRead(out _);
            if (reload is { IsCompleted: true })
            {
                await reload;
                reload = null;
            }

            var ends = Volatile.Read(ref _ends);
            if (ends > 1) supervisor.Kill();
            else if (ends == 1) drain ??= BeginDrain(supervisor);
            if (ends > 0) continue;
            if (reload is null && Interlocked.Exchange(ref _reloads, 0) > 0) reload = ReloadAsync(supervisor);
            if (Interlocked.Exchange(ref _upgrades, 0) > 0) Upgrade();
        }

        await supervisor.Completion;
        await (reload ?? Task.CompletedTask);
        await (drain ?? Task.CompletedTask);
    }

    /// <summary>Reading a file needs several times the memory of what comes of it, and then there is nothing to do for a long time: it goes back to the kernel.</summary>
    private static void Rest() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);

    private Task BeginDrain(EngineSupervisor supervisor)
    {
        _notify.Stopping();
        host.Error.WriteLine("gatehouse: ends after what is begun");
        return supervisor.DrainAsync();
    }

    /// <summary>The configuration, after telling what is wrong with it. Null: there is none to serve.</summary>
    private ProxyConfig? Load(bool atStart)
    {
        var outcome = RoutesFile.Load(options.ConfigFile, host.Time);
        foreach (var fault in outcome.Faults) host.Error.WriteLine(fault);
        foreach (var warning in outcome.Warnings) host.Error.WriteLine($"{warning} (warning)");
        if (outcome.Config is not null || !atStart || options.SnapshotPath is not { } path || SnapshotFile.Read(path).Config is not { } last) return outcome.Config;
        host.Error.WriteLine($"gatehouse: {options.ConfigFile} has faults: serves the last good configuration, from {path}");
        return last;
    }

    private async Task ReloadAsync(EngineSupervisor supervisor)
    {
        await Task.Yield(); // Signals are heard while a long file is read.
        _notify.Reloading(host.Time.GetElapsedTime(0).Ticks / TimeSpan.TicksPerMicrosecond);
        supervisor.ReopenLog();
        try
        {
            if (Load(atStart: false) is { } config) await ApplyAsync(supervisor, config);
            else host.Error.WriteLine($"gatehouse: {options.ConfigFile} has faults: goes on with what was");
        }
        catch (OperationCanceledException)
        {
            host.Error.WriteLine($"gatehouse: {options.ConfigFile} is not served anew: this proxy ends");
        }

        Rest();
        _notify.Ready();
    }

    private async Task ApplyAsync(EngineSupervisor supervisor, ProxyConfig config)
    {
        var faults = await supervisor.ApplyAsync(config);
        foreach (var fault in faults) host.Error.WriteLine($"{options.ConfigFile}: {fault}");
        host.Error.WriteLine(faults.Count > 0 ? "gatehouse: goes on with what was" : $"gatehouse: serves {options.ConfigFile} anew: {ProxyCommand.Summary(config)}");
    }

    /// <summary>Starts the program that stands where this one stood; when it serves, this one's engine drains and this one ends with it.</summary>
    private void Upgrade()
    {
        if (!_successor.IsCompleted)
        {
            host.Error.WriteLine("gatehouse: a successor takes over already");
            return;
        }

        try
        {
            var successor = DetachedProcess.Start(new ProcessOptions(Program)
            {
                Arguments = ["proxy", "--config", options.ConfigFile, "--control", options.ControlPath, .. Snapshot(), "--take-over"],
                Environment = Surroundings("NOTIFY_SOCKET"),
                InheritsOutput = true,
            });
            host.Error.WriteLine($"gatehouse: {Program} takes over as {successor.Identity.Pid}");
            _successor = WatchAsync(successor);
        }
        catch (IOException e)
        {
            host.Error.WriteLine($"gatehouse: no successor, goes on: {e.Message}");
        }
    }

    /// <summary>A successor that serves outlives this process; one that ends before has failed, and has said why.</summary>
    private async Task WatchAsync(DetachedProcess successor)
    {
        var exit = await successor.Exit;
        _successor = Task.CompletedTask; // Whoever reads the line below may ask for another at once.
        host.Error.WriteLine($"gatehouse: the successor {successor.Identity.Pid} ended with {exit.Code ?? -exit.Signal}: goes on");
    }

    private string[] Snapshot() => options.SnapshotPath is { } path ? ["--snapshot", path] : [];

    private SupervisorOptions Supervision() => new()
    {
        Command = new EngineCommand(Program, [EngineWord], Surroundings([.. EngineCommand.Runtime.Keys], EngineCommand.Runtime)),
        ControlPath = options.ControlPath,
        SnapshotPath = options.SnapshotPath,
        TakeOver = options.TakeOver,
    };

    private Dictionary<string, string> Surroundings(params string[] more) => Surroundings(more, new Dictionary<string, string>(StringComparer.Ordinal));

    /// <summary>What a child inherits; its own settings stand unless this process was given others.</summary>
    private Dictionary<string, string> Surroundings(string[] more, IReadOnlyDictionary<string, string> settings)
    {
        var environment = new Dictionary<string, string>(settings, StringComparer.Ordinal);
        foreach (var name in Inherited.Concat(more))
        {
            if (host.Variable(name) is { } value) environment[name] = value;
        }

        return environment;
    }

    private void Ask(PosixSignalContext context, ref int count)
    {
        context.Cancel = true;
        Interlocked.Increment(ref count);
        _asked.Writer.TryWrite(Request.Something);
    }

    private void Tell(SupervisorEvent told) => host.Error.WriteLine($"gatehouse: {told.Text}");
}
