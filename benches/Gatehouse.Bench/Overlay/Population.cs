using System.Collections.Concurrent;
using System.Net;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Bench.Overlay;

/// <summary>
/// Many services, each with one instance. Declared at root as any other, so addresses, leases, copies and peers come about as they always do; but the workers that
/// they run on are objects alone, with a life sign that lasts, and what such a worker would report the operator reports.
/// </summary>
internal sealed class Population(OverlayLab lab)
{
    private const int PerWorker = 60;
    private const int Parallel = 32;
    private readonly ConcurrentDictionary<string, IPAddress> _addresses = new(StringComparer.Ordinal);

    /// <summary>The address of a service.</summary>
    public IPAddress this[int number] => _addresses[Name(number)];

    public static string Name(int number) => $"many-{number:d5}";

    /// <summary>Makes them, and ends when the cluster manager resolves all.</summary>
    /// <param name="answering">So many of the first have the namespace address of a real instance, which answers for them.</param>
    public async Task CreateAsync(int count, int answering, AddressPair real, CancellationToken cancellation)
    {
        var workers = (count + PerWorker - 1) / PerWorker;
        await EachAsync(workers, number => RegisterAsync(number, cancellation), cancellation);
        await LeaseAllAsync(workers, cancellation);
        var ranges = (await lab.Manager.ListAsync<Worker>(new(), cancellation)).Items.Where(w => w.Status?.Subnetwork is not null).ToDictionary(w => w.Metadata.Name, w => w.Status!.Subnetwork!);
        await EachAsync(count, number => DeclareAsync(number, number < answering ? real : Place(ranges[Worker(number / PerWorker)], number % PerWorker), cancellation), cancellation);
        await OverlayLab.UntilAsync($"{count} services are resolved", async () => await ResolvedAsync(cancellation) == count, cancellation, TimeSpan.FromMinutes(5));
    }

    /// <summary>Another namespace address for one that no real instance answers for, in the same subnetwork.</summary>
    public static string Elsewhere(string address)
    {
        var bytes = IPAddress.Parse(address).GetAddressBytes();
        // Sixty are taken, two to sixty-one; the last usable one is the spare.
        bytes[3] = (byte)((bytes[3] & ~63) | 62);
        return new IPAddress(bytes).ToString();
    }

    private async Task<int> ResolvedAsync(CancellationToken cancellation) =>
        (await lab.Manager.ListAsync<FabricInstance>(new(), cancellation)).Items
            .Count(i => i.Spec.Service.StartsWith("many-", StringComparison.Ordinal) && i.Status is { Phase: InstancePhase.Running, Instance: not null, NamespaceAddress: not null });

    private static string Worker(int number) => $"object-{number:d3}";

    private static AddressPair Place(SubnetworkRange range, int number)
    {
        var bytes = IPNetwork.Parse(range.Ipv4).BaseAddress.GetAddressBytes();
        bytes[3] += (byte)(number + 2);
        var bytes6 = IPNetwork.Parse(range.Ipv6).BaseAddress.GetAddressBytes();
        bytes6[15] = (byte)(number + 2);
        return new(new IPAddress(bytes).ToString(), new IPAddress(bytes6).ToString());
    }

    private async Task RegisterAsync(int number, CancellationToken cancellation)
    {
        // Addresses on the lab's underlay that nobody has.
        var worker = new Worker
        {
            ApiVersion = Objects.Kinds.Worker.Info.ApiVersion,
            Kind = nameof(Worker),
            Metadata = new() { Name = Worker(number) },
            Spec = new() { Underlay = $"192.168.{100 + (number / 200)}.{(number % 200) + 1}" },
        };
        await lab.Manager.CreateAsync(worker, cancellation);
        var now = TimeProvider.System.GetUtcNow();
        await lab.Manager.CreateAsync(
            new Lease
            {
                ApiVersion = Lease.Info.ApiVersion,
                Kind = nameof(Lease),
                Metadata = new() { Name = worker.Metadata.Name, Namespace = Objects.Kinds.Worker.LeaseNamespace },
                Spec = new() { HolderIdentity = worker.Metadata.Name, AcquireTime = now, RenewTime = now, LeaseDurationSeconds = 3600 },
            },
            cancellation);
    }

    private Task LeaseAllAsync(int workers, CancellationToken cancellation) => OverlayLab.UntilAsync(
        $"{workers} subnetworks are leased",
        async () => (await lab.Manager.ListAsync<Worker>(new(), cancellation)).Items.Count(w => w.Metadata.Name.StartsWith("object-", StringComparison.Ordinal) && w.Status?.Subnetwork is not null) == workers,
        cancellation);

    private async Task DeclareAsync(int number, AddressPair place, CancellationToken cancellation)
    {
        var name = Name(number);
        var service = await lab.Root.CreateAsync(new FabricService { ApiVersion = FabricService.Info.ApiVersion, Kind = nameof(FabricService), Metadata = new() { Name = name } }, cancellation);
        _addresses[name] = IPAddress.Parse(service.Status!.Addresses[0].Ipv4!);
        var declared = OverlayLab.Instance(name, 0, Worker(number / PerWorker));
        await lab.Manager.CreateAsync(declared, cancellation);
        await MoveAsync(number, place, cancellation);
    }

    /// <summary>Reports an instance as running at an address.</summary>
    public Task<FabricInstance> MoveAsync(int number, AddressPair place, CancellationToken cancellation) => lab.Manager.MergePatchAsync<FabricInstance>(
        FabricInstance.NameFor(Name(number), 0),
        $$"""{"status": {"phase": "Running", "namespaceAddress": {"ipv4": "{{place.Ipv4}}", "ipv6": "{{place.Ipv6}}"} } }""", "status", cancellation);

    private static Task EachAsync(int count, Func<int, Task> act, CancellationToken cancellation) => System.Threading.Tasks.Parallel.ForEachAsync(
        Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellation }, async (number, _) => await act(number));
}
