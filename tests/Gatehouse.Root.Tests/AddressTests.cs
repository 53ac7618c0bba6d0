using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestHosts;
using Gatehouse.TestKit;

namespace Gatehouse.Root.Tests;

public sealed class AddressTests
{
    [Fact]
    public async Task A_service_that_is_still_used_is_not_deleted_and_keeps_its_address()
    {
        await using var root = await RootHost.StartAsync();
        var service = await root.Local.CreateAsync(new FabricService { Metadata = new ObjectMeta { Name = "web" }, Spec = new FabricServiceSpec { Policies = [BalancingPolicy.RoundRobin] } }, Ct);
        var address = service.Status!.Addresses.Single().Ipv4!;
        await root.Local.CreateAsync(new FabricInstance { Metadata = new ObjectMeta { Name = "web.0" }, Spec = new FabricInstanceSpec { Service = "web", Number = 0, Cluster = "c1" } }, Ct);
        await root.Local.CreateAsync(new Cluster { Metadata = new ObjectMeta { Name = "c1" } }, Ct);
        await UntilKnownAsync(new GatewayHost { Metadata = new ObjectMeta { Name = "gw" }, Spec = new GatewayHostSpec { Cluster = "c1", PublicAddresses = ["203.0.113.1"] } });
        await UntilKnownAsync(new Exposure { Metadata = new ObjectMeta { Name = "web-8080" }, Spec = new ExposureSpec { Gateway = "gw", Port = 8080, ServiceAddress = address, ServicePort = 80 } });

        var both = await Assert.ThrowsAsync<ApiStatusException>(() => root.Local.DeleteAsync<FabricService>("web", null, Ct));
        await root.Local.MergePatchAsync<FabricInstance>("web.0", """{"spec":{"undeploy":true}}""", null, Ct);
        var exposed = await Assert.ThrowsAsync<ApiStatusException>(() => root.Local.DeleteAsync<FabricService>("web", null, Ct));
        await root.Local.DeleteAsync<Exposure>("web-8080", null, Ct);
        await root.Local.DeleteAsync<FabricService>("web", null, Ct);

        Assert.Equal((409, "FabricService web: is still used: instances web.0; exposures web-8080; undeploy its instances (gatehouse undeploy web) and delete its exposures first"), (both.Status.Code, both.Status.Message));
        Assert.Contains("is still used: exposures web-8080;", exposed.Status.Message, StringComparison.Ordinal);
        Assert.Null(await root.Local.GetAsync<FabricService>("web", Ct));

        // Root's tables hear of what an object refers to a moment after it is stored.
        async Task UntilKnownAsync<T>(T value)
            where T : ApiObject, IKind<T>
        {
            while (true)
            {
                try
                {
                    await root.Local.CreateAsync(value, Ct);
                    return;
                }
                catch (ApiStatusException e) when (e.Status.Code == 422)
                {
                    await Task.Yield();
                    Ct.ThrowIfCancellationRequested();
                }
            }
        }
    }

    [Fact]
    public async Task Each_policy_gets_a_pair_out_of_its_range_in_the_create()
    {
        await using var root = await RootHost.StartAsync();
        var service = await root.Local.CreateAsync(Service("a", [.. Enum.GetValues<BalancingPolicy>()]), Ct);
        Assert.Equal(
            [
                new(BalancingPolicy.RoundRobin, "10.30.0.1", "fdff:2000::1"),
                new(BalancingPolicy.Closest, "10.30.0.2", "fdff:1000::1"),
                new(BalancingPolicy.LeastLoaded, "10.30.0.3", "fdff:3000::1"),
                new(BalancingPolicy.Weighted, "10.30.0.4", "fdff:4000::1"),
                new ServiceAddress(BalancingPolicy.Sticky, "10.30.0.5", "fdff:5000::1"),
            ],
            service.Status!.Addresses);
        var instance = await root.Local.CreateAsync(Instance("a", 0), Ct);
        Assert.Equal(new AddressPair("10.30.0.6", "fdff::1"), instance.Status!.Instance);
        Assert.Equal(InstancePhase.Pending, instance.Status.Phase);
    }

