using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Lab.Tests.Overlay;

/// <summary>
/// The cluster's side of the objects that nodes read and write: leases subnetworks and addresses, makes peers and resolutions. What the cluster role does, without its
/// durability, quarantine and root: for tests of the node alone.
/// </summary>
internal sealed class MiniCluster
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _indices = new(StringComparer.Ordinal);
    private long _version;
    private int _nextService = 1;
    private int _nextInstance = 1_000;

    public MiniCluster()
    {
        Objects.Admit = Admit;
        Objects.Stored = o => OnStored(o);
    }

    public MemoryObjects Objects { get; } = new();

    /// <summary>How many questions were asked, by query.</summary>
    public Dictionary<string, int> Asked { get; } = new(StringComparer.Ordinal);

    /// <summary>The addresses that the next service will have.</summary>
    public (string Ipv4, string Ipv6) NextService() => AddressesOf(_nextService + 1);

    /// <summary>Declares a service and returns its addresses.</summary>
    public async Task<ServiceAddress> AddServiceAsync(string name, BalancingPolicy policy = BalancingPolicy.RoundRobin)
    {
        var (four, six) = AddressesOf(Interlocked.Increment(ref _nextService));
        var address = new ServiceAddress(policy, four, six);
        await Objects.CreateAsync(
            new FabricService
            {
                ApiVersion = FabricService.Info.ApiVersion,
                Kind = FabricService.Info.Kind,
                Metadata = new() { Name = name },
                Spec = new() { Policies = [policy] },
                Status = new() { Addresses = [address] },
            },
            default);
        return address;
    }

    /// <summary>Declares an instance on a worker; its addresses are there at once.</summary>
    public Task<FabricInstance> AddInstanceAsync(string service, int number, string? worker, int weight = 1, InstanceProcess? process = null) => Objects.CreateAsync(
        new FabricInstance
        {
            ApiVersion = FabricInstance.Info.ApiVersion,
            Kind = FabricInstance.Info.Kind,
            Metadata = new() { Name = $"{service}.{number}" },
            Spec = new() { Service = service, Number = number, Worker = worker, Cluster = "c1", Weight = weight, Process = process },
        },
        default);

    public FabricInstance Instance(string name) => Objects.All<FabricInstance>().First(i => i.Metadata.Name == name);

    /// <summary>Writes an instance's spec.</summary>
    public Task ChangeAsync(string name, Func<FabricInstanceSpec, FabricInstanceSpec> change)
    {
        var old = Instance(name);
        return Objects.UpdateAsync(old with { Spec = change(old.Spec) }, default);
    }

    /// <summary>Writes an instance's status, as its worker or the cluster would.</summary>
    public Task ReportAsync(string name, Func<FabricInstanceStatus, FabricInstanceStatus> change)
    {
        var old = Instance(name);
        return Objects.UpdateStatusAsync(old with { Status = change(old.Status ?? new()) }, default);
    }

    public Resolution Resolve(string query)
    {
        var services = Objects.All<FabricService>();
        var instances = Objects.All<FabricInstance>();
        var service = services.FirstOrDefault(s => s.Metadata.Name == query || s.Status!.Addresses.Any(a => a.Ipv4 == query || a.Ipv6 == query))
            ?? services.FirstOrDefault(s => instances.Any(i => i.Spec.Service == s.Metadata.Name && (i.Status?.Instance?.Ipv4 == query || i.Status?.Instance?.Ipv6 == query)));
        if (service is null) return new() { Outcome = ResolutionOutcome.Unknown, Version = Interlocked.Increment(ref _version) };
        return new()
        {
            Outcome = ResolutionOutcome.Found,
            Version = Interlocked.Increment(ref _version),
            Service = service.Metadata.Name,
            Addresses = service.Status!.Addresses,
            Instances = [.. instances.Where(i => i.Spec.Service == service.Metadata.Name && Serves(i)).Select(Resolved)],
        };
    }

    private static (string Ipv4, string Ipv6) AddressesOf(int n) => ($"10.30.{n / 250}.{n % 250}", $"fdff:2000::{n:x}");

    private static bool Serves(FabricInstance i) => i.Status is { Phase: InstancePhase.Running, NamespaceAddress: not null, Instance: not null } && !i.Spec.Undeploy;

    private static ResolvedInstance Resolved(FabricInstance i) => new()
    {
        Number = i.Spec.Number,
        Cluster = i.Spec.Cluster!,
        Worker = i.Spec.Worker!,
        Weight = i.Spec.Weight,
        Load = i.Status!.Load,
        Instance = i.Status.Instance!,
        NamespaceAddress = i.Status.NamespaceAddress!,
    };

    private ApiObject Admit(ApiObject value)
    {
        lock (_gate)
        {
            switch (value)
            {
                case Worker worker:
                    var index = _indices.TryGetValue(worker.Metadata.Name, out var known) ? known : _indices[worker.Metadata.Name] = _indices.Count;
                    var range = new SubnetworkRange(index, $"10.18.{index / 4}.{index % 4 * 64}/26", $"fc00::{index * 256:x}/120");
                    return worker with { Status = new() { Phase = PresencePhase.Ready, Subnetwork = range } };
                case Interest interest:
                    Asked[interest.Spec.Query] = Asked.GetValueOrDefault(interest.Spec.Query) + 1;
                    return interest with { Status = Resolve(interest.Spec.Query) };
                case FabricInstance instance when instance.Status?.Instance is null:
                    var n = Interlocked.Increment(ref _nextInstance);
                    return instance with { Status = (instance.Status ?? new()) with { Instance = new($"10.30.{n / 250}.{n % 250}", $"fdff::{n:x}") } };
                default:
                    return value;
            }
        }
    }

    private void OnStored(ApiObject value)
    {
        switch (value)
        {
            case Worker worker:
                PutPeer(worker);
                break;
            case FabricInstance instance:
                if (Objects.All<Worker>().FirstOrDefault(w => w.Metadata.Name == instance.Spec.Worker) is { } home) PutPeer(home);
                Renew(instance.Spec.Service);
                break;
            case FabricService service:
                Renew(service.Metadata.Name);
                break;
        }
    }

    private void Renew(string service)
    {
        foreach (var interest in Objects.All<Interest>().Where(i => i.Status is null or { Outcome: ResolutionOutcome.Unknown } || i.Status.Service == service))
            Try(() => Objects.UpdateStatusAsync(interest with { Metadata = interest.Metadata with { ResourceVersion = null }, Status = Resolve(interest.Spec.Query) }, default));
    }

    private void PutPeer(Worker worker)
    {
        var name = $"c1.{worker.Metadata.Name}";
        var peer = new Peer
        {
            ApiVersion = Peer.Info.ApiVersion,
            Kind = Peer.Info.Kind,
            Metadata = new() { Name = name },
            Spec = new()
            {
                Cluster = "c1",
                Worker = worker.Metadata.Name,
                Underlay = worker.Spec.Underlay,
                TunnelPort = worker.Spec.TunnelPort,
                Subnetwork = worker.Status?.Subnetwork,
                PublicAddresses = worker.Spec.PublicAddresses,
                Bindings = [.. Bindings(worker.Metadata.Name)],
            },
        };
        if (Objects.All<Peer>().Any(p => p.Metadata.Name == name)) Try(() => Objects.UpdateAsync(peer, default));
        else Try(() => Objects.CreateAsync(peer, default));
    }

    private IEnumerable<PeerBinding> Bindings(string worker) => Objects.All<FabricInstance>()
        .Where(i => i.Spec.Worker == worker && i.Status is { Instance: not null, NamespaceAddress: not null, Phase: InstancePhase.Running or InstancePhase.Draining })
        .Select(i => new PeerBinding(i.Status!.Instance!, i.Status.NamespaceAddress!));

    private static void Try(Func<Task> act)
    {
        try
        {
            act().GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is ApiUnreachableException or ApiStatusException)
        {
            // Cut off, or another change came first and makes the same again.
        }
    }
}
