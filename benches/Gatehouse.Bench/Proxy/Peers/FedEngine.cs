using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Configuration.Yaml;
using Gatehouse.Proxy.Supervision;

namespace Gatehouse.Bench.Proxy.Peers;

/// <summary>The engine as a role runs it: this process is its parent and hands it configurations.</summary>
internal sealed class FedEngine : IAsyncDisposable
{
    private readonly EngineSupervisor _supervisor;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly Lock _gate = new();
    private ProxyConfig _wanted;
    private long _asked;
    private long _applied;

    private FedEngine(EngineCommand command, ProxyConfig config)
    {
        _wanted = config;
        _supervisor = new EngineSupervisor(new SupervisorOptions { Command = command }, TimeProvider.System, static told => Console.Error.WriteLine($"churn: {told.Text}"));
    }

    public static async Task<ChangeFeed> StartAsync(ProxySetup setup)
    {
        var ports = ProxyPorts.Take();
        var outcome = RoutesFile.Load(setup.Write("gatehouse", "routes.yaml", Engine.Text(setup, ports)), TimeProvider.System);
        if (outcome.Config is not { } config) throw new InvalidOperationException(string.Join('\n', outcome.Faults.Take(3)));
        // On the proxies' processor like all others; what this process needs to compare configurations is taken from the load's.
        var environment = new Dictionary<string, string>(EngineCommand.Runtime, StringComparer.Ordinal);
        foreach (var name in new[] { "PATH", "DOTNET_ROOT" })
        {
            if (Environment.GetEnvironmentVariable(name) is { } value) environment[name] = value;
        }

        var engine = new FedEngine(new EngineCommand("/usr/bin/env", [.. Machine.ProxyPrefix, Engine.Program(), "proxy-engine"], environment), config);
        var faults = await engine._supervisor.StartAsync(config);
        if (faults.Count > 0) throw new InvalidOperationException(string.Join('\n', faults));
        Machine.PutAhead(engine._supervisor.EnginePid);
        return new("gatehouse", ports.Traffic, engine.ApplyAsync, engine.DisposeAsync);
    }

    /// <summary>Ends when the change is with the engine, alone or with others that came meanwhile, as a role would do it.</summary>
    private async Task ApplyAsync(RouteChange change, CancellationToken cancellation)
    {
        long own;
        lock (_gate) (_wanted, own) = (Changed(_wanted, change), ++_asked);
        await _turn.WaitAsync(cancellation);
        try
        {
            // One that came later may have been quicker and have taken this one along.
            if (_applied >= own) return;
            ProxyConfig next;
            long last;
            lock (_gate) (next, last) = (_wanted, _asked);
            var faults = await _supervisor.ApplyAsync(next);
            if (faults.Count > 0) throw new InvalidOperationException($"the engine refused a change: {faults[0]}");
            _applied = last;
        }
        finally
        {
            _turn.Release();
        }
    }

    private static ProxyConfig Changed(ProxyConfig config, RouteChange change)
    {
        VirtualHost[] hosts = [.. config.VirtualHosts];
        Route[] routes = [.. hosts[change.Host].Routes];
        routes[0] = routes[0] with { Upstream = $"g{change.Group}" };
        hosts[change.Host] = hosts[change.Host] with { Routes = [.. routes] };
        return config with { VirtualHosts = [.. hosts] };
    }

    public async ValueTask DisposeAsync()
    {
        await _supervisor.DisposeAsync();
        _turn.Dispose();
    }
}
