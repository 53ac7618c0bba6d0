using Gatehouse.Addressing;
using Gatehouse.Api.Client;
using Gatehouse.Api.Resolving;
using Gatehouse.Cluster.Instances;
using Gatehouse.Cluster.Oakestra;
using Gatehouse.Cluster.Peers;
using Gatehouse.Cluster.Resolving;
using Gatehouse.Cluster.Upstream;
using Gatehouse.Cluster.Workers;
using Gatehouse.Objects.Kinds;
using Gatehouse.Objects.Resolving;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Cluster;

/// <summary>The cluster's tables, and what its rooms share.</summary>
internal sealed class ClusterState
{
    public ClusterState(ClusterOptions options, TimeProvider time, ILogger logger)
    {
        var clock = new VersionClock(time);
        Table = new ResolutionTable(clock);
        Calls = new CallTable(options.Name);
        Foreign = new ForeignTable(options.Name, Table);
        Interests = new InterestDesk(
            new InterestDeskOptions
            {
                Name = "cluster.interests",
                Lease = options.InterestLease,
                PerHolder = options.InterestsPerWorker,
                Served = (SemanticRange.IsServed, SemanticRange.ServedText),
                PermanentHolder = OakestraCluster.Holder,
                Time = time,
                Logger = logger,
            },
            Table,
            clock,
            Unknown);
    }

    public ClusterFeeds Feeds { get; } = new();

    public InstanceIndex InstanceIndex { get; } = new();

    public WorkerAddresses WorkerAddresses { get; } = new();

    public ResolutionTable Table { get; }

    public ForeignTable Foreign { get; }

    public InterestDesk Interests { get; }

    public CallTable Calls { get; }

    /// <summary>The cluster's own API server.</summary>
    public LateClient Local { get; } = new();

    /// <summary>Null for a cluster without root.</summary>
    public RootLink? Upstream { get; set; }

    /// <summary>Has a service looked at again.</summary>
    public Action<string> MarkService { get; set; } = static _ => { };

    // Versions are the desk's to give: root counts by another clock.
    private Resolution Unknown(string query)
    {
        if (Upstream is null) return new Resolution { Outcome = ResolutionOutcome.Unknown, Message = $"this cluster knows no service with name or address {query}, and has no root to ask" };
        return Foreign.Find(query) is { Outcome: ResolutionOutcome.Unknown } answer
            ? answer with { Version = 0 }
            : new Resolution { Outcome = ResolutionOutcome.Pending, Message = "this cluster does not know it; root is asked, and has not answered yet" };
    }
}
