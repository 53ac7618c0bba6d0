using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestHosts;
using Gatehouse.TestKit;
using static Gatehouse.Root.Tests.AddressTests;

namespace Gatehouse.Root.Tests;

public sealed class PeerTests
{
    public static TheoryData<string, PeerSpec, string> Lies => new()
    {
        { "c1.w2", Spec(), "metadata.name: 'c1.w2' is not valid: must be CLUSTER.WORKER: c1.w1" },
        { "c1.w1", Spec() with { Underlay = "somewhere" }, "spec.underlay" },
        { "c1.w1", Spec() with { Subnetwork = new SubnetworkRange(1, "10.18.0.64/26", "fc00::100/120") }, "must be what c1.w1 leases: 10.18.0.0/26" },
        { "c1.w1", Spec() with { Subnetwork = new SubnetworkRange(0, "10.18.0.0/25", "fc00::/120") }, "must be what c1.w1 leases" },
        { "c1.w1", Bound("10.30.0.3", "10.18.0.2"), "spec.bindings[0].instance: '10.30.0.3' is not valid: must be the address of an instance of cluster c1" },
        { "c1.w1", Bound("10.30.0.1", "10.18.0.2"), "must be the address of an instance of cluster c1" },
        { "c1.w1", Bound("10.30.0.2", "10.18.0.66"), "spec.bindings[0].namespaceAddress: '10.18.0.66' is not valid: must lie in 10.18.0.0/26" },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task A_cluster_can_not_claim_for_its_worker_what_is_not_its(string name, PeerSpec spec, string reason)
    {
        await using var root = await StartAsync();
        var peer = new Peer { Metadata = new ObjectMeta { Name = name }, Spec = spec };
        var refusal = await Assert.ThrowsAsync<ApiStatusException>(() => root.ClusterClient("c1").CreateAsync(peer, Ct));
        Assert.Equal(422, refusal.Status.Code);
        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_its_own_is_taken_and_every_cluster_reads_it()
    {
        await using var root = await StartAsync();
        await root.ClusterClient("c1").CreateAsync(new Peer { Metadata = new ObjectMeta { Name = "c1.w1" }, Spec = Bound("10.30.0.2", "10.18.0.2") }, Ct);
        Assert.Equal("10.30.0.2", (await root.ClusterClient("c2").ListAsync<Peer>(Selection.All, Ct)).Items.Single().Spec.Bindings.Single().Instance.Ipv4);
        var forged = new Peer { Metadata = new ObjectMeta { Name = "c1.w1" }, Spec = Spec() };
        Assert.Equal(403, (await Assert.ThrowsAsync<ApiStatusException>(() => root.ClusterClient("c2").UpdateAsync(forged, Ct))).Status.Code);
    }

    [Fact]
    public async Task A_peer_says_which_clusters_have_to_know_it_and_only_root_says_so()
    {
        await using var root = await StartAsync();
        var (c1, c2) = (root.ClusterClient("c1"), root.ClusterClient("c2"));
        var labels = new Dictionary<string, string> { ["site"] = "north", [Peer.ReachPrefix + "c9"] = "" };
        var made = await c1.CreateAsync(new Peer { Metadata = new ObjectMeta { Name = "c1.w1", Labels = labels }, Spec = Spec() with { Calls = ["c3", "c1", "c3"] } }, Ct);
        Assert.Equal(["c3", "site"], Labels(made));

        // An instance there, of a service that c2 asks for: before it runs.
        var asked = await c2.CreateAsync(new Interest { Metadata = new ObjectMeta { Name = "c2.a" }, Spec = new InterestSpec { Holder = "c2", Query = "a" } }, Ct);
        await root.Local.MergePatchAsync<FabricInstance>("a.0", """{"spec":{"worker":"w1"}}""", null, Ct);
        await root.Local.UntilThereAsync<Peer>("c1.w1", p => Labels(p).SequenceEqual(["c2", "c3", "site"]));
        await c1.UpdateAsync((await root.Local.GetAsync<Peer>("c1.w1", Ct))! with { Spec = Spec() }, Ct);
        Assert.Equal(["c2", "site"], Labels((await root.Local.GetAsync<Peer>("c1.w1", Ct))!));

        await root.RestartAsync();
        Assert.Equal(["c1.w1"], (await root.ClusterClient("c2").ListAsync<Peer>(new Selection(Labels: Peer.ReachSelector("c2")), Ct)).Items.Select(p => p.Metadata.Name));
        await root.Local.DeleteAsync<Interest>(asked.Key, null, Ct);
        await root.Local.UntilThereAsync<Peer>("c1.w1", p => Labels(p).SequenceEqual(["site"]));
    }

    private static IEnumerable<string> Labels(Peer peer) => (peer.Metadata.Labels?.Keys ?? []).Select(k => k.Split('/')[^1]).Order(StringComparer.Ordinal);

    // c1.w1 leases index 0; instance a.0 of c1 has 10.30.0.2, a.1 of c2 has 10.30.0.3.
    private static async Task<RootHost> StartAsync()
    {
        var root = await RootHost.StartAsync();
        await root.Local.CreateAsync(new Subnetwork { Metadata = new ObjectMeta { Name = "c1.w1" }, Spec = new SubnetworkSpec { Cluster = "c1", Worker = "w1" } }, Ct);
        await root.Local.CreateAsync(Service("a"), Ct);
        await root.Local.CreateAsync(Instance("a", 0), Ct);
        await root.Local.CreateAsync(Instance("a", 1, "c2"), Ct);
        // The lease of the last address follows its event: what precedes it is in memory too.
        await root.Local.UntilThereAsync<AddressLease>("10.30.0.3", _ => true);
        await root.RestartAsync();
        return root;
    }

    private static PeerSpec Spec() => new() { Cluster = "c1", Worker = "w1", Underlay = "192.0.2.1", Subnetwork = new SubnetworkRange(0, "10.18.0.0/26", "fc00::/120") };

    private static PeerSpec Bound(string instance, string address) => Spec() with { Bindings = [new PeerBinding(new AddressPair(instance, null), new AddressPair(address, null))] };
}