    [Fact]
    public async Task A_chosen_address_is_honoured_and_never_handed_out_again()
    {
        await using var root = await RootHost.StartAsync();
        var chosen = await root.Local.CreateAsync(Choose("a", "10.30.0.2", "fdff:2000::2"), Ct);
        Assert.Equal([new ServiceAddress(BalancingPolicy.RoundRobin, "10.30.0.2", "fdff:2000::2")], chosen.Status!.Addresses);
        Assert.Equal("10.30.0.1", (await root.Local.CreateAsync(Instance("a", 0), Ct)).Status!.Instance!.Ipv4);
        Assert.Equal("10.30.0.3", (await root.Local.CreateAsync(Instance("a", 1), Ct)).Status!.Instance!.Ipv4);
        var b = (await root.Local.CreateAsync(Service("b"), Ct)).Status!.Addresses.Single();
        Assert.Equal(("10.30.0.4", "fdff:2000::1"), (b.Ipv4, b.Ipv6));
        Assert.Equal("fdff:2000::3", (await root.Local.CreateAsync(Service("c"), Ct)).Status!.Addresses.Single().Ipv6);
    }

    [Theory]
    [InlineData("10.30.0.77", null, "spec.chosen[0].ipv4: '10.30.0.77' is not valid: is reserved and never handed out")]
    [InlineData("10.30.0.0", null, "is reserved and never handed out")]
    [InlineData("10.30.255.255", null, "is reserved and never handed out")]
    [InlineData("10.31.0.1", null, "lies outside 10.30.0.0/16")]
    [InlineData("10.30.0.1", null, "is taken by service/taken")]
    [InlineData("10.30.300.1", null, "10.30.300.1")]
    [InlineData("fdff:2000::9", null, "must be an IPv4 address in 10.30.0.0/16")]
    [InlineData(null, "fdff:1000::9", "lies outside fdff:2000::/21, fdff:2800::/21")]
    [InlineData(null, "fdff:2000::", "is reserved and never handed out")]
    [InlineData(null, "fdff:2000::1", "is taken by service/taken")]
    [InlineData(null, "10.30.0.9", "must be an IPv6 address in fdff:2000::/21, fdff:2800::/21")]
    [InlineData("10.31.0.1", "fdff:1000::9", "lies outside fdff:2000::/21")]
    public async Task A_chosen_address_is_refused_with_the_reason(string? ipv4, string? ipv6, string reason)
    {
        await using var root = await RootHost.StartAsync(new RootOptions { ReservedAddresses = [System.Net.IPAddress.Parse("10.30.0.77")] });
        await root.Local.CreateAsync(Service("taken"), Ct);
        var refusal = await Assert.ThrowsAsync<ApiStatusException>(() => root.Local.CreateAsync(Choose("a", ipv4, ipv6), Ct));
        Assert.Equal(422, refusal.Status.Code);
        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
        Assert.Equal("10.30.0.2", (await root.Local.CreateAsync(Service("next"), Ct)).Status!.Addresses.Single().Ipv4);
    }

    [Fact]
    public async Task A_deleted_services_address_waits_in_quarantine_and_then_comes_again()
    {
        var time = new ManualTimeProvider();
        await using var root = await RootHost.StartAsync(time: time);
        await root.Local.CreateAsync(Service("a"), Ct);
        await root.Local.UntilThereAsync<AddressLease>("10.30.0.1", l => l is { Spec.Owner: "service/a", Spec.Use: "roundRobin", Status.Phase: AddressPhase.Leased });
        await root.Local.DeleteAsync<FabricService>("a", null, Ct);
        await root.Local.UntilThereAsync<AddressLease>("10.30.0.1", l => l.Status!.Phase == AddressPhase.Quarantined);
        var refusal = await Assert.ThrowsAsync<ApiStatusException>(() => root.Local.CreateAsync(Choose("b", "10.30.0.1", null), Ct));
        Assert.Contains("was given back by service/a and stays in quarantine until 2026-03-01T12:10:00Z", refusal.Message, StringComparison.Ordinal);
        await root.RestartAsync();
        refusal = await Assert.ThrowsAsync<ApiStatusException>(() => root.Local.CreateAsync(Choose("b", "10.30.0.1", null), Ct));
        Assert.Contains("stays in quarantine until 2026-03-01T12:10:00Z", refusal.Message, StringComparison.Ordinal);
        time.Advance(TimeSpan.FromMinutes(10));
        await root.Local.UntilThereAsync<AddressLease>("10.30.0.1", l => l.Status!.Phase == AddressPhase.Free);
        await root.Local.CreateAsync(Choose("b", "10.30.0.1", null), Ct);
        await root.Local.UntilThereAsync<AddressLease>("10.30.0.1", l => l is { Spec.Owner: "service/b", Status.Phase: AddressPhase.Leased });
    }

