using System.Globalization;

namespace Gatehouse.Lab;

/// <summary>What a host of the lab is for.</summary>
public enum LabHostKind
{
    Root,
    Cluster,
    Worker,

    /// <summary>Stands for everybody else: it is on the internet and has no way to the underlay.</summary>
    Outside,
}

/// <summary>One host: a network namespace with addresses of its own.</summary>
/// <param name="Name">Unique in the lab.</param>
/// <param name="Cluster">The cluster that it belongs to; null for root and outside.</param>
/// <param name="Underlay">Addresses with prefix length on the underlay; empty for the outside host.</param>
/// <param name="Public">Addresses with prefix length on the internet; empty for private hosts.</param>
public sealed record LabHost(string Name, LabHostKind Kind, string? Cluster, IReadOnlyList<string> Underlay, IReadOnlyList<string> Public)
{
    /// <summary>A worker that is reachable from the internet.</summary>
    public bool IsGateway => Kind == LabHostKind.Worker && Public.Count > 0;

    /// <summary>The underlay address of a family, without prefix length.</summary>
    public string UnderlayAddress(UnderlayFamily family) =>
        Bare(Underlay.Single(a => a.Contains(':', StringComparison.Ordinal) == (family == UnderlayFamily.Ipv6)));

    /// <summary>The public addresses without prefix length.</summary>
    public IEnumerable<string> PublicAddresses => Public.Select(Bare);

    private static string Bare(string address) => address[..address.IndexOf('/', StringComparison.Ordinal)];
}

/// <summary>
/// The hosts of a lab. Two networks: the underlay (192.168.0.0/16 and 2001:db8:1::/64), which joins root, clusters and workers, and the internet
/// (203.0.113.0/24 and 2001:db8:2::/64), which joins the gateways and the outside host. No router joins the two.
/// </summary>
/// <remarks>The IPv6 underlay is no fc00::/7 range, because those are the overlay's.</remarks>
public sealed record LabTopology(IReadOnlyList<LabHost> Hosts)
{
    /// <summary>The name of the outside host.</summary>
    public const string OutsideName = "outside";

    /// <summary>The name of the root host.</summary>
    public const string RootName = "root";

    public LabHost Root => Host(RootName);

    public LabHost Outside => Host(OutsideName);

    public IEnumerable<LabHost> Clusters => Hosts.Where(h => h.Kind == LabHostKind.Cluster);

    public IEnumerable<LabHost> Workers => Hosts.Where(h => h.Kind == LabHostKind.Worker);

    /// <summary>The host of a name.</summary>
    /// <exception cref="LabException">There is none; the message lists those that are there.</exception>
    public LabHost Host(string name) => Hosts.FirstOrDefault(h => h.Name == name)
        ?? throw new LabException($"there is no host '{name}' in this lab; there are: {string.Join(", ", Hosts.Select(h => h.Name))}");

    /// <summary>
    /// root, cluster1…, worker1… (numbered through all clusters, so that a host's name says which it is), outside. The last worker of each cluster is its
    /// gateway.
    /// </summary>
    public static LabTopology Create(LabOptions options)
    {
        List<LabHost> hosts = [new(RootName, LabHostKind.Root, null, UnderlayOf(0, 1), [])];
        for (var c = 1; c <= options.Clusters; c++) hosts.Add(new(Numbered("cluster", c), LabHostKind.Cluster, Numbered("cluster", c), UnderlayOf(1, c), []));
        for (var w = 1; w <= options.Workers * options.Clusters; w++)
        {
            var cluster = ((w - 1) / options.Workers) + 1;
            hosts.Add(new(
                Numbered("worker", w), LabHostKind.Worker, Numbered("cluster", cluster),
                UnderlayOf(2 + (w / 256), w % 256), w % options.Workers == 0 ? PublicOf(10 + cluster) : []));
        }

        hosts.Add(new(OutsideName, LabHostKind.Outside, null, [], PublicOf(200)));
        return new LabTopology(hosts);
    }

    private static string Numbered(string word, int number) => string.Create(CultureInfo.InvariantCulture, $"{word}{number}");

    private static string[] UnderlayOf(int third, int fourth) => [$"192.168.{third}.{fourth}/16", third == 0 ? $"2001:db8:1::{fourth:x}/64" : $"2001:db8:1::{third:x}:{fourth:x}/64"];

    private static string[] PublicOf(int last) => [$"203.0.113.{last}/24", $"2001:db8:2::{last:x}/64"];
}
