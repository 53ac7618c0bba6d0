using System.Globalization;

namespace Gatehouse.Lab;

/// <summary>Which roles run on which host, and with which command line. What stands here is what an operator would type on real machines.</summary>
public static class LabRoles
{
    public const string Root = "root";
    public const string Cluster = "cluster";
    public const string Node = "node";
    public const string Gateway = "gateway";

    /// <summary>Where a host's node takes the node engine's requests.</summary>
    public const string NodeSocket = "/run/gatehouse/netmanager.sock";

    private const int RootPort = 7443;
    private const int ClusterPort = 7444;

    /// <summary>The roles of a host, in the order of their start.</summary>
    public static IReadOnlyList<string> Of(LabHost host) => host.Kind switch
    {
        LabHostKind.Root => [Root],
        LabHostKind.Cluster => [Cluster],
        LabHostKind.Worker => host.IsGateway ? [Node, Gateway] : [Node],
        _ => [],
    };

    /// <summary>The arguments after the program's name.</summary>
    public static IReadOnlyList<string> Arguments(LabTopology topology, UnderlayFamily family, LabPaths paths, LabHost host, string role) =>
        [.. Common(paths, host, role), .. Special(topology, family, paths, host, role)];

    private static string[] Common(LabPaths paths, LabHost host, string role) => ["serve", role, "--log", "text", "--state", paths.State(host.Name, role)];

    private static IEnumerable<string> Special(LabTopology topology, UnderlayFamily family, LabPaths paths, LabHost host, string role) => role switch
    {
        Root => ["--listen", EndPoint(host, family, RootPort)],
        Cluster =>
        [
            "--listen", EndPoint(host, family, ClusterPort), "--name", host.Name, "--root", Url(topology.Root, family, RootPort),
            "--token-file", paths.Token(host.Name, role),
        ],
        Node =>
        [
            "--name", host.Name, "--cluster", ClusterUrl(topology, host, family), "--token-file", paths.Token(host.Name, role),
            "--underlay", host.UnderlayAddress(family), "--socket", NodeSocket, "--run-processes",
            .. host.PublicAddresses.SelectMany(a => (string[])["--public", a]), .. host.IsGateway ? (string[])["--gateway"] : [],
        ],

        // The gateway role acts with its worker's certificate: the node on the same host keeps it fresh.
        Gateway => ["--name", host.Name, "--cluster", ClusterUrl(topology, host, family), "--identity", Path.Combine(paths.State(host.Name, Node), "identity")],
        _ => throw new ArgumentOutOfRangeException(nameof(role), role, "is no role"),
    };

    /// <summary>The host whose API server hands out the token of a role; null for root, which needs none, and for roles that share an identity.</summary>
    public static LabHost? TokenIssuer(LabTopology topology, LabHost host, string role) => role switch
    {
        Cluster => topology.Root,
        Node => topology.Host(host.Cluster!),
        _ => null,
    };

    /// <summary>The join role that a token is for.</summary>
    public static string TokenRole(string role) => role == Node ? "worker" : role;

    private static string ClusterUrl(LabTopology topology, LabHost host, UnderlayFamily family) => Url(topology.Host(host.Cluster!), family, ClusterPort);

    private static string Url(LabHost host, UnderlayFamily family, int port) => $"https://{EndPoint(host, family, port)}";

    private static string EndPoint(LabHost host, UnderlayFamily family, int port)
    {
        var address = host.UnderlayAddress(family);
        return string.Create(CultureInfo.InvariantCulture, $"{(family == UnderlayFamily.Ipv6 ? $"[{address}]" : address)}:{port}");
    }
}
