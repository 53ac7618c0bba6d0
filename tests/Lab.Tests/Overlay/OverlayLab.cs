using System.Net;
using Gatehouse.Linux;
using Gatehouse.Node;
using Gatehouse.Node.Instances;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestKit;
using Gatehouse.TestKit.Network;
using Microsoft.Extensions.Logging.Abstractions;

namespace Lab.Tests.Overlay;

/// <summary>Workers in network namespaces on one underlay, each with a real node role, and instances in namespaces of their own.</summary>
internal sealed class OverlayLab : IAsyncDisposable
{
    private readonly NetworkLab _network;
    private readonly NetworkHost _switch;
    private readonly TemporaryDirectory _state = new();
    private readonly List<LabWorker> _workers = [];

    private OverlayLab(NetworkLab network, NetworkHost @switch)
    {
        _network = network;
        _switch = @switch;
    }

    public MiniCluster Cluster { get; } = new();

    public NetworkLab Network => _network;

    /// <summary>Whether workers reach each other over IPv6.</summary>
    public bool UnderlayV6 { get; private init; }

    public static async Task<OverlayLab> CreateAsync(bool underlayV6 = false)
    {
        Assert.SkipUnless(NetworkLab.Refusal is null, NetworkLab.Refusal ?? "");
        var network = await NetworkLab.CreateAsync();
        return new(network, await network.AddSwitchAsync("underlay")) { UnderlayV6 = underlayV6 };
    }

    /// <summary>A worker at 192.168.77.N or 2001:db8:77::N, started, and waited for.</summary>
    public async Task<LabWorker> AddWorkerAsync(string name, Func<NodeOptions, NodeOptions>? change = null)
    {
        var host = await _network.AddHostAsync(name);
        var address = UnderlayV6 ? $"2001:db8:77::{_workers.Count + 1}" : $"192.168.77.{_workers.Count + 1}";
        await _network.PlugAsync(host, UnderlayV6 ? $"{address}/64" : $"{address}/24", _switch);
        var options = new NodeOptions
        {
            Name = name,
            Underlay = IPAddress.Parse(address),
            StateDirectory = _state[name],
            SocketPath = null,
            Namespace = NetworkNamespace.Open(host.Namespace),
        };
        var worker = new LabWorker(this, host, change?.Invoke(options) ?? options);
        _workers.Add(worker);
        await worker.StartAsync();
        return worker;
    }

    /// <summary>An outside host on the underlay.</summary>
    public async Task<NetworkHost> AddOutsideAsync(string name, string address)
    {
        var host = await _network.AddHostAsync(name);
        await _network.PlugAsync(host, address, _switch);
        return host;
    }

    /// <summary>An instance of a service on a worker, in a namespace of its own.</summary>
    public async Task<LabInstance> AddInstanceAsync(LabWorker worker, string service, int number, int weight = 1)
    {
        if (Cluster.Objects.All<FabricInstance>().All(i => i.Metadata.Name != $"{service}.{number}"))
            await Cluster.AddInstanceAsync(service, number, worker.Options.Name, weight);
        var host = await _network.AddHostAsync($"{service}.{number}");
        var name = $"{service}.{number}";
        var attached = await worker.Role.Instances.AttachAsync(
            new(service, number, 0, host.Namespace), Cluster.Instance(name).Status!.Instance, TestContext.Current.CancellationToken);
        var (four, six) = (worker.Role.Instances.Addresses!.Host4(attached.Host).ToString(), worker.Role.Instances.Addresses.Host6(attached.Host).ToString());
        await Cluster.ReportAsync(name, s => s with { Phase = InstancePhase.Running, NamespaceAddress = new(four, six) });
        return new(host, name, new(four, six), Cluster.Instance(name).Status!.Instance!);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in _workers) await worker.DisposeAsync();
        await _network.DisposeAsync();
        _state.Dispose();
    }
}

/// <summary>A worker of the lab.</summary>
internal sealed class LabWorker(OverlayLab lab, NetworkHost host, NodeOptions options) : IAsyncDisposable
{
    private CancellationTokenSource _stop = new();
    private Task _run = Task.CompletedTask;

    public NetworkHost Host => host;

    public NodeOptions Options => options;

    public NodeRole Role { get; private set; } = null!;

    public async Task StartAsync()
    {
        _stop = new();
        Role = new(options, lab.Cluster.Objects, TimeProvider.System, NullLoggerFactory.Instance);
        _run = Role.RunAsync(_stop.Token);
        await await Task.WhenAny(Role.Ready.WaitAsync(TimeSpan.FromSeconds(20)), _run);
    }

    /// <summary>Ends the agent and leaves its work in the kernel, as the end of its process does.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _run;
        await Role.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();

        // Programs that it started outlive it, and would the test.
        if (options.RunsProcesses) await NodeRole.TearDownAsync(options);
        _stop.Dispose();
        options.Namespace?.Dispose();
    }
}

/// <summary>An instance of the lab.</summary>
internal sealed record LabInstance(NetworkHost Host, string Name, AddressPair Namespace, AddressPair Address);
