using System.Net;
using Gatehouse.Linux;

namespace Gatehouse.Node;

/// <summary>The operator's settings of a node role.</summary>
public sealed record NodeOptions
{
    /// <summary>The worker's name in its cluster; the one in its certificate.</summary>
    public required string Name { get; init; }

    /// <summary>The address that other workers reach. It must be one of this host's, and outside of 10.16.0.0/12.</summary>
    public required IPAddress Underlay { get; init; }

    /// <summary>Where the role keeps what it needs to start without anybody: identity, subnetwork, instances, resolutions, peers.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>UDP port of the tunnel; the same on all workers. Default 4789.</summary>
    public int TunnelPort { get; init; } = 4789;

    /// <summary>VXLAN network identifier; the same on all workers. Default 1016.</summary>
    public uint Vni { get; init; } = 1016;

    /// <summary>Addresses of this host that outside hosts reach; empty for a private worker.</summary>
    public IReadOnlyList<IPAddress> PublicAddresses { get; init; } = [];

    /// <summary>Whether a gateway role runs here. Default false.</summary>
    public bool Gateway { get; init; }

    /// <summary>Port of the gateway's management API, which stays closed from outside. Default 11022.</summary>
    public int ManagementPort { get; init; } = 11022;

    /// <summary>Whether programs that an instance declares are run here. Default false.</summary>
    public bool RunsProcesses { get; init; }

    /// <summary>The program that <c>gatehouse</c> stands for in an instance's command; null refuses such commands.</summary>
    public string? OwnProgram { get; init; }

    /// <summary>What the programs of instances find in their environment beside a PATH. Default: nothing.</summary>
    public IReadOnlyDictionary<string, string> ProcessEnvironment { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Unix socket of the local API; null for none.</summary>
    public string? SocketPath { get; init; } = "/etc/netmanager/netmanager.sock";

    /// <summary>Where the devices and tables are; null for the process's own network namespace.</summary>
    public NetworkNamespace? Namespace { get; init; }

    /// <summary>Name of the tables. Default <c>gatehouse</c>.</summary>
    public string Table { get; init; } = "gatehouse";

    /// <summary>All devices begin with it; at most 8 characters. Default <c>gho-</c>.</summary>
    public string DevicePrefix { get; init; } = "gho-";

    /// <summary>Time-outs and bounds.</summary>
    public NodeLimits Limits { get; init; } = new();
}

/// <summary>Time-outs and bounds of a node role. What happens at each bound stands beside it.</summary>
public sealed record NodeLimits
{
    /// <summary>How long the worker's lease lasts without renewal. Default 15 s; renewed at a third of it.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long packets wait for the cluster's answer before they are dropped; their senders try again. Default 5 s.</summary>
    public TimeSpan Resolve { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long an address with nobody behind it is refused in the kernel without asking again. Default 5 s.</summary>
    public TimeSpan Refusal { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Questions that were answered with "there is no such address" and stand all the same, for the time of the refusal and up to a survey longer: a service that comes to be
    /// meanwhile is known at once. Further ones are given up at once. Default 256.
    /// </summary>
    public int UnknownInterests { get; init; } = 256;

    /// <summary>Destinations that are being resolved; packets to further ones are dropped. Default 4,096.</summary>
    public int WaitingDestinations { get; init; } = 4_096;

    /// <summary>Packets that wait for one destination; further ones are dropped. Default 64.</summary>
    public int WaitingPackets { get; init; } = 64;

    /// <summary>Requests with questions to the cluster at one time; further questions gather and go together. Default 4.</summary>
    public int Questions { get; init; } = 4;

    /// <summary>How long an interest is kept after its last flow ended. Default 5 min.</summary>
    public TimeSpan InterestIdle { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How often an interest is renewed; the cluster forgets it after ten minutes. Default 4 min: each renewal is a write there.</summary>
    public TimeSpan InterestRenewal { get; init; } = TimeSpan.FromMinutes(4);

    /// <summary>How often flows are counted and interests renewed. Default 20 s: shorter than a flow's life in the connection table.</summary>
    public TimeSpan Survey { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>From undeployment until the instance is stopped, when flows don't end before. Default 30 s.</summary>
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>From undeployment until the first look at its flows: by then every worker's maps are without it. Default 1 s.</summary>
    public TimeSpan DrainAtLeast { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>From the request to end until a process is killed. Default 5 s.</summary>
    public TimeSpan Stop { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often distances are measured. Default 5 s.</summary>
    public TimeSpan Probe { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>From the end of an instance's flows until they are ended once more: entries that were on their way into the table then. Default 100 ms.</summary>
    public TimeSpan SecondSweep { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How often devices, routes and neighbours are compared with what they should be, without any sign of a change. Default 60 s.</summary>
    public TimeSpan Repair { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How often it is asked whether the tables are whole; the longest time for which somebody's <c>nft flush ruleset</c> goes unnoticed. Default 500 ms.</summary>
    public TimeSpan TableWatch { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Bytes of an instance's output on disk; a file that is larger is emptied, half as much of its end stays beside it. Default 16 MiB. It is looked at once a second: what is
    /// printed in between, or while the agent is away, comes on top.
    /// </summary>
    public long InstanceLog { get; init; } = 16 << 20;

    /// <summary>Outputs that are kept of instances that ended; the oldest of further ones is removed. Default 64.</summary>
    public int EndedLogs { get; init; } = 64;
}
