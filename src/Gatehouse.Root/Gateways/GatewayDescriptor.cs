namespace Gatehouse.Root.Gateways;

/// <summary>Oakestra's deployment descriptor of a gateway (sla_version v2.0), read and cleaned. Fields that were missing or faulty are empty.</summary>
internal sealed record GatewayDescriptor
{
    /// <summary>The one version of the document that there is.</summary>
    public const string SlaVersion = "v2.0";

    /// <summary><c>customerID</c>. Default <c>Admin</c>.</summary>
    public string Customer { get; init; } = "Admin";

    /// <summary><c>gateway.gateway_ID</c>; null to have one made.</summary>
    public string? GatewayId { get; init; }

    /// <summary><c>gateway.gateway_name</c>.</summary>
    public string Name { get; init; } = "";

    /// <summary><c>gateway.gateway_desc</c>.</summary>
    public string? Description { get; init; }

    /// <summary><c>gateway.public_gateway_ips</c>.</summary>
    public IReadOnlyList<string> PublicAddresses { get; init; } = [];

    /// <summary><c>cluster.cluster_ID</c>.</summary>
    public string? ClusterId { get; init; }

    /// <summary><c>cluster.cluster_name</c>.</summary>
    public string? ClusterName { get; init; }
}
