using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Store.Memory;
using Gatehouse.TestHosts;
using Gatehouse.TestKit;
using static Gatehouse.Root.Tests.AddressTests;

namespace Gatehouse.Root.Tests;

/// <summary>Root starts on stores as a crash between two writes leaves them; each was made by a server without root's admissions.</summary>
public sealed class CrashTests
{
    [Fact]
    public async Task A_service_whose_lease_was_not_written_keeps_its_address()
    {
        var store = new MemoryStore(TimeProvider.System);
        await SeedAsync(store, async raw =>
        {
            var service = await raw.Local.CreateAsync(Service("a"), Ct);
            await raw.Local.UpdateStatusAsync(service with { Status = new FabricServiceStatus { Addresses = [new(BalancingPolicy.RoundRobin, "10.30.0.1", "fdff:2000::1")] } }, Ct);
        });
        await using var root = await RootHost.StartAsync(store: store);
        Assert.Equal("10.30.0.2", (await root.Local.CreateAsync(Service("b"), Ct)).Status!.Addresses.Single().Ipv4);
        await root.Local.UntilThereAsync<AddressLease>("10.30.0.1", l => l is { Spec.Owner: "service/a", Status.Phase: AddressPhase.Leased });
    }

    [Fact]
    public async Task A_lease_whose_service_is_gone_goes_into_quarantine()
    {
        var store = new MemoryStore(TimeProvider.System);
        await SeedAsync(store, raw => LeaseAsync(raw, "10.30.0.1", "service/gone", AddressPhase.Leased));
        await using var root = await RootHost.StartAsync(store: store);
        Assert.Equal("10.30.0.2", (await root.Local.CreateAsync(Service("b"), Ct)).Status!.Addresses.Single().Ipv4);
        await root.Local.UntilThereAsync<AddressLease>("10.30.0.1", l => l.Status!.Phase == AddressPhase.Quarantined);
    }

    [Fact]
    public async Task A_quarantine_written_ahead_of_a_delete_that_was_not_made_ends_as_a_lease()
    {
        var store = new MemoryStore(TimeProvider.System);
        await SeedAsync(store, async raw =>
        {
            var service = await raw.Local.CreateAsync(Service("a"), Ct);
            await raw.Local.UpdateStatusAsync(service with { Status = new FabricServiceStatus { Addresses = [new(BalancingPolicy.RoundRobin, "10.30.0.1", "fdff:2000::1")] } }, Ct);
            await LeaseAsync(raw, "10.30.0.1", "service/a", AddressPhase.Quarantined);
        });
        await using var root = await RootHost.StartAsync(store: store);
        await root.Local.UntilThereAsync<AddressLease>("10.30.0.1", l => l.Status!.Phase == AddressPhase.Leased);
    }

    [Fact]
    public async Task A_free_address_that_a_service_took_before_its_lease_was_rewritten_is_the_services()
    {
        var store = new MemoryStore(TimeProvider.System);
        await SeedAsync(store, async raw =>
        {
            await LeaseAsync(raw, "10.30.0.1", "service/old", AddressPhase.Free);
            var service = await raw.Local.CreateAsync(Service("new"), Ct);
            await raw.Local.UpdateStatusAsync(service with { Status = new FabricServiceStatus { Addresses = [new(BalancingPolicy.RoundRobin, "10.30.0.1", "fdff:2000::1")] } }, Ct);
        });
        await using var root = await RootHost.StartAsync(store: store);
        await root.Local.UntilThereAsync<AddressLease>("10.30.0.1", l => l is { Spec.Owner: "service/new", Status.Phase: AddressPhase.Leased });
    }

    [Fact]
    public async Task A_tombstone_whose_range_somebody_leases_is_removed_and_two_leases_of_one_range_are_not_made_three()
    {
        var store = new MemoryStore(TimeProvider.System);
        await SeedAsync(store, async raw =>
        {
            await SubnetworkAsync(raw, "c1", "old", AddressPhase.Free, 0);
            await SubnetworkAsync(raw, "c1", "new", AddressPhase.Leased, 0);
            await SubnetworkAsync(raw, "c1", "twin", AddressPhase.Leased, 0);
        });
        await using var root = await RootHost.StartAsync(store: store);
        await root.Local.UntilGoneAsync<Subnetwork>("c1.old");
        var next = await root.Local.CreateAsync(
            new Subnetwork { Metadata = new ObjectMeta { Name = "c1.w" }, Spec = new SubnetworkSpec { Cluster = "c1", Worker = "w" } }, Ct);
        Assert.Equal(1, next.Status!.Range!.Index);
    }

    private static async Task SeedAsync(MemoryStore store, Func<ApiServer, Task> seed)
    {
        await using var raw = await ApiServer.CreateAsync(new ApiServerOptions { Store = store }, Ct);
        await seed(raw);
    }

    private static async Task LeaseAsync(ApiServer raw, string address, string owner, AddressPhase phase)
    {
        var lease = await raw.Local.CreateAsync(
            new AddressLease { Metadata = new ObjectMeta { Name = address }, Spec = new AddressLeaseSpec { Use = "roundRobin", Owner = owner, Ipv4 = address } }, Ct);
        await raw.Local.UpdateStatusAsync(lease with { Status = new AddressLeaseStatus { Phase = phase, Since = TimeProvider.System.GetUtcNow() } }, Ct);
    }

    private static async Task SubnetworkAsync(ApiServer raw, string cluster, string worker, AddressPhase phase, int index)
    {
        var value = await raw.Local.CreateAsync(
            new Subnetwork
            {
                Metadata = new ObjectMeta { Name = Subnetwork.NameFor(cluster, worker) },
                Spec = new SubnetworkSpec { Cluster = cluster, Worker = worker, Released = phase != AddressPhase.Leased },
            },
            Ct);
        var range = new SubnetworkRange(index, Addressing.Subnetworks.Ipv4(index).ToString(), Addressing.Subnetworks.Ipv6(index).ToString());
        await raw.Local.UpdateStatusAsync(value with { Status = new SubnetworkStatus { Phase = phase, Since = TimeProvider.System.GetUtcNow().AddHours(-1), Range = range } }, Ct);
    }
}
