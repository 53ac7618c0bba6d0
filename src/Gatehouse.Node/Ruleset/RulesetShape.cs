using System.Net;

namespace Gatehouse.Node.Ruleset;

/// <summary>What the rules depend on, beside the elements of their sets. A change of it is a new load of the table; running flows don't notice.</summary>
internal sealed record RulesetShape
{
    /// <summary>The tables' name.</summary>
    public required string Table { get; init; }

    public required DeviceNames Devices { get; init; }

    /// <summary>This worker's own address on the underlay; null leaves the tunnel's rules out of the other family's table.</summary>
    public required IPAddress Underlay { get; init; }

    public required int TunnelPort { get; init; }

    /// <summary>The first address of the subnetwork: the bridge's, and the gateway's internal address.</summary>
    public required IPAddress Bridge4 { get; init; }

    public required IPAddress Bridge6 { get; init; }

    public required IPNetwork Subnetwork4 { get; init; }

    public required IPNetwork Subnetwork6 { get; init; }

    /// <summary>The management port, open to other workers on the bridge's address; null when this worker is no gateway.</summary>
    public int? ManagementPort { get; init; }
}

/// <summary>Names of the devices that are ours. All begin with the same word, which rules and clean-up match on.</summary>
internal sealed record DeviceNames(string Prefix)
{
    /// <summary>Holds the subnetwork's first address.</summary>
    public string Bridge => $"{Prefix}br";

    public string Vxlan => $"{Prefix}vx";

    public string Tun => $"{Prefix}tun";

    /// <summary>The host's ends of the instances' veth pairs begin with this; the host number in the subnetwork follows.</summary>
    public string Instance => $"{Prefix}i";

    public string OfInstance(int host) => $"{Instance}{host}";
}
