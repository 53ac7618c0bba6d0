using System.Net;
using Gatehouse.Root.Oakestra;

namespace Gatehouse.Root;

/// <summary>What an operator can set of the root service manager.</summary>
public sealed record RootOptions
{
    /// <summary>How long a subnetwork that was given back is nobody's. Default 10 minutes. Longer than any flow's drain, or packets reach the wrong worker.</summary>
    public TimeSpan SubnetworkQuarantine { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The same for service and instance addresses. Default 10 minutes.</summary>
    public TimeSpan AddressQuarantine { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Subnetworks never leased, as indexes; null for none.</summary>
    public IReadOnlyList<int> ReservedSubnetworks { get; init; } = [];

    /// <summary>Service and instance addresses that are never handed out, beside the first and last of 10.30.0.0/16 and the first of each IPv6 range.</summary>
    public IReadOnlyList<IPAddress> ReservedAddresses { get; init; } = [];

    /// <summary>An interest that its cluster did not renew for this long is deleted. Default 1 hour; clusters renew at half of it.</summary>
    public TimeSpan InterestLease { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Interests that one cluster may hold; beyond: 429. Default 70,000: more than there are service addresses.</summary>
    public int InterestsPerCluster { get; init; } = 70_000;

    /// <summary>Oakestra's HTTP surface.</summary>
    public OakestraOptions Oakestra { get; init; } = new();
}
