using System.Net;
using Gatehouse.TestKit;

namespace Gatehouse.Lab.Tests;

public sealed class LabTopologyTests
{
    /// <summary>What the overlay has for its own: an underlay in it could not be told from it.</summary>
    private static readonly IPNetwork[] Overlay = [IPNetwork.Parse("10.16.0.0/12"), IPNetwork.Parse("fc00::/7")];

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 1)]
    [InlineData(3, 2)]
    [InlineData(100, 16)]
    public void Names_and_addresses_are_unique_and_each_cluster_has_one_gateway(int workers, int clusters)
    {
        var topology = Create(workers, clusters);
        var addresses = topology.Hosts.SelectMany(h => h.Underlay.Concat(h.Public)).ToList();

        Assert.Equal(2 + clusters + (workers * clusters), topology.Hosts.Count);
        Assert.Equal(topology.Hosts.Count, topology.Hosts.Select(h => h.Name).Distinct().Count());
        Assert.Equal(addresses.Count, addresses.Distinct().Count());
        foreach (var cluster in topology.Clusters) Assert.Single(topology.Workers, w => w.IsGateway && w.Cluster == cluster.Name);
        foreach (var address in addresses.Select(a => IPAddress.Parse(a[..a.IndexOf('/', StringComparison.Ordinal)])))
            Assert.DoesNotContain(Overlay, o => o.Contains(address));
    }

    [Fact]
    public void The_outside_host_is_on_no_underlay()
    {
        var topology = Create(3, 1);

        Assert.Empty(topology.Outside.Underlay);
        Assert.Equal(2, topology.Outside.Public.Count);
        Assert.All(topology.Hosts.Where(h => h.Kind != LabHostKind.Outside), h => Assert.Equal(2, h.Underlay.Count));
    }

    [Fact]
    public void Addresses_are_written_the_short_way() =>
        Assert.All(Create(100, 16).Hosts.SelectMany(h => h.Underlay.Concat(h.Public)), a => Assert.Equal(IPAddress.Parse(a.Split('/')[0]).ToString(), a.Split('/')[0]));

    [Fact]
    public void An_unknown_host_is_told_with_those_there_are()
    {
        var thrown = Assert.Throws<LabException>(() => Create(1, 1).Host("worker9"));

        Assert.Contains("'worker9'", thrown.Message, StringComparison.Ordinal);
        Assert.Contains("root, cluster1, worker1, outside", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Wiring_of_two_clusters()
    {
        var topology = Create(2, 2);
        var inits = topology.Hosts.Select((h, i) => (h.Name, Pid: 100 + i)).ToDictionary(h => h.Name, h => h.Pid, StringComparer.Ordinal);
        var lines = LabNetworkPlan.Switches(topology, h => inits[h.Name])
            .Concat(topology.Hosts.SelectMany(h => LabNetworkPlan.Addresses(h).Prepend($"# in {h.Name}")));

        GoldenFile.Check(string.Join('\n', lines), "two-clusters.ip");
    }

    [Theory]
    [InlineData(UnderlayFamily.Ipv4)]
    [InlineData(UnderlayFamily.Ipv6)]
    public void Command_lines_of_the_roles(UnderlayFamily family)
    {
        var topology = Create(2, 1);
        var paths = new LabPaths("/lab");
        var lines = topology.Hosts.SelectMany(h => LabRoles.Of(h).Select(r => $"{h.Name}: {string.Join(' ', LabRoles.Arguments(topology, family, paths, h, r))}"));

        GoldenFile.Check(string.Join('\n', lines), $"roles-{family.ToString().ToLowerInvariant()}.txt");
    }

    private static LabTopology Create(int workers, int clusters) =>
        LabTopology.Create(new LabOptions { Workers = workers, Clusters = clusters, Directory = "/lab", Program = ["gatehouse"] });
}
