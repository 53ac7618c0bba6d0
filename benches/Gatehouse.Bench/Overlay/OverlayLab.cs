using System.Text;
using Gatehouse.Api.Client;
using Gatehouse.Lab;
using Gatehouse.Linux;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Bench.Overlay;

/// <summary>A lab of real processes: root, a cluster manager, three workers. Its operator is this program.</summary>
internal sealed class OverlayLab : IAsyncDisposable
{
    public const string Cluster = "cluster1";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly HostLab _lab;
    private readonly List<NetworkNamespace> _open = [];

    private OverlayLab(HostLab lab) => _lab = lab;

    /// <summary>The operator at root.</summary>
    public HttpObjectClient Root { get; private set; } = null!;

    /// <summary>The operator at the cluster manager.</summary>
    public HttpObjectClient Manager { get; private set; } = null!;

    /// <summary>The process in whose network the lab's switches are.</summary>
    public int Switches => LabNamespaces.Find(_lab.Paths.Directory)!.Init.Pid;

    public static async Task<OverlayLab> StartAsync(int workers, CancellationToken cancellation)
    {
        var program = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "Gatehouse", Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), "gatehouse"));
        var options = new LabOptions
        {
            Name = $"bench{Environment.ProcessId}",
            Workers = workers,
            Program = [program],
            Directory = Path.Combine(Environment.IsPrivilegedProcess ? "/var/lib" : Path.GetTempPath(), HostLab.FolderName, $"bench{Environment.ProcessId}"),
        };
        var lab = new OverlayLab(new HostLab(options.Directory, TimeProvider.System));
        try
        {
            await lab._lab.UpAsync(options, rootless: false, _ => { }, cancellation);
            var topology = HostLab.TopologyOf(lab._lab.Require());
            lab.Root = Operator.Open(lab._lab.Paths.Kubeconfig(topology.Root)!, lab.Network("root"));
            lab.Manager = Operator.Open(lab._lab.Paths.Kubeconfig(topology.Host(Cluster))!, lab.Network(Cluster));
            return lab;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    /// <summary>The network of a host.</summary>
    public NetworkNamespace Network(string host)
    {
        var inner = _lab.Require().Inits[host];
        var pid = ProcessTable.InNamespaceOf(Switches).Single(p => p.InnerPid == inner).Stamp.Pid;
        _open.Add(NetworkNamespace.OpenPid(pid));
        return _open[^1];
    }

    /// <summary>CPU seconds that a role's process has used.</summary>
    public double CpuSeconds(string host, string role)
    {
        var pid = _lab.Status(_lab.Require()).Single(p => p.Process.Host == host && p.Process.Role == role).MachinePid!.Value;
        using var process = System.Diagnostics.Process.GetProcessById(pid);
        return process.TotalProcessorTime.TotalSeconds;
    }

    /// <summary>Waits until roles use next to no processor time: what they compile in the background is done.</summary>
    public async Task UntilQuietAsync(IReadOnlyList<(string Host, string Role)> roles)
    {
        const double quietSeconds = 0.02; // Of half a second, over all of them.
        for (var attempt = 0; attempt < 60; attempt++)
        {
            var before = roles.Sum(r => CpuSeconds(r.Host, r.Role));
            await Task.Delay(TimeSpan.FromSeconds(0.5), TimeProvider.System);
            if (roles.Sum(r => CpuSeconds(r.Host, r.Role)) - before < quietSeconds) return;
        }
    }

    /// <summary>Declares a service at root, and instances that workers run.</summary>
    /// <param name="workers">One instance for each, in this order.</param>
    public async Task<FabricService> DeployAsync(string name, IReadOnlyList<string> workers, IReadOnlyList<string> command, CancellationToken cancellation)
    {
        var service = await Root.CreateAsync(new FabricService { ApiVersion = FabricService.Info.ApiVersion, Kind = nameof(FabricService), Metadata = new() { Name = name } }, cancellation);
        for (var number = 0; number < workers.Count; number++)
        {
            await Root.CreateAsync(Instance(name, number, workers[number]) with { Spec = Instance(name, number, workers[number]).Spec with { Process = new(command) } }, cancellation);
        }

        await UntilAsync($"{workers.Count} instances of {name} run", async () => (await InstancesAsync(name, cancellation)).Count(i => i.Status?.Phase == InstancePhase.Running) == workers.Count, cancellation);
        return service;
    }

    /// <summary>The instances of a service as the cluster manager knows them.</summary>
    public async Task<IReadOnlyList<FabricInstance>> InstancesAsync(string service, CancellationToken cancellation) =>
        (await Manager.ListAsync<FabricInstance>(new(Fields: $"spec.service={service}"), cancellation)).Items;

    public static FabricInstance Instance(string service, int number, string worker) => new()
    {
        ApiVersion = FabricInstance.Info.ApiVersion,
        Kind = nameof(FabricInstance),
        Metadata = new() { Name = FabricInstance.NameFor(service, number) },
        Spec = new() { Service = service, Number = number, Cluster = Cluster, Worker = worker },
    };

    /// <summary>The process of an instance, as this machine numbers it.</summary>
    public int ProcessOf(string service, int number)
    {
        var mark = $"GATEHOUSE_SERVICE={service}\0";
        var row = $"GATEHOUSE_INSTANCE={number}\0";
        return ProcessTable.InNamespaceOf(Switches).Where(p => !p.Ended).Select(p => p.Stamp.Pid).First(pid =>
            EnvironmentOf(pid) is var text && text.Contains(mark, StringComparison.Ordinal) && text.Contains(row, StringComparison.Ordinal));
    }

    /// <summary>The network of an instance.</summary>
    public NetworkNamespace NetworkOf(string service, int number)
    {
        _open.Add(NetworkNamespace.OpenPid(ProcessOf(service, number)));
        return _open[^1];
    }

    /// <summary>Asks again until it is so.</summary>
    public static async Task UntilAsync(string what, Func<Task<bool>> isSo, CancellationToken cancellation, TimeSpan? patience = null)
    {
        using var deadline = new CancellationTokenSource(patience ?? Patience);
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (!await isSo())
        {
            if (deadline.IsCancellationRequested) throw new TimeoutException($"waited {(patience ?? Patience).TotalSeconds:0} s for: {what}");
            await pace.WaitForNextTickAsync(cancellation);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Root?.Dispose();
        Manager?.Dispose();
        foreach (var network in _open) network.Dispose();
        await _lab.DownAsync(CancellationToken.None);
    }

    private static string EnvironmentOf(int pid)
    {
        try
        {
            return Encoding.UTF8.GetString(File.ReadAllBytes($"/proc/{pid}/environ"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
