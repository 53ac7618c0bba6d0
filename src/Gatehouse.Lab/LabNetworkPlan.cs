namespace Gatehouse.Lab;

/// <summary>
/// The lab's wiring as input of <c>ip -batch</c>: two bridges in the lab's own namespace and, for each host, one virtual Ethernet pair for each network that it is on.
/// </summary>
public static class LabNetworkPlan
{
    /// <summary>The interface of a host on the underlay.</summary>
    public const string UnderlayInterface = "eth0";

    /// <summary>The interface of a host on the internet.</summary>
    public const string PublicInterface = "pub0";

    private const string UnderlayBridge = "underlay";
    private const string InternetBridge = "internet";

    /// <summary>The bridges, and one port for each host and network.</summary>
    /// <param name="initOf">The process id that stands for a host's namespaces.</param>
    public static IEnumerable<string> Switches(LabTopology topology, Func<LabHost, int> initOf)
    {
        yield return "link set lo up";
        foreach (var bridge in (string[])[UnderlayBridge, InternetBridge])
        {
            // Without snooping no multicast querier is needed; without STP a port forwards at once.
            yield return $"link add {bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0";
            yield return $"link set {bridge} up";
        }

        for (var i = 0; i < topology.Hosts.Count; i++)
        {
            var host = topology.Hosts[i];
            if (host.Underlay.Count > 0)
            {
                foreach (var line in Port($"u{i}", UnderlayBridge, UnderlayInterface, initOf(host))) yield return line;
            }

            if (host.Public.Count > 0)
            {
                foreach (var line in Port($"i{i}", InternetBridge, PublicInterface, initOf(host))) yield return line;
            }
        }
    }

    /// <summary>The addresses of one host; to be run inside it.</summary>
    public static IEnumerable<string> Addresses(LabHost host)
    {
        yield return "link set lo up";
        foreach (var line in Interface(UnderlayInterface, host.Underlay)) yield return line;
        foreach (var line in Interface(PublicInterface, host.Public)) yield return line;
    }

    private static IEnumerable<string> Port(string port, string bridge, string inside, int init)
    {
        yield return $"link add {port} type veth peer name {inside} netns {init}";
        yield return $"link set {port} master {bridge} up";
    }

    private static IEnumerable<string> Interface(string name, IReadOnlyList<string> addresses)
    {
        if (addresses.Count == 0) yield break;
        foreach (var address in addresses)
        {
            // No duplicate address detection: an address that is tentative for a second would make the first second of every lab fail.
            yield return address.Contains(':', StringComparison.Ordinal) ? $"address add {address} dev {name} nodad" : $"address add {address} dev {name}";
        }

        yield return $"link set {name} up";
    }
}
