namespace Gatehouse.Api.Identity;

/// <summary>Who makes a request. Comes from a client certificate (CN and O) or a token, never from the source address.</summary>
/// <param name="Name">For example <c>system:worker:w1</c>.</param>
/// <param name="Groups">For example <c>system:workers</c>.</param>
public sealed record UserInfo(string Name, IReadOnlyList<string> Groups)
{
    public const string WorkerPrefix = "system:worker:";
    public const string ClusterPrefix = "system:cluster:";
    public const string WorkersGroup = "system:workers";
    public const string ClustersGroup = "system:clusters";

    /// <summary>May do everything (Kubernetes' own name).</summary>
    public const string MastersGroup = "system:masters";

    /// <summary>The worker's name, or null when it is no worker.</summary>
    public string? Worker => Groups.Contains(WorkersGroup) && Name.StartsWith(WorkerPrefix, StringComparison.Ordinal) ? Name[WorkerPrefix.Length..] : null;

    /// <summary>The cluster's name, or null when it is no cluster.</summary>
    public string? Cluster => Groups.Contains(ClustersGroup) && Name.StartsWith(ClusterPrefix, StringComparison.Ordinal) ? Name[ClusterPrefix.Length..] : null;

    /// <summary>Whether it may do everything.</summary>
    public bool IsMaster => Groups.Contains(MastersGroup);
}