    [Fact]
    public async Task Policies_can_be_added_and_removed_and_what_stays_keeps_its_address()
    {
        await using var root = await RootHost.StartAsync();
        var service = await root.Local.CreateAsync(Service("a"), Ct);
        var two = await root.Local.UpdateAsync(service with { Spec = service.Spec with { Policies = [BalancingPolicy.RoundRobin, BalancingPolicy.Sticky] } }, Ct);
        Assert.Equal(["10.30.0.1", "10.30.0.2"], two.Status!.Addresses.Select(a => a.Ipv4));
        var sticky = await root.Local.UpdateAsync(two with { Spec = two.Spec with { Policies = [BalancingPolicy.Sticky] } }, Ct);
        Assert.Equal(["10.30.0.2"], sticky.Status!.Addresses.Select(a => a.Ipv4));
        await root.Local.UntilThereAsync<AddressLease>("10.30.0.1", l => l.Status!.Phase == AddressPhase.Quarantined);
        var moved = sticky with { Spec = sticky.Spec with { Chosen = [new ServiceAddress(BalancingPolicy.Sticky, "10.30.9.9", null)] } };
        var refusal = await Assert.ThrowsAsync<ApiStatusException>(() => root.Local.UpdateAsync(moved, Ct));
        Assert.Contains("differs from the address that service/a has for life", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_writes_addresses_but_root()
    {
        await using var root = await RootHost.StartAsync();
        var service = await root.Local.CreateAsync(Service("a"), Ct);
        var forged = service with { Status = new FabricServiceStatus { Addresses = [new ServiceAddress(BalancingPolicy.RoundRobin, "10.30.7.7", null)], Message = "hm" } };
        Assert.Equal("10.30.0.1", (await root.Local.UpdateStatusAsync(forged, Ct)).Status!.Addresses.Single().Ipv4);
        await root.Local.UntilThereAsync<AddressLease>("10.30.0.1", _ => true);
        var lease = new AddressLease { Metadata = new ObjectMeta { Name = "10.30.7.7" }, Spec = new AddressLeaseSpec { Use = "roundRobin", Owner = "service/x", Ipv4 = "10.30.7.7" } };
        Assert.Equal(403, (await Assert.ThrowsAsync<ApiStatusException>(() => root.Local.CreateAsync(lease, Ct))).Status.Code);
        Assert.Equal(403, (await Assert.ThrowsAsync<ApiStatusException>(() => root.Local.DeleteAsync<AddressLease>("10.30.0.1", null, Ct))).Status.Code);
    }

    [Theory]
    [InlineData("a.1", "a", 0, "metadata.name: 'a.1' is not valid: must be SERVICE.NUMBER: a.0")]
    [InlineData("b.0", "b", 0, "spec.service: 'b' is not valid: no such service")]
    public async Task A_wrong_instance_is_refused(string name, string service, int number, string reason)
    {
        await using var root = await RootHost.StartAsync();
        await root.Local.CreateAsync(Service("a"), Ct);
        var bad = Instance(service, number) with { Metadata = new ObjectMeta { Name = name } };
        var refusal = await Assert.ThrowsAsync<ApiStatusException>(() => root.Local.CreateAsync(bad, Ct));
        Assert.Equal(422, refusal.Status.Code);
        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_instance_keeps_its_address_for_life_whatever_its_cluster_reports()
    {
        await using var root = await RootHost.StartAsync();
        await root.Local.CreateAsync(Service("a"), Ct);
        var instance = await root.Local.CreateAsync(Instance("a", 0), Ct);
        var report = instance with { Status = new FabricInstanceStatus { Phase = InstancePhase.Running, Instance = new AddressPair("10.30.9.9", null) } };
        var stored = await root.ClusterClient("c1").UpdateStatusAsync(report, Ct);
        Assert.Equal((InstancePhase.Running, "10.30.0.2"), (stored.Status!.Phase, stored.Status.Instance!.Ipv4));
        await root.RestartAsync();
        Assert.Equal("10.30.0.3", (await root.Local.CreateAsync(Instance("a", 1), Ct)).Status!.Instance!.Ipv4);
    }

    [Fact]
    public async Task Exhaustion_is_a_clear_error_and_ends_with_the_first_address_that_is_free()
    {
        var reserved = Enumerable.Range(3, 65_530).Select(i => System.Net.IPAddress.Parse($"10.30.{i >> 8}.{i & 255}")).ToList();
        await using var root = await RootHost.StartAsync(new RootOptions { ReservedAddresses = reserved, AddressQuarantine = TimeSpan.Zero });
        await root.Local.CreateAsync(Service("a"), Ct);
        await root.Local.CreateAsync(Service("b"), Ct);
        await root.Local.CreateAsync(Choose("last", "10.30.255.253", null), Ct);
        await root.Local.CreateAsync(Choose("verylast", "10.30.255.254", null), Ct);
        var refusal = await Assert.ThrowsAsync<ApiStatusException>(() => root.Local.CreateAsync(Service("c"), Ct));
        Assert.Equal(503, refusal.Status.Code);
        Assert.Contains("no IPv4 service and instance addresses left", refusal.Message, StringComparison.Ordinal);
        await root.Local.DeleteAsync<FabricService>("a", null, Ct);
        await root.Local.UntilThereAsync<AddressLease>("10.30.0.1", l => l.Status!.Phase != AddressPhase.Leased);
        Assert.Equal("10.30.0.1", (await root.Local.CreateAsync(Service("c"), Ct)).Status!.Addresses.Single().Ipv4);
    }

    [Fact]
    public async Task Many_at_once_never_share_an_address_and_one_name_gets_one()
    {
        await using var root = await RootHost.StartAsync();
        await Parallel.ForEachAsync(Enumerable.Range(0, 600), new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (i, ct) =>
        {
            var name = $"s{i % 200}";
            try
            {
                if (i % 7 == 6) await root.Local.DeleteAsync<FabricService>(name, null, ct);
                else await root.Local.CreateAsync(Service(name), ct);
            }
            catch (ApiStatusException e) when (e.Is(StatusReason.AlreadyExists) || e.Is(StatusReason.Conflict))
            {
                // Somebody else was faster.
            }
        });
        var services = (await root.Local.ListAsync<FabricService>(Selection.All, Ct)).Items;
        Assert.Equal(services.Count, services.Select(s => s.Status!.Addresses.Single().Ipv4).Distinct().Count());
        Assert.Equal(services.Count, services.Select(s => s.Status!.Addresses.Single().Ipv6).Distinct().Count());
        foreach (var service in services)
            await root.Local.UntilThereAsync<AddressLease>(service.Status!.Addresses.Single().Ipv4!, l => l is { Status.Phase: AddressPhase.Leased } && l.Spec.Owner == $"service/{service.Metadata.Name}");
    }

    internal static FabricService Service(string name, params BalancingPolicy[] policies) => new()
    {
        Metadata = new ObjectMeta { Name = name },
        Spec = policies.Length == 0 ? new FabricServiceSpec() : new FabricServiceSpec { Policies = policies },
    };

    internal static FabricService Choose(string name, string? ipv4, string? ipv6)
    {
        var service = Service(name);
        return service with { Spec = service.Spec with { Chosen = [new ServiceAddress(BalancingPolicy.RoundRobin, ipv4, ipv6)] } };
    }

    internal static FabricInstance Instance(string service, int number, string? cluster = "c1") => new()
    {
        Metadata = new ObjectMeta { Name = FabricInstance.NameFor(service, number) },
        Spec = new FabricInstanceSpec { Service = service, Number = number, Cluster = cluster },
    };
}
