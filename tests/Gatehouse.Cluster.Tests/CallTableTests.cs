using Gatehouse.Api.Client;
using Gatehouse.Cluster.Peers;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Tests;

public sealed class CallTableTests
{
    private readonly CallTable _table = new("c1");

    [Fact]
    public void A_worker_calls_the_clusters_of_the_instances_behind_its_interests_but_not_its_own()
    {
        Assert.False(Apply(ObjectEventType.Added, "w1.a"));
        Assert.False(Apply(ObjectEventType.Modified, "w1.a", "c1"));
        Assert.Empty(_table.ClustersOf("w1"));
        Assert.True(Apply(ObjectEventType.Modified, "w1.a", "c3", "c1", "c2", "c2"));
        Assert.Equal(["c2", "c3"], _table.ClustersOf("w1"));
        Assert.Empty(_table.ClustersOf("w2"));
    }

    [Fact]
    public void The_same_said_again_turns_nothing()
    {
        Assert.True(Apply(ObjectEventType.Added, "w1.a", "c2"));
        Assert.False(Apply(ObjectEventType.Modified, "w1.a", "c2"));
        Assert.False(Apply(ObjectEventType.Added, "w1.b", "c2"));
    }

    [Fact]
    public void A_cluster_whose_instance_left_the_resolution_stays_until_the_interest_goes()
    {
        Apply(ObjectEventType.Added, "w1.a", "c2");
        Assert.False(Apply(ObjectEventType.Modified, "w1.a"));
        Assert.Equal(["c2"], _table.ClustersOf("w1"));
        Assert.True(Apply(ObjectEventType.Deleted, "w1.a"));
        Assert.Empty(_table.ClustersOf("w1"));
    }

    [Fact]
    public void A_cluster_goes_with_the_last_interest_that_leads_there()
    {
        Apply(ObjectEventType.Added, "w1.a", "c2");
        Apply(ObjectEventType.Added, "w1.b", "c2", "c3");
        Assert.False(Apply(ObjectEventType.Deleted, "w1.a"));
        Assert.True(Apply(ObjectEventType.Deleted, "w1.b"));
        Assert.Empty(_table.ClustersOf("w1"));
        Assert.False(Apply(ObjectEventType.Deleted, "w1.b"));
    }

    private bool Apply(ObjectEventType type, string name, params string[] clusters)
    {
        var interest = new Interest
        {
            Metadata = new ObjectMeta { Name = name },
            Spec = new InterestSpec { Holder = name.Split('.')[0], Query = name.Split('.')[1] },
            Status = new Resolution { Instances = [.. clusters.Select((c, i) => new ResolvedInstance { Number = i, Cluster = c, Worker = "w9" })] },
        };
        return _table.Apply(new ObjectEvent<Interest>(type, interest, "1"));
    }
}
