using Gatehouse.Node;
using Gatehouse.Objects.Kinds;

namespace Lab.Tests.Overlay;

/// <summary>The usual scene: a client on one worker, instances <c>web.0</c>, <c>web.1</c> … with a server each on the other.</summary>
internal sealed class ServicePair : IAsyncDisposable
{
    private readonly List<LabServer> _servers = [];

    private ServicePair(OverlayLab lab) => Lab = lab;

    public OverlayLab Lab { get; }

    public required LabWorker Worker1 { get; init; }

    public required LabWorker Worker2 { get; init; }

    public required ServiceAddress Service { get; init; }

    /// <summary>On the first worker.</summary>
    public required LabInstance Client { get; init; }

    /// <summary>On the second worker.</summary>
    public List<LabInstance> Instances { get; } = [];

    public IReadOnlyList<LabServer> Servers => _servers;

    public LabInstance Server => Instances[0];

    public string Target(bool v6) => v6 ? Service.Ipv6! : Service.Ipv4!;

    public static async Task<ServicePair> CreateAsync(BalancingPolicy policy, int instances, Func<NodeOptions, NodeOptions>? change = null, params int[] weights)
    {
        var lab = await OverlayLab.CreateAsync();
        try
        {
            var (w1, w2) = (await lab.AddWorkerAsync("w1", change), await lab.AddWorkerAsync("w2", change));
            var service = await lab.Cluster.AddServiceAsync("web", policy);
            await lab.Cluster.AddServiceAsync("shop");
            var pair = new ServicePair(lab) { Worker1 = w1, Worker2 = w2, Service = service, Client = await lab.AddInstanceAsync(w1, "shop", 0) };
            for (var i = 0; i < instances; i++) await pair.AddAsync(i, i < weights.Length ? weights[i] : 1);
            return pair;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    /// <summary>One more instance on the second worker.</summary>
    public async Task<LabInstance> AddAsync(int number, int weight = 1)
    {
        var instance = await Lab.AddInstanceAsync(Worker2, "web", number, weight);
        _servers.Add(LabServer.Start(instance.Host, instance.Name, 80));
        Instances.Add(instance);
        return instance;
    }

    /// <summary>Waits until the client's worker has this many instances in its maps.</summary>
    public Task KnowsAsync(int instances) => LabClient.EventuallyAsync(
        () => Worker1.Role.Services.All.Any(s => s.Name == "web" && s.Targets.Count == instances), $"the client's worker knows {instances} instances");

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers) await server.DisposeAsync();
        await Lab.DisposeAsync();
    }
}
