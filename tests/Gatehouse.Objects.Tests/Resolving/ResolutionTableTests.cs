using FsCheck;
using FsCheck.Fluent;
using Gatehouse.Objects.Kinds;
using Gatehouse.Objects.Resolving;
using Gatehouse.TestKit;

namespace Gatehouse.Objects.Tests.Resolving;

public sealed class ResolutionTableTests
{
    private readonly ResolutionTable _table = new(new VersionClock(new ManualTimeProvider()));

    [Fact]
    public void A_service_is_found_by_everything_that_names_it_whatever_came_first()
    {
        _table.PutInstance(Instance("a", 0));
        Assert.Null(_table.Find("a"));
        Assert.Null(_table.Find("10.30.0.100"));
        _table.PutService(Service("a", "10.30.0.1", "fdff:2000::1"));
        foreach (var query in new[] { "a", "10.30.0.1", "fdff:2000::1", "10.30.0.100", "fdff::64" }) Assert.Equal([0], _table.Find(query)!.Instances.Select(i => i.Number));
        Assert.Equal(["10.30.0.1", "10.30.0.100", "a", "fdff:2000::1", "fdff::64"], _table.QueriesOf("a").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_change_touches_its_own_queries_and_one_that_says_the_same_touches_none()
    {
        _table.PutService(Service("a", "10.30.0.1", null));
        _table.PutService(Service("b", "10.30.0.2", null));
        var before = _table.Find("a")!.Version;
        Assert.Equal(["10.30.0.1", "10.30.0.100", "a", "fdff::64"], _table.PutInstance(Instance("a", 0)).Order(StringComparer.Ordinal));
        var after = _table.Find("a")!.Version;
        Assert.True(after > before);
        Assert.Empty(_table.PutInstance(Instance("a", 0)));
        Assert.Empty(_table.PutInstance(Instance("a", 0) with { Metadata = new ObjectMeta { Name = "a.0", ResourceVersion = "9" } }));
        Assert.Equal(after, _table.Find("a")!.Version);
    }

    [Theory]
    [InlineData(InstancePhase.Pending, false, false, 0)]
    [InlineData(InstancePhase.Running, false, false, 1)]
    [InlineData(InstancePhase.Running, true, false, 0)]
    [InlineData(InstancePhase.Running, false, true, 0)]
    [InlineData(InstancePhase.Draining, false, false, 0)]
    [InlineData(InstancePhase.Dead, false, false, 0)]
    public void Only_who_takes_connections_is_in(InstancePhase phase, bool undeploy, bool deleted, int count)
    {
        _table.PutService(Service("a", "10.30.0.1", null));
        var instance = Instance("a", 0, phase);
        instance = instance with { Spec = instance.Spec with { Undeploy = undeploy } };
        if (deleted) instance = instance with { Metadata = instance.Metadata with { DeletionTimestamp = DateTimeOffset.UnixEpoch } };
        _table.PutInstance(instance);
        Assert.Equal(count, _table.Find("a")!.Instances.Count);
        Assert.NotNull(_table.Find("10.30.0.100"));
    }

    [Fact]
    public void Load_is_told_only_for_services_that_balance_by_it()
    {
        var loaded = Instance("a", 0);
        loaded = loaded with { Status = loaded.Status! with { Load = 7 } };
        _table.PutService(Service("a", "10.30.0.1", null));
        _table.PutInstance(loaded);
        Assert.Null(_table.Find("a")!.Instances[0].Load);
        _table.PutService(Service("a", "10.30.0.1", null) with
        {
            Status = new FabricServiceStatus { Addresses = [new ServiceAddress(BalancingPolicy.LeastLoaded, "10.30.0.1", null)] },
        });
        Assert.Equal(7, _table.Find("a")!.Instances[0].Load);
    }

    [Fact]
    public void Known_again_is_newer_than_the_unknown_in_between()
    {
        _table.PutService(Service("a", "10.30.0.1", null));
        _table.PutInstance(Instance("a", 0));
        var before = _table.Find("a")!.Version;
        Assert.Contains("a", _table.RemoveService("a"));
        Assert.Null(_table.Find("a"));
        Assert.Contains("10.30.0.1", _table.PutService(Service("a", "10.30.0.1", null)));
        Assert.True(_table.Find("a")!.Version > before);
    }

    [Fact]
    public void Foreign_instances_join_the_own_and_the_own_are_known_better()
    {
        _table.PutInstance(Instance("a", 0));
        var foreign = new Resolution
        {
            Outcome = ResolutionOutcome.Found,
            Service = "a",
            Addresses = [new ServiceAddress(BalancingPolicy.RoundRobin, "10.30.0.1", null)],
            Instances = [Resolved(0, "c1"), Resolved(1, "c2"), Resolved(5, "c1")],
        };
        Assert.Contains("10.30.0.1", _table.PutForeign("a", foreign, "c1"));
        Assert.Equal([(0, "c1"), (1, "c2")], _table.Find("10.30.0.1")!.Instances.Select(i => (i.Number, i.Cluster)));
        Assert.Contains("a", _table.PutForeign("a", null, "c1"));
        Assert.Null(_table.Find("a"));
    }

    // Whatever comes in whatever order, the table says what a look at all objects would say, and versions of a service only grow.
    [Fact]
    public void Any_history_leads_to_what_the_objects_say() =>
        Prop.ForAll<PositiveInt[]>(steps =>
        {
            var table = new ResolutionTable(new VersionClock(new ManualTimeProvider()));
            Dictionary<string, FabricService> services = [];
            Dictionary<string, FabricInstance> instances = [];
            Dictionary<string, long> versions = [];
            foreach (var step in steps.Select(s => s.Get * 7_919))
            {
                var name = $"s{step / 4 % 3}";
                var instance = Instance(name, step / 12 % 4, (InstancePhase)(step / 48 % 4));
                switch (step % 4)
                {
                    case 0:
                        services[name] = Service(name, $"10.30.1.{step / 4 % 3 + 1}", null);
                        table.PutService(services[name]);
                        break;
                    case 1:
                        services.Remove(name);
                        table.RemoveService(name);
                        break;
                    case 2:
                        instances[instance.Metadata.Name] = instance;
                        table.PutInstance(instance);
                        break;
                    default:
                        instances.Remove(instance.Metadata.Name);
                        table.RemoveInstance(instance);
                        break;
                }

                foreach (var service in new[] { "s0", "s1", "s2" })
                {
                    var answer = table.Find(service);
                    Assert.Equal(services.ContainsKey(service), answer is not null);
                    if (answer is null) continue;
                    var expected = instances.Values.Where(i => i.Spec.Service == service && i.Status!.Phase == InstancePhase.Running).Select(i => i.Spec.Number).Order();
                    Assert.Equal(expected, answer.Instances.Select(i => i.Number));
                    Assert.Same(answer, table.Find(services[service].Status!.Addresses[0].Ipv4!));
                    Assert.True(answer.Version >= versions.GetValueOrDefault(service));
                    versions[service] = answer.Version;
                }
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300));

    [Fact]
    public void Versions_grow_though_the_clock_stands_or_goes_back_or_another_one_was_ahead()
    {
        var time = new ManualTimeProvider();
        var clock = new VersionClock(time);
        var first = clock.Next();
        Assert.Equal(first + 1, clock.Next());
        time.JumpTo(time.Start.AddDays(-1));
        Assert.Equal(first + 2, clock.Next());
        clock.Witness(first + 1_000_000);
        clock.Witness(5);
        Assert.Equal(first + 1_000_001, clock.Next());
        time.JumpTo(time.Start.AddDays(1));
        Assert.Equal(first + 86_400_000_000, clock.Next());
        Assert.True(clock.Next() < 1L << 53);
    }

    [Fact]
    public void Many_threads_never_get_one_version_twice()
    {
        var clock = new VersionClock(new ManualTimeProvider());
        var all = new long[40_000];
        Parallel.For(0, all.Length, i => all[i] = clock.Next());
        Assert.Equal(all.Length, all.Distinct().Count());
    }

    [Theory]
    [InlineData("w1", "app.NS.web.ns", "w1.app.ns.web.ns")]
    [InlineData("w1", "10.30.0.1", "w1.10.30.0.1")]
    [InlineData("w1", "fdff:2000::1", "w1.fdff-2000-0000-0000-0000-0000-0000-0001")]
    public void Interests_have_names_that_are_names(string holder, string query, string name)
    {
        Assert.Equal(name, Interest.NameFor(holder, query));
        Assert.True(Names.IsSubdomain(name));
    }

    private static ResolvedInstance Resolved(int number, string cluster) => new() { Number = number, Cluster = cluster, Worker = "w" };

    private static FabricService Service(string name, string ipv4, string? ipv6) => new()
    {
        Metadata = new ObjectMeta { Name = name },
        Status = new FabricServiceStatus { Addresses = [new ServiceAddress(BalancingPolicy.RoundRobin, ipv4, ipv6)] },
    };

    private static FabricInstance Instance(string service, int number, InstancePhase phase = InstancePhase.Running) => new()
    {
        Metadata = new ObjectMeta { Name = FabricInstance.NameFor(service, number) },
        Spec = new FabricInstanceSpec { Service = service, Number = number, Cluster = "c1", Worker = "w1" },
        Status = new FabricInstanceStatus
        {
            Phase = phase,
            Instance = new AddressPair($"10.30.0.{100 + number}", $"fdff::{100 + number:x}"),
            NamespaceAddress = new AddressPair($"10.18.0.{2 + number}", null),
        },
    };
}
