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

    private static readonly string[] Inherited = ["PATH", "HOME", "LANG", "TZ", "DOTNET_ROOT", "DOTNET_ROOT_X64", "SSLKEYLOGFILE", "OPENSSL_CONF"];

    private readonly ServiceNotify _notify = new(host.Variable("NOTIFY_SOCKET"));
    private readonly Channel<Request> _requests = Channel.CreateBounded<Request>(new BoundedChannelOptions(16) { FullMode = BoundedChannelFullMode.DropWrite });

    private enum Request
    {
        Reload,
        Upgrade,
        End,
    }

    public async Task<int> RunAsync()
    {
        if (Load(atStart: true) is not { } config) return ExitCode.Usage;
        using var hangup = Watch(PosixSignal.SIGHUP, Request.Reload);
        using var upgrade = Watch((PosixSignal)(int)ProcessSignal.User2, Request.Upgrade);
        using var terminate = Watch(PosixSignal.SIGTERM, Request.End);
        using var interrupt = Watch(PosixSignal.SIGINT, Request.End);
        await using var supervisor = new EngineSupervisor(Supervision(), host.Time, Tell);
        if (await supervisor.StartAsync(config) is { Count: > 0 } faults)
        {
            foreach (var fault in faults) host.Error.WriteLine($"{options.ConfigFile}: {fault}");
            return ExitCode.Failed;
        }

        _notify.Serving(Environment.ProcessId);
        host.Error.WriteLine($"gatehouse: serves {options.ConfigFile}: {ProxyCommand.Summary(config)}; engine {supervisor.EnginePid}, control {options.ControlPath}");
        await WorkAsync(supervisor);
        return ExitCode.Ok;
    }

    private async Task WorkAsync(EngineSupervisor supervisor)
    {
        var ending = false;
        while (true)
        {
            var asked = _requests.Reader.WaitToReadAsync().AsTask();
            if (await Task.WhenAny(asked, supervisor.Completion) == supervisor.Completion) return;
            while (_requests.Reader.TryRead(out var request))
            {
                if (request == Request.End && ending) supervisor.Kill();
                else if (request == Request.End)
                {
                    ending = true;
                    _notify.Stopping();
                    host.Error.WriteLine("gatehouse: ends after what is begun");
                    supervisor.Drain();
                }
                else if (ending) continue;
                else if (request == Request.Reload) await ReloadAsync(supervisor);
                else Upgrade();
            }
        }
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
        supervisor.ReopenLog();
        if (Load(atStart: false) is not { } config)
        {
            host.Error.WriteLine($"gatehouse: {options.ConfigFile} has faults: goes on with what was");
            return;
        }

        var faults = await supervisor.ApplyAsync(config);
        foreach (var fault in faults) host.Error.WriteLine($"{options.ConfigFile}: {fault}");
        host.Error.WriteLine(faults.Count > 0 ? "gatehouse: goes on with what was" : $"gatehouse: serves {options.ConfigFile} anew: {ProxyCommand.Summary(config)}");
    }

    /// <summary>Starts the program that stands where this one stood; when it serves, this one's engine drains and this one ends with it.</summary>
    private void Upgrade()
    {
        try
        {
            var successor = DetachedProcess.Start(new ProcessOptions(Environment.ProcessPath!)
            {
                Arguments = ["proxy", "--config", options.ConfigFile, "--control", options.ControlPath, .. Snapshot(), "--take-over"],
                Environment = Surroundings("NOTIFY_SOCKET"),
                InheritsOutput = true,
            });
            host.Error.WriteLine($"gatehouse: {Environment.ProcessPath} takes over as {successor.Identity.Pid}");
        }
        catch (IOException e)
        {
            host.Error.WriteLine($"gatehouse: no successor, goes on: {e.Message}");
        }
    }

    private string[] Snapshot() => options.SnapshotPath is { } path ? ["--snapshot", path] : [];

    private SupervisorOptions Supervision() => new()
    {
        Command = new EngineCommand(Environment.ProcessPath!, [EngineWord], Surroundings([.. EngineCommand.Runtime.Keys], EngineCommand.Runtime)),
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

    private PosixSignalRegistration Watch(PosixSignal signal, Request request) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        _requests.Writer.TryWrite(request);
    });

    private void Tell(SupervisorEvent told) => host.Error.WriteLine($"gatehouse: {told.Text}");
}
